"""A gate for letters as small as the rules allow: real TLS, real tus, letters in files, troubles on demand."""

from __future__ import annotations

import base64
import hashlib
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from contracts import codec
from contracts.envelope import Purpose, sign_statement
from contracts.errors import Problem, WhoCanAct
from contracts.messages.letters import Label, LetterState, Receipt, SignedState, StatePage
from tests.peers.certificates import Authority
from tests.peers.tls_door import TlsDoor

_ROOT = "/post/v1"


class Gate:
    """The gate and its back.

    Back: `cut_after_bytes` breaks the line once so many bytes of letters came; `refuse` answers a creation with a
    problem; `forge` spoils receipts; `swallow` takes bytes and forgets them; `fail_status` answers everything with it; `states` are given out as signed.
    """

    def __init__(
        self, folder: Path, authority: Authority, *, server_authority: Authority | None = None
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.fleet_key, self.recipient_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.labels: dict[str, list[Label]] = {}
        self.completed: list[str] = []
        self.patched: list[tuple[str, int, int]] = []
        self.states: list[SignedState] = []
        self.cut_after_bytes: int | None = None
        self.refuse: dict[str, Problem] = {}
        self.fail_status = 0
        self.forge: str = ""
        self.swallow = False
        self.changed = threading.Condition(threading.RLock())
        self._tls = TlsDoor(folder / "tls", authority, _handler(self), own=server_authority)
        self.port = self._tls.port
        self.url = f"{self._tls.url}{_ROOT}"

    def say(self, state: LetterState, *, key: Ed25519PrivateKey | None = None) -> None:
        """The recipient says something of a letter."""
        statement = sign_statement(state, Purpose.LETTER_STATE, key or self.recipient_key)
        with self.changed:
            cursor = len(self.states) + 1
            self.states.append(SignedState(cursor=cursor, statement=codec.encode(statement).decode()))

    def wait_for(self, question, what: str, within_s: float = 20.0) -> None:
        with self.changed:
            if not self.changed.wait_for(question, within_s):
                raise AssertionError(f"{what}: not within {within_s:g} s")

    def content(self, letter: str) -> bytes:
        path = self.folder / letter
        return path.read_bytes() if path.exists() else b""

    def receipt(self, letter: str) -> bytes:
        label = self.labels[letter][0]
        receipt = Receipt(
            letter=letter,
            box=label.box,
            sha256=label.sha256 if self.forge != "hash" else "0" * 64,
            size_bytes=label.size_bytes,
            received_at=label.taken_at + 1,
        )
        key = Ed25519PrivateKey.generate() if self.forge == "key" else self.fleet_key
        purpose = Purpose.ORDER if self.forge == "purpose" else Purpose.RECEIPT
        return codec.encode(sign_statement(receipt, purpose, key))

    def __enter__(self) -> Self:
        self._tls.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End, whether it ever served or not."""
        self._tls.stop()


def _handler(gate: Gate) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one small peer, read at once
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

        def do_POST(self) -> None:
            if self._failing() or self.path != f"{_ROOT}/letters":
                return
            words = dict(part.split(" ") for part in self.headers["Upload-Metadata"].split(","))
            label = codec.decode(Label, base64.b64decode(words["label"]))
            assert int(self.headers["Upload-Length"]) == label.size_bytes
            assert label.box == self._box()
            with gate.changed:
                if label.letter in gate.refuse:
                    self._problem(409, gate.refuse[label.letter])
                    return
                known = gate.labels.setdefault(label.letter, [])
                if known and known[0].sha256 != label.sha256:
                    self._problem(409, Problem(code="letter.conflict", who=WhoCanAct.OPERATOR))
                    return
                known.append(label)
                gate.changed.notify_all()
            self._answer(201, headers={"Location": f"{gate.url}/letters/{label.letter}"})

        def do_HEAD(self) -> None:
            letter = self.path.rpartition("/")[2]
            if self._failing():
                return
            if letter not in gate.labels:
                self._answer(404)
                return
            size = str(gate.labels[letter][0].size_bytes)
            self._answer(
                200, headers={"Upload-Offset": str(len(gate.content(letter))), "Upload-Length": size}
            )

        def do_PATCH(self) -> None:
            if self._failing():
                return
            letter, offset = self.path.rpartition("/")[2], int(self.headers["Upload-Offset"])
            if offset != len(gate.content(letter)):
                self.rfile.read(int(self.headers["Content-Length"]))
                self._problem(409, Problem(code="upload.offset", who=WhoCanAct.WAIT))
                return
            if gate.swallow:
                self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(204, headers={"Upload-Offset": str(offset)})
                return
            self._take(letter, offset, int(self.headers["Content-Length"]))

        def _take(self, letter: str, offset: int, length: int) -> None:
            allowed = length
            with gate.changed:
                if gate.cut_after_bytes is not None:
                    allowed = min(length, gate.cut_after_bytes)
                    gate.cut_after_bytes -= allowed
            data = self.rfile.read(allowed)
            with gate.changed, (gate.folder / letter).open("ab") as file:
                file.write(data)
                gate.patched.append((letter, offset, len(data)))
                gate.changed.notify_all()
            if allowed < length:
                gate.cut_after_bytes = None
                self.close_connection = True
                self.connection.close()
                return
            label, content = gate.labels[letter][0], gate.content(letter)
            if len(content) == label.size_bytes:
                if hashlib.sha256(content).hexdigest() != label.sha256:
                    (gate.folder / letter).write_bytes(b"")
                    self._problem(422, Problem(code="upload.hash", who=WhoCanAct.WAIT))
                    return
                with gate.changed:
                    gate.completed.append(letter)
                    gate.changed.notify_all()
            self._answer(204, headers={"Upload-Offset": str(len(content))})

        def do_GET(self) -> None:
            if self._failing():
                return
            if self.path.startswith(f"{_ROOT}/states?after="):
                after = int(self.path.rpartition("=")[2])
                rest = [state for state in gate.states if state.cursor > after]
                page = StatePage(states=rest[:2], more=len(rest) > 2)
                self._answer(200, codec.encode(page))
                return
            letter = self.path.removesuffix("/receipt").rpartition("/")[2]
            if letter not in gate.completed:
                self._answer(404)
                return
            self._answer(200, gate.receipt(letter))

        def _failing(self) -> bool:
            if gate.fail_status:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._problem(gate.fail_status, Problem(code="gate.tired", who=WhoCanAct.WAIT))
            return bool(gate.fail_status)

        def _box(self) -> str:
            der = self.connection.getpeercert(binary_form=True)
            subject = x509.load_der_x509_certificate(der).subject
            return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

        def _problem(self, status: int, problem: Problem) -> None:
            self._answer(status, codec.encode(problem))

        def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Tus-Resumable": "1.0.0", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler
