"""The fleet's gate as the recipient sees it: three calls over HTTPS with both certificates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
import requests

from contracts import codec
from contracts.errors import PueError, WhoCanAct
from contracts.identity import fingerprint
from contracts.messages.letters import MAX_LETTER_BYTES, Label
from contracts.settled import settled
from fleet.backoffice import keys
from fleet.backoffice.register import Announced

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_S: Final = (5, 60)
PAGE: Final = 100
_MAX_PAGE_BYTES: Final = 1_048_576
_CHUNK: Final = 1 << 16


class GateUnreachable(PueError):
    """The fleet's gate does not answer; the next round tries again."""

    code = "gate.unreachable"
    who = WhoCanAct.WAIT


class GateRefused(PueError):
    """The gate answers, and says no or nonsense."""

    code = "gate.refused"
    who = WhoCanAct.OPERATOR


class Gate(Protocol):
    """What the rounds need of the gate."""

    def letters(self, after: int) -> Sequence[Announced]:
        """Labels after this running number, in order."""
        ...

    def sealed(self, label: Label) -> bytes:
        """The sealed bytes of a letter, hash verified."""
        ...

    def post_state(self, statement: str) -> None:
        """Hand over a signed state; done when it returns, and the same twice is the same once."""
        ...


class HttpsGate:
    """The gate over HTTPS.

    Args:
        root: of the gate, e.g. ``https://127.0.0.1:8443``.
        folder: where the client key, its certificate and the authority's bundle lie; read at each call,
            so that a recipient that joins later needs no restart.
    """

    def __init__(self, root: str, folder: Path) -> None:
        self._root = root.rstrip("/") + "/recipient/v1"
        self._folder = folder

    def letters(self, after: int) -> Sequence[Announced]:
        body = self._call("GET", f"/letters?after={after}&limit={PAGE}", limit=_MAX_PAGE_BYTES)
        try:
            rows = msgspec.json.decode(body, type=settled(list[dict[str, object]]))
            return [_announced(row) for row in rows]
        except (msgspec.DecodeError, KeyError, TypeError):
            raise GateRefused("the gate's list of letters cannot be read") from None

    def sealed(self, label: Label) -> bytes:
        body = self._call("GET", f"/letters/{label.letter}", limit=MAX_LETTER_BYTES)
        if fingerprint(body) != label.sha256:
            raise GateRefused("the letter came with other bytes than its label says", letter=label.letter)
        return body

    def post_state(self, statement: str) -> None:
        self._call("POST", "/states", limit=_MAX_PAGE_BYTES, data=statement.encode())

    def _call(self, method: str, path: str, *, limit: int, data: bytes | None = None) -> bytes:
        pair = (str(self._folder / keys.CLIENT_CERTIFICATE), str(self._folder / keys.CLIENT_KEY))
        authority = str(self._folder / keys.AUTHORITY)
        if not Path(pair[0]).exists() or not Path(authority).exists():
            raise keys.KeysMissing("this recipient has not joined a fleet yet: see `join --help`")
        headers = {"Content-Type": "application/json"} if data is not None else None
        try:
            # Nothing of the machine's environment (proxies, other authorities) has a say here.
            with (
                _session() as session,
                session.request(
                    method,
                    self._root + path,
                    data=data,
                    headers=headers,
                    cert=pair,
                    verify=authority,
                    timeout=TIMEOUT_S,
                    stream=True,
                    allow_redirects=False,
                ) as answer,
            ):
                body = _bounded(answer, limit)
        except (requests.RequestException, OSError) as why:
            raise GateUnreachable(f"the fleet's gate does not answer: {type(why).__name__}") from None
        if not answer.ok:
            raise GateRefused(f"the gate answers {answer.status_code} to {method}", status=answer.status_code)
        return body


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def _bounded(answer: requests.Response, limit: int) -> bytes:
    body = bytearray()
    for chunk in answer.iter_content(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise GateRefused("the gate sends more than it may", limit_bytes=limit)
    return bytes(body)


def _announced(row: dict[str, object]) -> Announced:
    cursor, arrived = row["cursor"], row["arrived_at"]
    if not isinstance(cursor, int) or not isinstance(arrived, int):
        raise TypeError
    return Announced(cursor, codec.from_plain(Label, row["label"]), arrived)
