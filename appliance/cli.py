"""``pue-box``: the one command of the box.

``pue-box desk | agent | web`` become those processes; the other commands answer and end.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from contracts.errors import PueError

if TYPE_CHECKING:
    from collections.abc import Sequence

PROCESSES = {
    "desk": ("appliance.desk", "the desk: card, papers, sealed letters"),
    "agent": ("appliance.agent", "the agent: the road to the fleet"),
    "web": ("web_local", "the clerk's page"),
    "demo": ("provisioning.demo", "one box and one fleet on this machine; Ctrl-C ends it"),
}
"""Each is a program of its own: houses and processes never import each other."""

MOUNTED = (
    "appliance.devices.card_reader.cli",
    "appliance.capture.cli",
    "appliance.desk.cli",
    "appliance.desk.practice_command",
    "appliance.desk.authorities.cli",
)
"""Modules that add commands of their own, where they are installed."""


def parser() -> argparse.ArgumentParser:
    """All commands."""
    root = argparse.ArgumentParser(prog="pue-box", description=__doc__)
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text) in PROCESSES.items():
        # Everything behind the name belongs to the process, --help included.
        commands.add_parser(name, help=text, add_help=False, prefix_chars="\0")
    config = commands.add_parser("config", help="settings").add_subparsers(required=True, metavar="COMMAND")
    config.add_parser("show", help="a process' effective settings: pue-box config show desk [--config FILE]")
    journal = commands.add_parser("journal", help="the desk's journal").add_subparsers(
        required=True, metavar="COMMAND"
    )
    verify = journal.add_parser("verify", help="follow the chain from the first record")
    verify.add_argument(
        "--state", type=Path, default=Path("/var/lib/pue"), metavar="FOLDER", help="the box's state"
    )
    verify.add_argument("--json", action="store_true", help="answer as JSON")
    verify.set_defaults(run=_journal_verify)
    for module in MOUNTED:
        if _exists(module):
            part = importlib.import_module(module)
            if hasattr(part, "add_commands"):
                part.add_commands(commands)
    return root


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _journal_verify(arguments: Any) -> int:
    import msgspec

    from appliance.runtime.files import StorageMissing
    from appliance.vault import journal

    path = arguments.state / "vault" / "journal.jsonl"
    if not path.exists():
        raise StorageMissing(f"there is no journal at {path}", file=path.name)
    found = journal.verify(path)
    if arguments.json:
        print(msgspec.json.encode(found).decode())
    elif found.broken_at:
        print(
            f"broken: record {found.broken_at} does not follow from the one before; {found.records} are good"
        )
    else:
        torn = ", then an unfinished line" if found.torn else ""
        print(f"good: {found.records} records{torn}; the last is {found.last[:16]}")
    return 1 if found.broken_at else 0


def _become(process: str, arguments: list[str]) -> NoReturn:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", PROCESSES[process][0], *arguments])  # noqa: S606 - our own program


def main(argv: Sequence[str] | None = None) -> int:
    """0 done; 1 refused or failed, with a reason on stderr; 2 wrong use."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given and given[0] in PROCESSES:
        _become(given[0], given[1:])
    if given[:2] == ["config", "show"] and given[2:3] and given[2] in PROCESSES:
        _become(given[2], ["config", "show", *given[3:]])
    root = parser()
    arguments = root.parse_args(given)
    if not hasattr(arguments, "run"):
        root.error(f"say of which process: {', '.join(PROCESSES)}")
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
    except PueError as error:
        print(f"pue-box: {error} ({error.code})", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our answer has had enough (`| head`): nothing is wrong, and nobody is left to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
