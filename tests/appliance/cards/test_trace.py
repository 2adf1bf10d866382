"""What a trace shows of a conversation is on a list; nothing else gets through, whatever card and command."""

from __future__ import annotations

import base64
import datetime
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cards import trace
from appliance.cards.cns import Pin
from appliance.cards.errors import CardError
from appliance.cards.reading import read_and_judge, read_and_judge_nis
from appliance.cards.software.persona import ALDO, JULE, MARIA, NICOLO
from appliance.cards.software.shelf import CardName, issue
from appliance.cards.software.travel_document import TravelDocument
from appliance.cards.software.trusted import demo_trust
from appliance.cards.steps import Can, CanAndMrz
from appliance.cards.trace import Redactor, answer_to_reset
from appliance.cards.verdict import Instant

NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.UTC)
PIN = "24680"
HEX_RUN = re.compile(r"(?:[0-9A-Fa-f]{2} ?){3,}[0-9A-Fa-f]{2}")


class Recorder:
    """A transport that keeps both the trace and what it was made from."""

    max_command_bytes, max_response_bytes = 65544, 65538

    def __init__(self, card, *, short_only=False):
        if short_only:
            self.max_command_bytes, self.max_response_bytes = 261, 258
        self._card = card
        self._redactor = Redactor()
        self.lines = [answer_to_reset(card.atr)]
        self.carried = []

    def transmit(self, command):
        self.lines.append(self._redactor.command(command))
        response = self._card.transmit(command)
        self.lines.append(self._redactor.response(response))
        self.carried += [command[4:], response[:-2]]
        return response

    def reset(self):
        self._redactor.reset()
        self._card.reset()


def in_all_writings(secret: str | bytes) -> list[str]:
    raw = secret.encode() if isinstance(secret, str) else secret
    plain = [secret] if isinstance(secret, str) else []
    encoded = (
        base64.b64encode(raw[start:]).decode().rstrip("=")[:-1] for start in range(min(3, len(raw) - 3))
    )
    return [*plain, raw.hex(), raw.hex(" "), raw.hex(":"), *encoded]


def secrets_of(card) -> list[str | bytes]:
    found: list[str | bytes] = [PIN, f"{PIN}\xff".encode("latin-1")]
    for person in (MARIA, ALDO, NICOLO, JULE):
        found += [
            person.surname,
            person.given_names,
            person.codice_fiscale,
            person.document_number,
            person.can,
            person.nis,
            f"{person.birth:%y%m%d}",
            f"{person.birth:%d%m%Y}",
        ]
    if isinstance(card, TravelDocument):
        found += [card.mrz_key.information(), card.mrz_key.pace_password()]
        found += [file[start : start + 8] for file in card.chip.files.values() for start in range(0, 240, 8)]
    return [one for one in found if len(one) >= 4]


def windows(payloads, size_bytes) -> set[bytes]:
    return {
        data[start : start + size_bytes] for data in payloads for start in range(len(data) - size_bytes + 1)
    }


READINGS = [
    *((name, False) for name in CardName),
    *((name, True) for name in (CardName.CIE, CardName.PASSPORT_AA_RSA, CardName.CNS)),
]


@pytest.mark.parametrize(("name", "short_only"), READINGS)
def test_no_secret_of_any_card_is_in_its_trace(name, short_only):
    card = issue(name, NOW)
    codes = [card.opens_with]
    if isinstance(card, TravelDocument) and card.can:
        codes += [card.mrz_key]
    if name == CardName.CIE:
        codes += [CanAndMrz(Can(card.can), card.mrz_key), Can("999999")]
    traces, carried = [], []
    for code in codes:
        card.reset()
        recorder = Recorder(card, short_only=short_only)
        try:
            read_and_judge(
                recorder, code, demo_trust(NOW), Instant(NOW, trusted=True), pin=None if code else Pin(PIN)
            )
        except CardError as refusal:
            recorder.lines.append(refusal.code)
        if name == CardName.CIE:
            read_and_judge_nis(recorder, demo_trust(NOW), Instant(NOW, trusted=True))
        traces += recorder.lines
        carried += recorder.carried
    text = "\n".join(traces).lower()
    assert "select 3f00 master file" in text or "cns personal data" in text
    shown = [secret for secret in secrets_of(card) for one in in_all_writings(secret) if one.lower() in text]
    assert not shown
    # stronger, and without knowing what is secret: no four bytes in a row of anything that was carried
    told = [bytes.fromhex(run) for line in traces[1:] for run in HEX_RUN.findall(line[11:])]
    assert not windows(told, 4) & windows(carried, 4)


def test_the_page_for_technicians_has_a_row_for_everything_that_is_shown():
    page = (Path(__file__).parents[3] / "docs/how-to/read-a-card.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    named = {name.strip() for row in rows for name in row.split(",")}
    assert {name for name, _ in trace._INSTRUCTIONS.values()} - {"get response"} <= named
    assert {"EF.CardAccess", "EF.ATR/INFO", "answer to reset"} <= named


INSTRUCTIONS = st.one_of(
    st.integers(0, 255), st.sampled_from([0xA4, 0xB0, 0xB1, 0x22, 0x86, 0x20, 0x82, 0x88, 0xC0])
)
BODIES = st.one_of(
    st.binary(max_size=40),
    st.binary(max_size=40).map(lambda data: bytes([len(data)]) + data),
    st.binary(max_size=40).map(lambda data: bytes([len(data) + 2, 0x7C, len(data)]) + data),
    st.binary(max_size=300).map(lambda data: b"\x00" + len(data).to_bytes(2, "big") + data),
)


@given(
    st.lists(
        st.tuples(st.binary(min_size=1, max_size=1), INSTRUCTIONS, BODIES, st.binary(max_size=60)), max_size=6
    )
)
def test_unknown_commands_show_lengths_only(conversation):
    redactor = Redactor()
    redactor.command(bytes.fromhex("00A4020C02011C"))
    redactor.response(b"\x90\x00")
    for cla, instruction, body, answer in conversation:
        header = cla + bytes([instruction]) + b"\xfe\xdc"
        lines = [redactor.command(header + body), redactor.response(answer + b"\x90\x00")]
        for line, data in zip((lines[0][11:], lines[1][4:]), (body, answer), strict=True):
            assert line.isprintable()
            assert len(line) < 400
            for window in windows([data], 3):
                assert window.hex() not in line.lower()
                assert window.hex(" ") not in line.lower()


@given(st.binary(max_size=400))
def test_any_bytes_have_a_line(raw):
    redactor = Redactor()
    assert redactor.command(raw).isprintable()
    assert redactor.response(raw).isprintable()
    assert answer_to_reset(raw).isprintable()


def lines_of(*exchanges):
    redactor = Redactor()
    return [
        line
        for ask, answer in exchanges
        for line in (redactor.command(bytes.fromhex(ask)), redactor.response(bytes.fromhex(answer)))
    ]


def test_what_is_shown():
    assert lines_of(
        ("00A4020C02011C", "9000"),
        ("00B0000000", "31143012060A04007F0007020204020202010202010D9000"),
        ("0022C1A40F800A04007F00070202040202830102", "63C2"),
        ("10860000027C0000", "7C0A800800112233445566779000"),
        ("0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800", "990290008E08FA855A5D4C50A8ED9000"),
        ("00200010083132333435FFFFFF", "9000"),
        ("80CA9F7F00", "0102036A88"),
    ) == [
        "00 A4 02 0C  Lc 2  select 011C EF.CardAccess",
        "9000",
        "00 B0 00 00  Le 256  read binary",
        "9000  22 bytes  EF.CardAccess [0.4.0.127.0.7.2.2.4.2.2 2 13]",
        "00 22 C1 A4  Lc 15  manage security environment [80 0.4.0.127.0.7.2.2.4.2.2, 83 02]",
        "63C2",
        "10 86 00 00  Lc 2  Le 256  general authenticate []",
        "9000  12 bytes  key agreement [80 8 bytes]",
        "0C A4 02 0C  Lc 21  Le 256  select, protected [87 9 bytes, 8E 8 bytes]",
        "9000  14 bytes  protected [99 9000, 8E 8 bytes]",
        "00 20 00 10  PIN  verify",
        "9000",
        "80 CA .. ..  Le 256  unknown instruction",
        "6A88  3 bytes  nothing known",
    ]


def test_a_file_of_the_application_is_never_taken_for_the_free_one_of_the_same_number():
    """011C is EF.CardAccess in the master file and another file inside the application."""
    content = "31143012060A04007F0007020204020202010202010D9000"
    lines = lines_of(
        ("00A4040C07A0000002471001", "9000"), ("00A4020C02011C", "9000"), ("00B0000000", content)
    )
    assert lines[-1] == "9000  22 bytes  file content"


def test_an_answer_fetched_in_pieces_is_that_of_the_command_before():
    lines = lines_of(("00A4000C023F00", "610A"), ("00C000000A", "00112233445566778899" + "9000"))
    assert lines[1:] == [
        "610A",
        "00 C0 00 00  Le 10  get response",
        "9000  10 bytes  file control information",
    ]


def test_letters_in_a_free_file_are_not_shown():
    name = b"ESEMPIO"
    info = b"\x30" + bytes([2 + len(name)]) + b"\x06" + bytes([len(name)]) + name
    long_arc = b"\x30\x0d\x06\x0b" + bytes.fromhex("04007F00070202") + b"MARI"
    content = b"\x31" + bytes([len(info + long_arc)]) + info + long_arc
    lines = lines_of(("00A4020C02011C", "9000"), ("00B0000000", content.hex() + "9000"))
    assert lines[-1].endswith("EF.CardAccess [other, other]")


@pytest.mark.parametrize(
    ("atr", "told"),
    [
        # a CIE as seen in the field; a CNS; a transport card that carries its serial number; no ATR
        (
            "3B8F800180318065B085040011120FFF8290008A",
            "3B 8F 80 01 80 31 80 65 B0 85 04 00 11 (3 bytes) 82 90 00",
        ),
        (
            "3BFF1800008131FE45006B05052000012101434E5310318079",
            "3B FF 18 00 00 81 31 FE 45 00 6B 05 05 20 00 01 21 01 43 4E 53 10 31 80",
        ),
        ("3B6F0000805A0A0103020011AABBCCDD829000", "3B 6F 00 00 80 (11 bytes) 82 90 00"),
        ("3B8880011C2D94110000000050", "3B 88 80 01 (8 historical bytes)"),
        ("3B", "1 bytes"),
    ],
)
def test_an_answer_to_reset_without_what_may_be_a_serial_number(atr, told):
    assert answer_to_reset(bytes.fromhex(atr)) == told
