"""`pue-box trust`: whom the boxes believe about documents. Lists in, a bundle out; nothing goes backwards.

Nothing is fetched: an operator brings the files, and compares fingerprints with what their publishers print.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from asn1crypto import pem, x509

from appliance.cards import master_list, trust_renewal
from appliance.cards.anchors import InvalidTrustBundle, Purpose, TrustAnchor
from appliance.cards.census import UNUSABLE, Standing
from appliance.cards.trust import pem_certificates
from appliance.desk.authorities import folder, summary
from appliance.desk.authorities.summary import NO_COUNTRY, printable
from appliance.runtime.clock import SystemClock
from appliance.runtime.files import read_bounded
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    import datetime

    from appliance.cards.trust import TrustStore
    from appliance.cards.trust_renewal import Renewal

_DEFAULT_FOLDER: Final = Path("trust")
_FILE_LIMIT_BYTES: Final = master_list.MAX_LIST_BYTES
_QUIET_S: Final = 1.0
_STEP_S: Final = 0.5
_WRONG_USE: Final = 2
_PEM_START: Final = b"-----BEGIN"


class CountryUnknown(PueError):
    """The bundle says nothing about this country."""

    code = "trust.country_unknown"
    who = WhoCanAct.OPERATOR


def add_commands(commands: Any) -> None:
    """Mount `trust` on argparse's subparsers."""
    trust = commands.add_parser("trust", help="whom the boxes believe about documents", description=__doc__)
    parts = trust.add_subparsers(required=True, metavar="COMMAND")

    take = parts.add_parser("import", help="take a master list, or certificates by hand, into the bundle")
    take.add_argument(
        "file", type=Path, metavar="FILE", help="master list (CMS), or certificates (PEM or DER)"
    )
    take.add_argument(
        "--signer",
        type=Path,
        action="append",
        default=[],
        metavar="CERT",
        help="certificate by which the list is believed: of the State's authority, or of the list's signer",
    )
    take.add_argument(
        "--purpose",
        choices=[str(one) for one in Purpose],
        help="what certificates by hand are believed for",
    )
    take.add_argument(
        "--confirm",
        action="append",
        default=[],
        metavar="SHA256",
        help="fingerprint of a certificate by hand, compared with what its owner publishes",
    )
    _place_and_form(take, version=True)
    take.set_defaults(run=import_command)

    crl = parts.add_parser("crl", help="take revocation lists into the bundle")
    crl.add_argument("files", type=Path, nargs="+", metavar="FILE", help="X.509 revocation list (PEM or DER)")
    _place_and_form(crl)
    crl.set_defaults(run=crl_command)

    for name, text, run in (
        ("list", "what the bundle holds, how old it is, what must be renewed", list_command),
        ("show", "the authorities of one country", show_command),
    ):
        one = parts.add_parser(name, help=text)
        if name == "show":
            one.add_argument("country", metavar="COUNTRY", help=f"two letters; {NO_COUNTRY} for none")
        one.add_argument(
            "--from",
            dest="source",
            type=Path,
            default=_DEFAULT_FOLDER,
            metavar="PATH",
            help=f"folder or file of the bundle ({_DEFAULT_FOLDER})",
        )
        one.add_argument("--json", action="store_true", help="answer as JSON")
        one.set_defaults(run=run)


def _place_and_form(command: argparse.ArgumentParser, *, version: bool = False) -> None:
    command.add_argument(
        "--into",
        type=Path,
        default=_DEFAULT_FOLDER,
        metavar="FOLDER",
        help=f"where the bundle is made ({_DEFAULT_FOLDER})",
    )
    if version:
        command.add_argument(
            "--version", type=int, metavar="N", help="of the new bundle (one more than the present one)"
        )
    command.add_argument("--json", action="store_true", help="answer as JSON")


# ---------------------------------------------------------------- import


def import_command(arguments: argparse.Namespace) -> int:
    now = SystemClock().now()
    try:
        raw = read_bounded(arguments.file, limit_bytes=_FILE_LIMIT_BYTES)
        certificates = _certificates(raw)
        if certificates is not None and arguments.purpose is None:
            purposes = " or ".join(f"--purpose {one}" for one in Purpose)
            print(f"these are certificates: say what they are believed for, {purposes}", file=sys.stderr)
            return _WRONG_USE
        with folder.held(arguments.into):
            present = folder.read_or_nobody(arguments.into)
            if certificates is None:
                renewal, facts = _take_list(arguments, raw, present, now)
            else:
                renewal = trust_renewal.take_by_hand(
                    present,
                    certificates,
                    Purpose(arguments.purpose),
                    arguments.confirm,
                    now,
                    version=arguments.version,
                )
                facts = {"purpose": arguments.purpose}
            size_bytes = folder.write(arguments.into, renewal.store) if renewal.changed else 0
    except PueError as error:
        return _refuse(error, as_json=arguments.json)
    answer = {**facts, **_of_renewal(renewal, now.date()), "size_bytes": size_bytes}
    print(json.dumps(answer, ensure_ascii=False, indent=2) if arguments.json else _plain_import(answer))
    return 0


def _certificates(raw: bytes) -> list[bytes] | None:
    """DER of the certificates in the file; None when it is no file of certificates."""
    if raw.lstrip().startswith(_PEM_START):
        found = pem_certificates(raw)
        return found or None
    if master_list.looks_like_master_list(raw):
        return None
    try:
        TrustAnchor.outlined(raw, Purpose.CNS)
    except InvalidTrustBundle:
        return None
    return [raw]


def _take_list(
    arguments: argparse.Namespace, raw: bytes, present: TrustStore, now: datetime.datetime
) -> tuple[Renewal, dict[str, Any]]:
    offered = master_list.open_master_list(_unarmored(raw))
    pinned = [_certificate(path) for path in arguments.signer]
    authority = trust_renewal.find_publisher(offered, present, pinned)
    renewal = trust_renewal.take_master_list(
        present, offered, authority, now, version=arguments.version, on_progress=_Progress()
    )
    return renewal, {
        "publisher": offered.publisher,
        "signed_at": offered.signed_at.isoformat(),
        "authority": printable(authority.subject.human_friendly),
        "authority_sha256": trust_renewal.fingerprint(authority),
        "repeated": offered.repeated,
    }


def _unarmored(raw: bytes) -> bytes:
    if not raw.lstrip().startswith(_PEM_START):
        return raw
    try:
        return bytes(pem.unarmor(raw)[2])
    except (ValueError, TypeError) as fault:
        raise master_list.InvalidMasterList("this is no PEM file", "malformed") from fault


def _certificate(path: Path) -> x509.Certificate:
    """One certificate out of a file.

    Raises:
        InvalidTrustBundle, StorageError: it holds none, or several.
    """
    raw = read_bounded(path, limit_bytes=_FILE_LIMIT_BYTES)
    found = _certificates(raw)
    if found is None or len(found) != 1:
        raise InvalidTrustBundle(f"{path.name} is not one certificate", file=path.name)
    return TrustAnchor.from_der(found[0]).certificate


class _Progress:
    """A line on standard error, for what takes longer than people like to wait without one."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _QUIET_S

    def __call__(self, done: int, of: int) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _STEP_S
        print(f"examining certificates: {done} of {of}", file=sys.stderr, flush=True)


def _of_renewal(renewal: Renewal, today: datetime.date) -> dict[str, Any]:
    standings = collections.Counter(str(one.standing) for one in renewal.examined)
    unusable = collections.Counter(
        (printable(one.country)[:40] or NO_COUNTRY, str(one.standing))
        for one in renewal.examined
        if one.standing in UNUSABLE
    )
    store = renewal.store
    return {
        "changed": renewal.changed,
        "certificates": len(renewal.examined),
        "countries": len({one.country for one in renewal.examined}),
        "standings": {str(one): standings[str(one)] for one in Standing},
        "unusable": [
            {"country": country, "reason": reason, "certificates": count}
            for (country, reason), count in sorted(unusable.items())
        ],
        "added": renewal.added,
        "dropped": renewal.dropped,
        "anchors": len(store.anchors),
        "origin": store.origin,
        "version": store.version,
        "dated": store.dated.isoformat(),
        "age_days": store.age_days(today),
        "too_old": summary.too_old(store, today),
    }


def _plain_import(answer: dict[str, Any]) -> str:
    rows = []
    if "signed_at" in answer:
        rows.append(f"master list of {answer['publisher']}, signed {answer['signed_at']}")
        rows.append(f"believed by: {answer['authority']}")
        rows.append(f"  SHA-256 {answer['authority_sha256']}")
    if not answer["changed"]:
        return "\n".join(
            [*rows, f"nothing new: bundle {answer['version']} of {answer['dated']} already holds it"]
        )
    counted = ", ".join(f"{count} {name}" for name, count in answer["standings"].items() if count)
    rows.append(f"{answer['certificates']} certificates of {answer['countries']} countries: {counted}")
    rows += [
        f"  not usable: {one['country']}: {one['certificates']} {one['reason']}" for one in answer["unusable"]
    ]
    rows.append(f"new: {answer['added']}, no longer named: {answer['dropped']}, in all: {answer['anchors']}")
    rows.append(_bundle_row(answer))
    return "\n".join(rows + [f"too old: {one}" for one in answer["too_old"]])


def _bundle_row(answer: dict[str, Any]) -> str:
    return (
        f"bundle {answer['version']} of {answer['dated']} ({answer['origin']}), {answer['age_days']} days old"
    )


# ---------------------------------------------------------------- revocation lists


def crl_command(arguments: argparse.Namespace) -> int:
    """Each file by itself: one that is refused keeps none of the others out."""
    now = SystemClock().now()
    rows: list[dict[str, Any]] = []
    try:
        with folder.held(arguments.into):
            before = store = folder.read_or_nobody(arguments.into)
            for path in arguments.files:
                try:
                    renewal = trust_renewal.take_revocation_list(store, _crl(path), now)
                except PueError as error:
                    rows.append({"file": path.name, "taken": False, **_of_error(error)})
                else:
                    rows.append({"file": path.name, "taken": True, "changed": renewal.changed})
                    store = renewal.store
            if store is not before:
                folder.write(arguments.into, store)
    except PueError as error:
        return _refuse(error, as_json=arguments.json)
    answer = {
        "files": rows,
        "version": store.version,
        "revocation_lists": summary.of_bundle(store, now.date())["revocation_lists"],
    }
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        for row in rows:
            _say_crl(row)
        print(f"bundle {store.version}: {len(store.revocation_lists)} revocation lists")
    return 0 if all(row["taken"] for row in rows) else 1


def _crl(path: Path) -> bytes:
    raw = read_bounded(path, limit_bytes=_FILE_LIMIT_BYTES)
    if not raw.lstrip().startswith(_PEM_START):
        return raw
    try:
        return bytes(pem.unarmor(raw)[2])
    except (ValueError, TypeError) as fault:
        raise InvalidTrustBundle(f"{path.name} is no PEM file", file=path.name) from fault


def _say_crl(row: dict[str, Any]) -> None:
    if not row["taken"]:
        error = row["error"]
        print(f"{row['file']}: {error['message']} [{error['code']}]", file=sys.stderr)
    else:
        print(f"{row['file']}: {'taken' if row['changed'] else 'nothing new'}")


# ---------------------------------------------------------------- list and show


def list_command(arguments: argparse.Namespace) -> int:
    try:
        answer = summary.of_bundle(folder.read(arguments.source), SystemClock().now().date())
    except PueError as error:
        return _refuse(error, as_json=arguments.json)
    print(json.dumps(answer, ensure_ascii=False, indent=2) if arguments.json else _plain_list(answer))
    return 0


def _plain_list(answer: dict[str, Any]) -> str:
    rows = [_bundle_row(answer)]
    rows += [
        f"  {one['kind']} {one['publisher']} {one['dated']}, {one['age_days']} days old"
        for one in answer["sources"]
    ]
    rows.append(
        f"{answer['anchors']} authorities of {len(answer['countries'])} countries, {answer['expired']} of them "
        "expired and kept: documents outlive them"
    )
    rows += [
        f"  {country} {sum(count[str(purpose)] for purpose in Purpose):4}"
        + (f", {count[str(Purpose.CNS)]} for CNS" if count[str(Purpose.CNS)] else "")
        + (f", {count['expired']} expired" if count["expired"] else "")
        for country, count in answer["countries"].items()
    ]
    rows += [
        f"not usable: {one['country']}: {one['certificates']} {one['reason']}" for one in answer["unusable"]
    ]
    rows += [_crl_row(one) for one in answer["revocation_lists"]] or ["no revocation lists"]
    return "\n".join(rows + [f"too old: {one}" for one in answer["too_old"]])


def _crl_row(one: dict[str, Any]) -> str:
    word = "OVERDUE since" if one["overdue"] else "until"
    return (
        f"revocation list {one['country']} ({one['purpose']}) {one['number']} of {one['dated']}, "
        f"{word} {one['until']}: {one['revoked']} certificates"
    )


def show_command(arguments: argparse.Namespace) -> int:
    country = arguments.country.upper()
    try:
        answer = summary.of_country(folder.read(arguments.source), country, SystemClock().now().date())
        if not any(answer[part] for part in ("anchors", "unusable", "revocation_lists")):
            raise CountryUnknown(f"the bundle knows no authority of {country[:20]}", country=country[:20])
    except PueError as error:
        return _refuse(error, as_json=arguments.json)
    print(json.dumps(answer, ensure_ascii=False, indent=2) if arguments.json else _plain_show(answer))
    return 0


def _plain_show(answer: dict[str, Any]) -> str:
    rows = []
    for one in answer["anchors"]:
        state = ", expired" if one["expired"] else ""
        rows.append(f"{one['name']} ({one['purpose']}, {one['key']})")
        rows.append(
            f"  {one['from']} to {one['to']}{state}; named by {', '.join(one['sources']) or 'nobody'}"
        )
        rows.append(f"  SHA-256 {one['sha256']}")
    rows += [f"not usable: {one['reason']}, SHA-256 {one['sha256']}" for one in answer["unusable"]]
    rows += [_crl_row(one) for one in answer["revocation_lists"]]
    return "\n".join(rows)


# ---------------------------------------------------------------- refusals


def _of_error(error: PueError) -> dict[str, Any]:
    return {"error": {"code": error.code, "who": str(error.who), "message": str(error), "facts": error.facts}}


def _refuse(error: PueError, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(_of_error(error), ensure_ascii=False))
    else:
        print(f"{error} [{error.code}; who can act: {error.who}]", file=sys.stderr)
        for name, value in error.facts.items():
            if value and name.endswith("sha256"):
                print(f"  {name.removesuffix('_sha256')}: SHA-256 {value}", file=sys.stderr)
    return 1
