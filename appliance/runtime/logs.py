"""One set-up for all logging, with a last net under it.

The rule is that no line ever holds a citizen's datum; code must keep it without help. The net below
catches what slips all the same (a third-party library's traceback, say) and puts «…» in its place.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from datetime import UTC, datetime
from typing import IO, Final

MASK: Final = "«…»"

_CF_DIGIT: Final = "[0-9LMNPQRSTUV]"
_CODICE_FISCALE: Final = re.compile(
    rf"(?<![A-Z0-9])[A-Z]{{6}}{_CF_DIGIT}{{2}}[A-EHLMPR-T]{_CF_DIGIT}{{2}}[A-Z]{_CF_DIGIT}{{3}}[A-Z](?![A-Z0-9])",
    re.IGNORECASE,
)
"""Sixteen characters with the omocodia letters allowed for digits (D.M. 23 December 1976)."""

_MRZ: Final = re.compile(r"(?<![A-Z0-9<])(?=[A-Z0-9]*<)[A-Z0-9<]{18,90}(?![A-Z0-9<])")
"""A machine-readable line or a good part of one (ICAO 9303): the filler gives it away."""

_TD1_TOP: Final = re.compile(r"(?<![A-Z0-9])(?:C|I|A|P)[A-Z<]ITA[A-Z0-9<]{9,40}(?![A-Z0-9])")
_IBAN: Final = re.compile(r"(?<![A-Z0-9])[A-Z]{2}[0-9]{2}(?:[ ]?[A-Z0-9]){11,30}(?![A-Z0-9])", re.IGNORECASE)
_NUMBER_BY_NAME: Final = re.compile(
    r"(?P<key>\b[a-z_]*(?:can|pin|puk|otp|totp)[\"']?\s*(?:[=:]|\bis\b)\s*[bru]?[\"']?)\d{4,8}\b",
    re.IGNORECASE,
)
_HEX_BY_NAME: Final = re.compile(
    r"(?P<key>\b(?:[a-z]+_)?(?:apdu|command|response|data|key|kenc|kmac|ssc)[\"']?\s*[=:]\s*(?:bytes\()?[bru]?[\"']?)"
    r"(?:0x)?[0-9a-f]{2}(?:[ :]?[0-9a-f]{2}){3,}",
    re.IGNORECASE,
)
_APDU: Final = re.compile(
    r"\b(?:00|0c|10|1c|80|8c|90)[ :]?(?:20|22|24|2a|82|84|86|88|a4|b0|b1|c0|ca|cb|d6)(?:[ :]?[0-9a-f]{2}){2,}\b",
    re.IGNORECASE,
)
"""Class and instruction bytes of ISO/IEC 7816-4 followed by at least P1 and P2."""


def redact(text: str) -> str:
    """The text with everything that looks like a citizen's datum or a card's wire replaced by «…»."""
    text = _NUMBER_BY_NAME.sub(lambda found: found["key"] + MASK, text)
    text = _HEX_BY_NAME.sub(lambda found: found["key"] + MASK, text)
    text = _CODICE_FISCALE.sub(MASK, text)
    text = _TD1_TOP.sub(MASK, text)
    text = _MRZ.sub(MASK, text)
    text = _IBAN.sub(lambda found: _mask_iban(found.group()), text)
    return _APDU.sub(MASK, text)


def _mask_iban(found: str) -> str:
    """Mask the longest beginning with right check digits (ISO 13616), as words may follow an IBAN."""
    shortest = 15
    for end in range(len(found), shortest - 1, -1):
        compact = found[:end].replace(" ", "").upper()
        if len(compact) < shortest:
            break
        if found[end - 1] == " ":
            continue
        number = "".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])
        if int(number) % 97 == 1:
            return MASK + found[end:]
    return found


class RedactingFormatter(logging.Formatter):
    """Plain lines: time in UTC, level, logger, thread, message, and traces, all through the net."""

    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__(
            "{asctime} {levelname:<8} {name} [{threadName}] {message}", "%Y-%m-%dT%H:%M:%S", style="{"
        )

    def format(self, record: logging.LogRecord) -> str:
        """The finished line."""
        return redact(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for journald and the fleet's support bundle."""

    def format(self, record: logging.LogRecord) -> str:
        """The finished line; the net works on the parts, before JSON's escapes could hide anything from it."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName or "",
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            line["trace"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def set_up_logging(level: str = "info", *, json_lines: bool = False, stream: IO[str] | None = None) -> None:
    """Send every logger of this process to one stream (default: stderr); replaces any earlier set-up."""
    names = logging.getLevelNamesMapping()
    if level.upper() not in names:
        message = f"log level {level!r}: choose one of debug, info, warning, error, critical"
        raise ValueError(message)
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter() if json_lines else RedactingFormatter())
    logging.basicConfig(level=names[level.upper()], handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
