"""`make bench [ONLY=name]`: print the figures and write `build/bench.json`."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import msgspec

import tests.bench as here

OUT = Path(__file__).parents[2] / "build" / "bench.json"


def main() -> int:
    """Run every `figure_*` module of this folder; exit 1 if a goal is missed."""
    asked = argparse.ArgumentParser(prog="make bench", description=__doc__)
    asked.add_argument("--only", default="", help="only figures whose name contains this")
    only = asked.parse_args().only
    names = sorted(m.name for m in pkgutil.iter_modules(here.__path__) if m.name.startswith("figure_"))
    chosen = [name for name in names if only in name]
    if not chosen:
        print(f"no figure is called {only!r}; there are: {', '.join(n[7:] for n in names)}", file=sys.stderr)
        return 2
    figures = []
    for name in chosen:
        print(f"measuring {name[7:]} …", flush=True)
        for figure in importlib.import_module(f"tests.bench.{name}").figures():
            figures.append(figure)
            print(
                f"  {figure.name}: {figure.value:.4g} {figure.unit}; {figure.peer}: {figure.peer_value:.4g}; "
                f"ratio {figure.ratio:.2f} {f'(goal {figure.goal})' if figure.goal else ''}"
                f"{'' if figure.ok else '  MISSED'}"
            )
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
    print(f"written to {OUT.relative_to(Path.cwd()) if OUT.is_relative_to(Path.cwd()) else OUT}")
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
