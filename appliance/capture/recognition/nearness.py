"""Words as a recogniser may have misread them by one sign."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Small letters without accents; what is no letter and no digit is gone."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if sign.isalnum())


def within_one(one: str, other: str) -> bool:
    """Whether one sign put in, left out or exchanged makes them equal.

    >>> within_one("isee", "lsee"), within_one("dsu", "dus"), within_one("cu", "c"), within_one("delega", "delea")
    (True, False, True, True)
    """
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1:
        return False
    same = 0
    while same < len(short) and short[same] == long[same]:
        same += 1
    rest = same if len(long) > len(short) else same + 1
    return short[rest:] == long[same + 1 :]
