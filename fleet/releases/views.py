"""The releases' door at the gate: a signed statement, and the bytes it speaks of, in parts if a line is weak."""

from __future__ import annotations

import io
import threading
from typing import Final

import flask

from fleet.database import Database
from fleet.gate.identity import client_identity
from fleet.registry.certificates import Unit
from fleet.releases import book

A_VERSION: Final = "/<int(max=2147483647):version>"


def blueprint(database: Database) -> flask.Blueprint:
    """Routes for boxes. A release never changes, so what is sent once may be kept."""
    room = flask.Blueprint("releases", __name__, url_prefix="/releases")
    for name, kind in {"trust": book.TRUST, "catalogue": book.CATALOGUE}.items():
        view = _View(database, kind)
        room.add_url_rule(f"/{name}{A_VERSION}", view_func=view.statement, endpoint=f"{name}_statement")
        room.add_url_rule(f"/{name}{A_VERSION}/bundle", view_func=view.bundle, endpoint=f"{name}_bundle")
    return room


class _View:
    def __init__(self, database: Database, kind: book.Kind) -> None:
        self._database, self._kind = database, kind
        self._lock = threading.Lock()
        self._kept: tuple[int, str, bytes] = (0, "", b"")

    def statement(self, version: int) -> flask.Response:
        client_identity(Unit.LINK)
        with self._database.read() as session:
            text = book.statement(self._kind, session, version)
        answer = flask.Response(text, content_type="application/json")
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def bundle(self, version: int) -> flask.Response:
        client_identity(Unit.LINK)
        sha256, data = self._bytes(version)
        answer = flask.send_file(
            io.BytesIO(data), mimetype="application/octet-stream", conditional=True, etag=sha256, max_age=0
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _bytes(self, version: int) -> tuple[str, bytes]:
        """The bundle all boxes ask for in the same minutes is read from the database once."""
        with self._lock:
            if self._kept[0] != version:
                with self._database.read() as session:
                    self._kept = (version, *book.bundle(self._kind, session, version))
            return self._kept[1:]
