"""Whom the commands believe when nobody tells them: what the fleet published to this box, and nobody elsewhere."""

from __future__ import annotations

import datetime
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.cards.software.shelf import issue
from appliance.cards.software.trusted import demo_trust
from appliance.runtime.trust_files import TRUST
from contracts import codec
from contracts.envelope import public_key_text
from contracts.messages.enrolment import Belongings
from tests.appliance.desk.test_papers import BELONGINGS
from tests.appliance.desk.test_trust import lay
from tests.appliance.devices.card_reader.test_card_commands import pcscd, run, trusted_clock

__all__ = ["pcscd", "trusted_clock"]

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def box(tmp_path):
    """The state of an enrolled box to which the invented State was published."""
    identity = tmp_path / "identity"
    identity.mkdir()
    known = {name: getattr(BELONGINGS, name) for name in BELONGINGS.__struct_fields__}
    belongings = Belongings(**known | {"fleet_key": public_key_text(KEY.public_key())})
    (identity / "belongings.json").write_bytes(codec.encode(belongings))
    publish(tmp_path)
    return tmp_path


def publish(state, **more):
    store = demo_trust(NOW)
    known = {"dated": store.dated, "key": KEY} | more
    return lay(TRUST.folder(state), store.to_bytes(), store.version, **known)


@pytest.fixture
def read(pcscd):
    """Reads a genuine card by the real card service, so that no invented trust is taken for granted."""

    def by_state(state):
        done, out, _ = run(
            "read",
            "--reader",
            "PCD 00 00",
            "--wait",
            "10",
            "--can",
            "123456",
            "--state",
            str(state),
            "--json",
        )
        return done, json.loads(out)

    with pcscd.insert(issue("cie", NOW)):
        yield by_state


def test_the_box_believes_at_a_shell_whom_it_believes_at_the_desk(read, box):
    done, answer = read(box)
    assert (done, answer["verdict"]) == (0, "verified")


def test_a_machine_that_is_no_box_believes_nobody(read, tmp_path):
    done, answer = read(tmp_path / "nowhere")
    assert (done, answer["verdict"], answer["codes"]) == (1, "not_verified", ["signer.authority_unknown"])


def swap(state):
    publish(state, key=Ed25519PrivateKey.generate())


def misname(state):
    publish(state, dated=datetime.date(2020, 1, 1))


def damage(state):
    (bundle,) = TRUST.folder(state).glob("*.bundle")
    bundle.write_bytes(bundle.read_bytes()[:-1] + b" ")


def shut(state):
    """A folder where the file should be cannot be read by anybody, root included."""
    (state / "identity" / "belongings.json").unlink()
    (state / "identity" / "belongings.json").mkdir()


def forget(state):
    (state / "identity" / "belongings.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (swap, "trust.release_refused"),
        (misname, "trust.release_mismatch"),
        (damage, "trust.bundle_damaged"),
        (shut, "trust.out_of_reach"),
        (forget, "trust.out_of_reach"),
    ],
)
def test_a_published_bundle_that_cannot_be_believed_is_said_and_not_passed_over(read, box, spoil, code):
    spoil(box)
    done, answer = read(box)
    assert (done, answer["error"]["code"]) == (1, code)
    assert "--trust" in answer["error"]["advice"]


def test_one_source_is_named_or_the_other():
    assert run("read", "--trust", "a", "--state", "b")[0] == 2
