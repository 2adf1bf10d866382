"""The service number of a CIE: read without a code, signed by the State, proven by the chip; it names nobody."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cards.cie_nis import judge_nis, read_nis
from appliance.cards.cns_evidence import Possession
from appliance.cards.errors import CardError, NotADocument
from appliance.cards.reading import read_and_judge_nis
from appliance.cards.software.authority import make_test_authority
from appliance.cards.software.lists import write_revocation_list
from appliance.cards.software.persona import MARIA
from appliance.cards.software.shelf import issue
from appliance.cards.software.trusted import demo_trust
from appliance.cards.steps import Transmit
from appliance.cards.trust import empty
from appliance.cards.trust_renewal import take_revocation_list
from appliance.cards.verdict import Instant, NotChecked
from contracts.desk_api.clerk import VerdictKind


class Session:
    max_command_bytes, max_response_bytes = 261, 258

    def __init__(self, card):
        self.card = card
        self.transmit, self.reset = card.transmit, card.reset


def read_number(card, now, trust=None):
    return read_and_judge_nis(Session(card), trust or demo_trust(now), Instant(now, trusted=True))


@pytest.fixture
def evidence(now):
    return read_number(issue("cie", now), now)[0]


def test_a_genuine_number_without_any_code(now):
    evidence, verdict = read_number(issue("cie", now), now)
    assert (verdict.kind, verdict.codes) == (VerdictKind.VERIFIED, ("nis.genuine",))
    assert evidence.nis == MARIA.nis.encode()
    assert evidence.apdus <= 20
    assert MARIA.nis not in repr(evidence) + repr(verdict) + " ".join(evidence.technical)


def test_it_never_says_who_the_person_is(now):
    _, verdict = read_number(issue("cie", now), now)
    assert verdict.identity is None
    assert verdict.portrait is None
    assert "non dice chi è la persona" in verdict.lines[-1]


def test_a_copy_does_not_hold_the_key(now):
    _, verdict = read_number(issue("cie_cloned", now), now)
    assert (verdict.kind, verdict.codes[0]) == (VerdictKind.REFUSED, "nis.not_original")


@pytest.mark.parametrize("part", ["nis", "key"])
def test_a_changed_number_or_key(part, evidence, now):
    value = bytearray(getattr(evidence, part))
    value[-1] ^= 1
    changed = dataclasses.replace(evidence, **{part: bytes(value)})
    verdict = judge_nis(changed, demo_trust(now), Instant(now, trusted=True))
    assert (verdict.kind, verdict.codes[0]) == (VerdictKind.REFUSED, "nis.altered")


def test_a_state_nobody_knows(evidence, now):
    verdict = judge_nis(evidence, empty(now.date()), Instant(now, trusted=True))
    assert (verdict.kind, verdict.codes[0]) == (VerdictKind.NOT_VERIFIED, "signer.authority_unknown")


def test_a_doubtful_hour(evidence, now):
    verdict = judge_nis(evidence, demo_trust(now), Instant(now, trusted=False))
    assert (verdict.kind, verdict.codes[0]) == (VerdictKind.NOT_VERIFIED, "time.untrusted")


def test_without_the_chips_answer_nothing_is_green(evidence, now):
    for possession in (Possession.FAILED, Possession.NOT_TRIED):
        silent = dataclasses.replace(evidence, possession=possession)
        assert judge_nis(silent, demo_trust(now), Instant(now, trusted=True)).kind is VerdictKind.REFUSED


def test_a_security_object_still_in_its_wrapping(evidence, now):
    from appliance.cards import tlv

    wrapped = dataclasses.replace(evidence, sod=tlv.build(0x77, evidence.sod))
    assert judge_nis(wrapped, demo_trust(now), Instant(now, trusted=True)).kind is VerdictKind.VERIFIED


def test_a_passport_has_no_such_number(now):
    with pytest.raises(NotADocument):
        read_number(issue("passport", now), now)


def test_the_travel_document_beside_it_still_opens(now, read):
    card = issue("cie", now)
    read_and_judge_nis(Session(card), demo_trust(now), Instant(now, trusted=True))
    evidence, _ = read(card)
    assert set(evidence.groups) >= {1, 2, 11, 14}


@given(st.data())
def test_whatever_the_card_says_only_our_errors_come_out(data):
    conversation, answer = read_nis(), None
    try:
        while True:
            step = conversation.send(answer)
            answer = b""
            if isinstance(step, Transmit):
                body = data.draw(st.binary(max_size=300))
                answer = body + data.draw(
                    st.sampled_from([b"\x90\x00", b"\x62\x82", b"\x6b\x00", b"\x61\x10"])
                )
    except StopIteration:
        return
    except CardError:
        return


def test_an_old_list_gives_no_green(evidence, now):
    stale = dataclasses.replace(demo_trust(now), dated=now.date() - datetime.timedelta(days=366))
    verdict = judge_nis(evidence, stale, Instant(now, trusted=True))
    assert (verdict.kind, verdict.code) == (VerdictKind.CHIP_UNPROVEN, "trust.stale")


def test_a_signer_that_was_revoked(evidence, now):
    state = make_test_authority(now=now)
    revoked = write_revocation_list(state, [state.signer_certificate.serial_number], now, number=1)
    trust = take_revocation_list(demo_trust(now), revoked, now).store
    verdict = judge_nis(evidence, trust, Instant(now, trusted=True))
    assert (verdict.kind, verdict.code) == (VerdictKind.REFUSED, "signer.revoked")
    assert NotChecked.REVOCATION_SINCE in verdict.not_checked
