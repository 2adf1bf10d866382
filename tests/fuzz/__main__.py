"""`python -m tests.fuzz cards | target NAME | corpus`: see docs/how-to/fuzz.md."""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build" / "fuzz"


def main() -> int:
    """Exit 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parts = parser.add_subparsers(required=True, metavar="WHAT", dest="what")
    cards = parts.add_parser("cards", help="read and judge cards with one answer changed")
    cards.add_argument("--count", type=int, default=10_000, help="how many (10000)")
    cards.add_argument("--seed", type=int, default=0, help="of the first (0)")
    target = parts.add_parser("target", help="run a coverage-guided fuzzer on one room")
    target.add_argument("name", help="a name of tests/fuzz/targets.py")
    target.add_argument("--seconds", type=int, default=60, help="how long (60)")
    parts.add_parser("corpus", help="write the inputs to begin with")
    asked = parser.parse_args()
    if asked.what == "cards":
        return _cards(range(asked.seed, asked.seed + asked.count))
    if asked.what == "target":
        return _target(asked.name, asked.seconds)
    corpus = importlib.import_module("tests.fuzz.corpus")
    print(f"{corpus.write()} inputs in {corpus.FOLDER}")
    return 0


def _cards(seeds: range) -> int:
    tally = importlib.import_module("tests.fuzz.mutants").try_many(seeds)
    for what, count in tally.outcomes.most_common():
        print(f"{count:8} {what}")
    print(
        f"{tally.count} cards; {tally.cpu_s / tally.count * 1e3:.1f} ms of CPU each, slowest {tally.slowest_s:.2f} s"
    )
    for seed, outcome in tally.bad.items():
        print(f"seed {seed}: {outcome}", file=sys.stderr)
    return 1 if tally.bad else 0


def _target(name: str, seconds: int) -> int:
    """Ends this process: the fuzzer exits by itself."""
    import atheris

    with atheris.instrument_imports(include=["appliance.cards"], enable_loader_override=False):
        targets = importlib.import_module("tests.fuzz.targets")
    if name not in targets.TARGETS:
        print(f"no target is called {name!r}; there are: {', '.join(targets.TARGETS)}", file=sys.stderr)
        return 2
    own, seeds = BUILD / name, Path(__file__).parent / "corpus" / name
    (own / "corpus").mkdir(parents=True, exist_ok=True)
    for seed in seeds.glob("*"):
        shutil.copy(seed, own / "corpus" / seed.name)
    arguments = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-timeout=10",
        "-rss_limit_mb=1024",
        f"-artifact_prefix={own}/",
        "-print_final_stats=1",
        str(own / "corpus"),
    ]
    atheris.Setup(arguments, lambda data: targets.run(targets.TARGETS[name], data))
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
