"""The operators' page as a program.

    python -m fleet.console [--config FILE] [--set key=value]      serve (settings of the fleet, table `console`)
    python -m fleet.console user add NAME --role admin             make an account (password on standard input)
    python -m fleet.console user list | user disable NAME
    python -m fleet.console config show

Exit codes: 0 done, 1 refused or failed with a reason, 2 wrong use.
"""

from __future__ import annotations

import argparse
import getpass
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import PueError
from fleet import settings as fleet_settings
from fleet.clock import SystemClock, unix_ms
from fleet.console.app import ADMIN, ROLES, create_app
from fleet.console.ground import Ground
from fleet.console.pulse import Pulse
from fleet.console.tables import ACCOUNT_TABLES
from fleet.database import Database
from fleet.enrolment.keys import fleet_key
from fleet.faces.accounts import Accounts
from fleet.faces.serving import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    import flask

    from fleet.settings import FleetSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """The program's door."""
    args = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        effective = fleet_settings.load(file=args.config, overrides=args.set)
        if args.act is _show:
            print(effective.show(), end="")
        else:
            args.act(effective.value, args)
    except PueError as why:
        print(f"{why} [{why.code}]", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fleet.console",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(act=_serve)
    parser.add_argument("--config", type=Path, help="TOML file")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, over all else"
    )
    acts = parser.add_subparsers(metavar="COMMAND")
    acts.add_parser("serve", help="the default").set_defaults(act=_serve)
    user = acts.add_parser("user", help="operators' accounts").add_subparsers(required=True, metavar="ACT")
    add = user.add_parser("add", help="password on standard input")
    add.add_argument("name")
    add.add_argument("--role", choices=ROLES, default=ADMIN)
    add.add_argument("--totp", action="store_true", help="ask for a code of an authenticator app as well")
    add.set_defaults(act=_user_add)
    user.add_parser("list").set_defaults(act=_user_list)
    disable = user.add_parser("disable", help="close an account and end its sessions")
    disable.add_argument("name")
    disable.set_defaults(act=_user_disable)
    config = acts.add_parser("config", help="settings").add_subparsers(required=True, metavar="ACT")
    config.add_parser("show").set_defaults(act=_show)
    return parser


def _show(_settings: FleetSettings, _args: argparse.Namespace) -> None:
    """Marks the command in the parser; `main` answers it, because only it knows where each value came from."""


def accounts_of(database: Database) -> Accounts:
    """The operators' accounts of a fleet; its schema must stand."""
    clock = SystemClock()
    return Accounts(database, ACCOUNT_TABLES, roles=ROLES, now_ms=lambda: unix_ms(clock.now()))


def _user_add(settings: FleetSettings, args: argparse.Namespace) -> None:
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    secret = accounts_of(_database(settings)).add(args.name, password, args.role, totp=args.totp)
    print(f"totp {secret}" if secret else f"added {args.name} ({args.role})")


def _user_list(settings: FleetSettings, _args: argparse.Namespace) -> None:
    for name, role in accounts_of(_database(settings)).listed():
        print(name, role)


def _user_disable(settings: FleetSettings, args: argparse.Namespace) -> None:
    accounts_of(_database(settings)).disable(args.name)
    print(f"disabled {args.name}")


def _database(settings: FleetSettings) -> Database:
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.url)
    database.upgrade()
    return database


def _serve(settings: FleetSettings, _args: argparse.Namespace) -> None:
    _database(settings).close()
    fleet_key(settings.folder)  # said here and not at the first order: a reason on stderr and exit 1
    console = settings.console
    Server(lambda: _wire(settings), host=console.listen, port=console.port, name="console").run()


def _wire(settings: FleetSettings) -> flask.Flask:
    """Who talks to whom; runs in the serving process."""
    database = Database(settings.url)
    ground = Ground(
        database=database,
        settings=settings,
        clock=SystemClock(),
        accounts=accounts_of(database),
        key=lambda: fleet_key(settings.folder),
        pulse=Pulse(database),
    )
    return create_app(ground, behind_https=settings.console.behind_https)


if __name__ == "__main__":
    sys.exit(main())
