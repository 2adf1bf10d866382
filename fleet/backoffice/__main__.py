"""The recipient's side as a program of its own.

    python -m fleet.backoffice init                  make the keys and recipient.json for the fleet
    python -m fleet.backoffice join --certificate F --authority F   take over what the fleet issued
    python -m fleet.backoffice user add NAME         an officer's account (password on standard input)
    python -m fleet.backoffice [run]                 fetch, open, register, post; serve the officer's page
    python -m fleet.backoffice config show           the effective settings

Exit codes: 0 done, 1 refused or failed with a reason, 2 wrong use.
"""

from __future__ import annotations

import argparse
import getpass
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import PueError
from contracts.settings import Effective, SettingsError, load_settings
from fleet.backoffice import keys
from fleet.backoffice.app import OFFICER, Office, create_app
from fleet.backoffice.destinations.folder import FolderDestination
from fleet.backoffice.destinations.segnatura import Body
from fleet.backoffice.gate import HttpsGate
from fleet.backoffice.opening import Opener
from fleet.backoffice.register import ACCOUNT_TABLES, Register
from fleet.backoffice.rounds import Rounder, Rounds
from fleet.backoffice.settings import BackofficeSettings
from fleet.clock import SystemClock, unix_ms
from fleet.faces.accounts import Accounts
from fleet.faces.serving import Server, end_process

if TYPE_CHECKING:
    from collections.abc import Sequence

    import flask

    from fleet.backoffice.destinations.port import Destination

PREFIX = "PUE_BACKOFFICE_"


def main(arguments: Sequence[str] | None = None) -> int:
    """The program's door."""
    args = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        effective = _settings(args.config, args.set)
        return int(args.act(effective, args) or 0)
    except PueError as why:
        print(f"{why} [{why.code}]", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fleet.backoffice",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, help="TOML file")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, over all else"
    )
    parser.set_defaults(act=_run)
    acts = parser.add_subparsers(metavar="COMMAND")
    acts.add_parser("init", help="make the keys, once").set_defaults(act=_init)
    join = acts.add_parser("join", help="take over the client certificate the fleet issued")
    join.add_argument("--certificate", type=Path, required=True)
    join.add_argument("--authority", type=Path, required=True)
    join.set_defaults(act=_join)
    acts.add_parser("run", help="serve: the default").set_defaults(act=_run)
    user = acts.add_parser("user", help="officers' accounts").add_subparsers(required=True, metavar="ACT")
    add = user.add_parser("add", help="password on standard input")
    add.add_argument("name")
    add.add_argument("--totp", action="store_true", help="ask for a code of an authenticator app as well")
    add.set_defaults(act=_user_add)
    config = acts.add_parser("config", help="settings").add_subparsers(required=True, metavar="ACT")
    config.add_parser("show").set_defaults(act=lambda effective, _: print(effective.show(), end=""))
    return parser


def _settings(file: Path | None, overrides: Sequence[str]) -> Effective[BackofficeSettings]:
    try:
        layer = (str(file), file.read_bytes()) if file else None
    except OSError as why:
        raise SettingsError(f"settings file {file} cannot be read: {why.strerror}", key="") from None
    return load_settings(
        BackofficeSettings, file=layer, environ=os.environ, prefix=PREFIX, overrides=overrides
    )


def _init(effective: Effective[BackofficeSettings], _args: argparse.Namespace) -> int:
    settings = effective.value
    try:
        keys.create(settings.root, settings.name, SystemClock().now())
    except keys.KeysExist as why:
        print(why, file=sys.stderr)
    print(settings.root / keys.RECIPIENT)
    return 0


def _join(effective: Effective[BackofficeSettings], args: argparse.Namespace) -> None:
    keys.join(effective.value.root, args.certificate, args.authority)


def _user_add(effective: Effective[BackofficeSettings], args: argparse.Namespace) -> None:
    accounts = _accounts(_register(effective.value))
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    secret = accounts.add(args.name, password, OFFICER, totp=args.totp)
    print(f"totp {secret}" if secret else f"added {args.name}")


def _register(settings: BackofficeSettings) -> Register:
    own = keys.load(settings.root)
    path = settings.root / "register.db"
    return Register(path, own.statement, office=settings.office, sede=settings.sede)


def _destination(settings: BackofficeSettings) -> Destination | None:
    """The body's own register as configured; None: ours gives the number."""
    if settings.destination == "register":
        return None
    if not settings.folder.path:
        raise SettingsError("destination is folder: say which, with folder.path", key="folder.path")
    to = Body(settings.name, settings.folder.ipa, settings.folder.aoo)
    return FolderDestination(Path(settings.folder.path), to, ask_every_s=settings.folder.ask_every_s)


def _accounts(register: Register) -> Accounts:
    clock = SystemClock()
    return Accounts(register.db, ACCOUNT_TABLES, roles=(OFFICER,), now_ms=lambda: unix_ms(clock.now()))


def _run(effective: Effective[BackofficeSettings], _args: argparse.Namespace) -> None:
    settings = effective.value
    # Said here and not in the serving process: a reason on stderr and exit 1.
    keys.load(settings.root)
    _destination(settings)
    Server(
        lambda: _wire(settings), host=settings.listen_host, port=settings.listen_port, name="backoffice"
    ).run()


def _wire(settings: BackofficeSettings) -> flask.Flask:
    """Who talks to whom."""
    clock = SystemClock()
    register = _register(settings)
    opener = Opener(keys.load(settings.root), settings.root)
    gate = HttpsGate(settings.gate_url, settings.root)
    rounds = Rounds(register, opener, gate, clock, _destination(settings))
    rounder = Rounder(rounds, clock, every_s=settings.fetch_every_s, died=end_process)
    accounts = _accounts(register)
    office = Office(
        settings=settings, register=register, opener=opener, rounder=rounder, accounts=accounts, clock=clock
    )
    app = create_app(office)
    rounder.start()
    return app


if __name__ == "__main__":
    sys.exit(main())
