from __future__ import annotations

import io
import json
import logging
import warnings

import pytest

from appliance.runtime.logs import MASK, redact, set_up_logging


@pytest.fixture
def captured():
    """A stream that the one set-up writes to; what pytest had set up comes back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    yield io.StringIO()
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("citizen RSSMRA85T10A562S came", "RSSMRA85T10A562S"),
        ("rssmra85t10a562s", "rssmra85t10a562s"),
        ("omocodia RSSMRAURTMLARSNL!", "RSSMRAURTMLARSNL"),
        ("line P<ITAROSSI<<MARIO<<<<<<<<<<<<<<<<<<<<<<<<<<<<", "ROSSI<<MARIO"),
        ("line YA00000000ITA8512101M3012108<<<<<<<<<<<<<<02", "YA00000000ITA"),
        ("C<ITACA00000AA4<<<<<<<<<<<<<<<", "CA00000AA"),
        ("pay to IT60X0542811101000000123456 now", "IT60X0542811101000000123456"),
        ("pay to IT60 X054 2811 1010 0000 0123 456 now", "0000 0123"),
        ("can=123456", "123456"),
        ("{'can': '654321'}", "654321"),
        ("PIN: 12345", "12345"),
        ("the CAN is 123456", "123456"),
        ("apdu=00a4040c07a0000002471001", "a0000002471001"),
        ("sent 0C B0 81 00 0D 97 01 06 8E 08 ED 67", "97 01 06"),
        ("response: 6f1a840ea000000003", "840ea0"),
        ("k_enc key=979EC13B1CBFE9DCD01AB0FED307EAE5", "979EC13B"),
    ],
)
def test_the_net_catches(text, hidden):
    caught = redact(text)
    assert hidden not in caught
    assert MASK in caught


@pytest.mark.parametrize(
    "text",
    [
        "printer.paper_out on printer escpos",
        "letter 2026-11-22T10:00:00Z PUE-0042-000123 stored, 31903 bytes",
        "canvas=123456x is no card number",
        "listening on 127.0.0.1:8080",
        "practice assegno_unico step income_page 3 of 7",
        "scan=ok pages=3",
        "box IT-H501-01 firmware 1.2.3 uptime 123456 s",
    ],
)
def test_the_net_lets_ordinary_lines_pass(text):
    assert redact(text) == text


def test_words_after_an_iban_stay():
    assert redact("IT60X0542811101000000123456 arrived today") == f"{MASK} arrived today"


@pytest.mark.parametrize("json_lines", [False, True])
def test_traces_and_arguments_go_through_the_net(captured, json_lines):
    set_up_logging("debug", json_lines=json_lines, stream=captured)
    try:
        int("RSSMRA85T10A562S")
    except ValueError:
        logging.getLogger("x").exception("failed for %s", "IT60X0542811101000000123456")
    text = captured.getvalue()
    assert "RSSMRA85T10A562S" not in text
    assert "IT60X0542811101000000123456" not in text
    assert MASK in text


def test_json_lines_are_json(captured):
    set_up_logging("info", json_lines=True, stream=captured)
    logging.getLogger("desk").info("two\nlines é")
    logging.getLogger("desk").debug("not shown")
    (line,) = captured.getvalue().splitlines()
    read = json.loads(line)
    assert (read["level"], read["logger"], read["message"]) == ("info", "desk", "two\nlines é")


def test_warnings_are_logged(captured):
    set_up_logging("info", stream=captured)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    logging.captureWarnings(capture=False)
    assert "old thing" in captured.getvalue()


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match="loud"):
        set_up_logging("loud")
