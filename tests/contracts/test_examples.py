"""Every message has a golden example, and an example is what the codec reads and writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import codec, envelope
from contracts.errors import InvalidMessage
from contracts.messages import enrolment, letters, orders, releases, report, twin

FOLDER = Path(codec.__file__).parent / "examples"
PARTS = {"Message", "Head", "Release", "Certificate", "Processor", "Memory", "Disk", "Network"} | {
    f"{part}Health" for part in ("Device", "Outbox", "Clock", "Sitting", "Trust", "Catalogue")
}


def _messages() -> dict[str, type[codec.Message]]:
    found = {}
    for module in (enrolment, letters, orders, releases, report, twin, envelope):
        for name, thing in vars(module).items():
            if isinstance(thing, type) and issubclass(thing, codec.Message) and name not in PARTS:
                found[re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()] = thing
    return found


MESSAGES = _messages()


def test_every_message_has_an_example_and_every_example_a_message() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(MESSAGES)


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_an_example_survives_reading_and_writing(name: str) -> None:
    plain = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    message = codec.from_plain(MESSAGES[name], plain)
    assert message.residue == {}
    assert json.loads(codec.encode(message)) == plain


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_words_of_a_newer_version_are_kept_at_every_depth(name: str) -> None:
    plain = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    newer = _with_news(plain)
    message = codec.from_plain(MESSAGES[name], newer)
    assert json.loads(codec.encode(message)) == newer


def _with_news(value: object) -> object:
    if isinstance(value, dict) and not _is_table(value):
        return {key: _with_news(inner) for key, inner in value.items()} | {"x_newer": ["kept", {"as": 1}]}
    if isinstance(value, list):
        return [_with_news(inner) for inner in value]
    return value


def _is_table(value: dict[str, object]) -> bool:
    """A map of facts is open by nature: its keys are data, not fields."""
    return not value or set(value) <= {"tray", "seconds"}


def test_the_example_statement_is_signed_with_the_published_key() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    statement = codec.decode(envelope.Statement, (FOLDER / "statement.json").read_bytes())
    order = envelope.read_statement(statement, orders.Order, envelope.Purpose.ORDER, key)
    assert order == codec.decode(orders.Order, (FOLDER / "order.json").read_bytes())


def test_a_trust_release_is_signed_for_nothing_else() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    release = codec.decode(releases.TrustRelease, (FOLDER / "trust_release.json").read_bytes())
    statement = envelope.sign_statement(release, envelope.Purpose.TRUST_RELEASE, key)
    told = envelope.read_statement(
        statement, releases.TrustRelease, envelope.Purpose.TRUST_RELEASE, key.public_key()
    )
    assert told == release
    with pytest.raises(envelope.StatementRefused):
        envelope.read_statement(statement, releases.TrustRelease, envelope.Purpose.ORDER, key.public_key())


@pytest.mark.parametrize(
    "spoilt",
    [
        {"version": 0},
        {"size_bytes": 0},
        {"size_bytes": releases.MAX_TRUST_BYTES + 1},
        {"dated": "2026-02-30"},
        {"sha256": "00"},
        {"origin": ""},
    ],
)
def test_a_trust_release_out_of_bounds_is_none(spoilt: dict[str, object]) -> None:
    plain = json.loads((FOLDER / "trust_release.json").read_text("utf-8"))
    with pytest.raises(InvalidMessage):
        codec.from_plain(releases.TrustRelease, plain | spoilt)
