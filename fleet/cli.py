"""`pue-fleet`: the fleet's door for operators and scripts. Exit 0 done, 1 refused with a reason, 2 wrong use."""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import io
import os
import secrets
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from contracts.errors import PueError
from contracts.messages.orders import OrderKind, OrderState, Precondition
from contracts.messages.releases import MAX_CATALOGUE_BYTES, MAX_TRUST_BYTES
from contracts.practices.yaml_text import MAX_FILE_BYTES
from fleet import settings as fleet_settings
from fleet.clock import SystemClock
from fleet.database import Database
from fleet.enrolment.authority import Authority
from fleet.enrolment.keys import fleet_key, write_public
from fleet.health import board
from fleet.orders import book
from fleet.registry import boxes, certificates, recipients, table_files
from fleet.releases import catalogue, trust
from fleet.releases.book import Published, ReleaseView
from fleet.serve import gate, ingest, material, ports, whole
from fleet.settings import FleetSettings

DONE: Final = 0
REFUSED: Final = 1
MAX_INPUT_BYTES: Final = 4_194_304


class FileUnreadable(PueError):
    """A file named on the command line cannot be read."""

    code = "fleet.file_unreadable"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["backoffice"]:
        # A program of its own: the fleet's process never holds the code that opens letters.
        os.execv(sys.executable, [sys.executable, "-m", "fleet.backoffice", *words[1:]])  # noqa: S606 - our own program
    arguments = _parser().parse_args(words)
    try:
        return int(arguments.run(arguments) or DONE)
    except PueError as why:
        print(f"pue-fleet: {why} [{why.code}; {why.who}]", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return REFUSED


# ---- what stands


class _Ground:
    """Settings, database and clock of one command."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.effective = fleet_settings.load(file=arguments.config, overrides=arguments.set)
        self.settings: FleetSettings = ports.actual(self.effective.value)
        self.clock = SystemClock()
        self.as_json = bool(getattr(arguments, "json", False))

    def database(self) -> Database:
        return Database(self.settings.url)

    def say(self, answer: object, text: str) -> None:
        """The answer, as JSON where it was asked for."""
        print(msgspec.json.encode(answer).decode() if self.as_json else text)


def _serve(arguments: argparse.Namespace) -> None:
    ground = _Ground(arguments)
    whole.run(
        ground.effective.value,
        _passed_on(arguments),
        as_json=ground.as_json,
        say=lambda text: print(f"pue-fleet: {text}", file=sys.stderr, flush=True),
    )


def _ingest(arguments: argparse.Namespace) -> None:
    ingest.run(_Ground(arguments).settings)


def _gate(arguments: argparse.Namespace) -> None:
    gate.run(_Ground(arguments).settings)


def _init(arguments: argparse.Namespace) -> None:
    ground = _Ground(arguments)
    settings = ports.choose(ground.settings)
    database = ground.database()
    material.prepare(settings, database, ground.clock)
    revision = database.revision()
    database.close()
    ground.say(
        {"data_dir": settings.data_dir, "revision": revision},
        f"the fleet's folder {settings.data_dir} is ready (schema {revision})",
    )


def _config_show(arguments: argparse.Namespace) -> None:
    print(_Ground(arguments).effective.show(), end="")


# ---- boxes


def _box_add(arguments: argparse.Namespace) -> None:
    ground = _Ground(arguments)
    now, rules = ground.clock.now(), ground.settings.enrolment
    with ground.database().write() as session:
        box = boxes.add_box(
            session,
            arguments.site,
            now=now,
            first=ground.settings.boxes,
            name=arguments.name,
            office=arguments.office,
        )
        token = boxes.new_token(session, box, now=now, life=timedelta(hours=rules.token_hours))
    ground.say(
        {"box": box, "site": arguments.site, "token": token, "hours": rules.token_hours},
        f"box   {box}\ntoken {token}\nThe token is shown once and dies in {rules.token_hours} hours.",
    )


def _box_token(arguments: argparse.Namespace) -> None:
    ground = _Ground(arguments)
    hours = ground.settings.enrolment.token_hours
    with ground.database().write() as session:
        token = boxes.new_token(session, arguments.box, now=ground.clock.now(), life=timedelta(hours=hours))
    ground.say({"box": arguments.box, "token": token, "hours": hours}, f"token {token}")


def _box_list(arguments: argparse.Namespace) -> None:
    ground = _Ground(arguments)
    with ground.database().read() as session:
        lights = board.board(session)
    lines = [
        f"{light.box.box:<32} {light.box.site.site:<8} {light.box.state:<9} {light.life:<8} {light.box.site.comune}"
        for light in lights
    ]
    ground.say(lights, "\n".join(lines) or "no boxes yet: `pue-fleet box add --site a074-1`")


def _box_show(arguments: argparse.Namespace) -> None:
    ground = _Ground(arguments)
    with ground.database().read() as session:
        light = board.light(session, arguments.box)
    ground.say(light, msgspec.json.format(msgspec.json.encode(light)).decode())


def _box_retire(arguments: argparse.Namespace) -> None:
    ground = _Ground(arguments)
    now = ground.clock.now()
    with ground.database().write() as session:
        boxes.retire(session, arguments.box, now=now)
        count = certificates.revoke(session, arguments.box, why="retired", now=now)
    ground.say(
        {"box": arguments.box, "revoked": count},
        f"box {arguments.box} is retired, {count} certificates are revoked; a running fleet ends its session within seconds",
    )


def _box_export(arguments: argparse.Namespace) -> None:
    with _Ground(arguments).database().read() as session:
        sys.stdout.write(table_files.export(boxes.every(session)))


def _box_import(arguments: argparse.Namespace) -> None:
    ground = _Ground(arguments)
    rows = table_files.read(_file(arguments.file).decode("utf-8-sig", "replace"))
    life = timedelta(hours=ground.settings.enrolment.token_hours)
    with ground.database().write() as session:
        made = table_files.add_all(
            session, rows, now=ground.clock.now(), first=ground.settings.boxes, life=life
        )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["box", "site", "token"])
    writer.writerows([row.box, row.site, row.token] for row in made)
    ground.say(made, text.getvalue().rstrip())


# ---- recipients and orders


def _recipient_add(arguments: argparse.Namespace) -> None:
    ground = _Ground(arguments)
    given = recipients.read_file(_file(arguments.file))
    csr = _file(arguments.csr) if arguments.csr else b""
    certificate = material.add_recipient(
        ground.settings, ground.database(), given, now=ground.clock.now(), csr=csr
    )
    folder: Path = arguments.out or arguments.file.parent
    written: list[str] = []
    if certificate is not None:
        files = {
            "client.cert.pem": certificate.public_bytes(Encoding.PEM),
            "fleet-ca.pem": Authority.open(ground.settings.folder).pem.encode(),
        }
        for name, data in files.items():
            write_public(folder / name, data)
            written.append(str(folder / name))
    text = f"recipient {given.name} is in the book"
    ground.say(
        {"name": given.name, "files": written}, "\n".join([text, *(f"wrote {file}" for file in written)])
    )


def _recipient_list(arguments: argparse.Namespace) -> None:
    ground = _Ground(arguments)
    with ground.database().read() as session:
        known = recipients.every(session)
    ground.say(
        known, "\n".join(f"{'*' if one.current else ' '} {one.name}  {one.fingerprint}" for one in known)
    )


def _order(arguments: argparse.Namespace) -> int:
    ground = _Ground(arguments)
    key = fleet_key(ground.settings.folder)
    database = ground.database()
    with database.write() as session:
        order = book.give(
            session,
            arguments.box,
            OrderKind(arguments.kind),
            by=arguments.by,
            key=key,
            now=ground.clock.now(),
            random=secrets.token_bytes(10),
            life=timedelta(seconds=arguments.deadline_s),
            seconds=arguments.seconds,
            preconditions=[Precondition(word) for word in arguments.precondition],
        )
    if arguments.wait:
        order = _follow(database, order)
    database.close()
    ground.say(order, f"{order.order} {order.state} {order.code} {msgspec.json.encode(order.facts).decode()}")
    failed = order.state.final and order.state is not OrderState.SUCCEEDED
    return REFUSED if failed else DONE


def _follow(database: Database, order: book.OrderView) -> book.OrderView:
    """Look until the order is at its end. The box's answer comes to another process, so there is no event."""
    pause = threading.Event()
    while not order.state.final:
        pause.wait(0.2)
        with database.read() as session:
            order = book.get(session, order.order)
    return order


# ---- releases


def _publish(
    arguments: argparse.Namespace, publish: Callable[..., Published], given: object, says: str
) -> None:
    ground = _Ground(arguments)
    key = fleet_key(ground.settings.folder)
    with ground.database().write() as session:
        done = publish(
            session,
            given,
            version=arguments.version,
            dated=arguments.dated,
            origin=arguments.origin,
            by=arguments.by,
            key=key,
            now=ground.clock.now(),
        )
    release = done.release
    ground.say(
        done,
        f"{says} {release.version} of {release.dated} is published: {release.size_bytes} bytes, "
        f"sha256 {release.sha256}\n{done.boxes} boxes are asked to take it; the board says which have not.",
    )


def _trust_publish(arguments: argparse.Namespace) -> None:
    _publish(arguments, trust.publish, _file(arguments.file, MAX_TRUST_BYTES), "trust bundle")


def _trust_list(arguments: argparse.Namespace) -> None:
    ground = _Ground(arguments)
    with ground.database().read() as session:
        known = trust.every(session)
    ground.say(known, _releases(known) or "nothing is published yet: `pue-fleet trust publish FILE`")


def _catalogue_publish(arguments: argparse.Namespace) -> None:
    files = _catalogue_files(arguments.folder)
    _publish(arguments, catalogue.publish, files, f"catalogue of {len(files)} files, version")


def _catalogue_files(folder: Path) -> dict[str, bytes]:
    """The YAML files of a folder, bounded as a whole; their names and contents are judged later."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".yaml")
    except OSError as why:
        raise FileUnreadable(f"{folder} cannot be read: {why.strerror}") from why
    files, left = {}, MAX_CATALOGUE_BYTES
    for path in paths:
        files[path.name] = _file(path, min(MAX_FILE_BYTES, left))
        left -= len(files[path.name])
    return files


def _catalogue_list(arguments: argparse.Namespace) -> None:
    ground = _Ground(arguments)
    with ground.database().read() as session:
        known = catalogue.every(session)
    nothing = (
        "nothing is published yet, boxes serve what came with them: `pue-fleet catalogue publish FOLDER`"
    )
    ground.say(known, _releases(known) or nothing)


def _releases(known: Sequence[ReleaseView]) -> str:
    return "\n".join(
        f"{'*' if one.current else ' '} {one.version:>6}  {one.dated}  {one.size_bytes:>9}  {one.sha256[:16]}"
        f"  {one.published_by:<12}  {one.origin}"
        for one in known
    )


# ---- the words


def _day(text: str) -> dt.date:
    """A day on the command line; a wrong one is wrong use."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write 2026-11-27") from None


def _file(path: Path, limit_bytes: int = MAX_INPUT_BYTES) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(limit_bytes + 1)
    except OSError as why:
        raise FileUnreadable(f"{path} cannot be read: {why.strerror}") from why
    if len(data) > limit_bytes:
        raise FileUnreadable(f"{path} is larger than {limit_bytes} bytes")
    return data


def _passed_on(arguments: argparse.Namespace) -> list[str]:
    words = ["--config", str(arguments.config)] if arguments.config else []
    for pair in arguments.set:
        words += ["--set", pair]
    return words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pue-fleet", description="The fleet server of the PUE box.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = _Adder(commands)
    add("serve", _serve, "everything on this machine: broker, ingest, gate, console", json=True)
    add("ingest", _ingest, "read the boxes' reports")
    add("gate", _gate, "the HTTPS door for boxes and recipients")
    add("init", _init, "make folder, keys, authority and schema; safe to run again", json=True)
    commands.add_parser("backoffice", help="the recipient's side, as a program of its own", add_help=False)
    _box_words(commands)
    _recipient_words(commands)
    _trust_words(commands)
    _catalogue_words(commands)
    order = add("order", _order, "give a box an order", json=True)
    order.add_argument("box")
    order.add_argument("kind", choices=[kind.value for kind in OrderKind])
    order.add_argument("--wait", action="store_true", help="until it is done, refused or expired")
    order.add_argument("--by", default=os.environ.get("USER", "operator"), help="operator's user name")
    order.add_argument("--seconds", type=int, default=None)
    order.add_argument("--deadline-s", type=int, default=900)
    order.add_argument(
        "--precondition", action="append", default=[], choices=[word.value for word in Precondition]
    )
    config = commands.add_parser("config", help="settings").add_subparsers(required=True, metavar="WHAT")
    _Adder(config)("show", _config_show, "the effective whole, and where each value came from")
    return parser


def _box_words(commands: Any) -> None:
    box = commands.add_parser("box", help="the book of boxes").add_subparsers(required=True, metavar="WHAT")
    add = _Adder(box)
    new = add("add", _box_add, "a new box and its one-time token", json=True)
    new.add_argument("--site", required=True, help="Belfiore code, dash, number of the desk: a074-1")
    new.add_argument("--name", default=None, help="12 letters and digits; chosen when left out")
    new.add_argument("--office", default="", help="office within the comune")
    add("token", _box_token, "a new token; the one before dies", json=True).add_argument("box")
    add("list", _box_list, "all boxes", json=True)
    add("show", _box_show, "one box", json=True).add_argument("box")
    add("retire", _box_retire, "revoke its certificates; it never comes back", json=True).add_argument("box")
    add("export", _box_export, "all boxes as CSV")
    add("import", _box_import, "boxes from CSV: site, name, office", json=True).add_argument(
        "file", type=Path
    )


def _recipient_words(commands: Any) -> None:
    recipient = commands.add_parser("recipient", help="bodies that open letters")
    add = _Adder(recipient.add_subparsers(required=True, metavar="WHAT"))
    new = add(
        "add", _recipient_add, "take the file a back office made; it becomes the current one", json=True
    )
    new.add_argument("file", type=Path)
    new.add_argument(
        "--csr", type=Path, default=None, help="PKCS #10 for its client certificate, if not in the file"
    )
    new.add_argument("--out", type=Path, default=None, help="folder for client.cert.pem and fleet-ca.pem")
    add("list", _recipient_list, "all recipients; * is the current one", json=True)


def _trust_words(commands: Any) -> None:
    bundles = commands.add_parser("trust", help="whom the boxes believe about documents")
    add = _Adder(bundles.add_subparsers(required=True, metavar="WHAT"))
    new = add("publish", _trust_publish, "sign a trust bundle and ask every box to take it", json=True)
    new.add_argument("file", type=Path, help="the bundle; the fleet does not look inside")
    _release_words(
        new,
        version="as in the bundle; higher than every one before",
        origin="where its certificates come from",
    )
    add("list", _trust_list, "all releases, newest first; * is the one boxes shall have", json=True)


def _catalogue_words(commands: Any) -> None:
    catalogues = commands.add_parser("catalogue", help="which practices citizens can ask for")
    add = _Adder(catalogues.add_subparsers(required=True, metavar="WHAT"))
    new = add(
        "publish", _catalogue_publish, "judge and sign a catalogue and ask every box to take it", json=True
    )
    new.add_argument("folder", type=Path, help="all its YAML files; it replaces the catalogue before")
    _release_words(new, version="higher than every one before", origin="who made it")
    add("list", _catalogue_list, "all releases, newest first; * is the one boxes shall have", json=True)


def _release_words(new: argparse.ArgumentParser, *, version: str, origin: str) -> None:
    new.add_argument("--version", type=int, required=True, help=version)
    new.add_argument("--dated", type=_day, required=True, metavar="YYYY-MM-DD", help="the day it was made")
    new.add_argument("--origin", required=True, help=f"{origin}, for people")
    new.add_argument("--by", default=os.environ.get("USER", "operator"), help="operator's user name")


class _Adder:
    """Adds a command with the options every command has."""

    def __init__(self, commands: Any) -> None:
        self._commands = commands

    def __call__(
        self, name: str, run: Callable[[argparse.Namespace], int | None], text: str, *, json: bool = False
    ) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = self._commands.add_parser(name, help=text, description=text)
        parser.add_argument("--config", type=Path, default=None, metavar="FILE", help="TOML with settings")
        parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
        if json:
            parser.add_argument("--json", action="store_true", help="answer as JSON")
        parser.set_defaults(run=run)
        return parser
