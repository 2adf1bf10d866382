"""The post over HTTPS: tus for boxes, three calls for recipients. Who asks is on the certificate, never in the URL."""

from __future__ import annotations

import contextlib
from typing import Final

import flask
import msgspec
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge

from contracts import codec
from contracts.envelope import MAX_STATEMENT_BYTES, Statement
from contracts.errors import PueError
from contracts.identity import BoxName, LetterId, unique_id
from fleet.gate.identity import client_identity
from fleet.intake import tus
from fleet.intake.post import Post, Waiting
from fleet.intake.shelf import READ_BYTES
from fleet.registry.certificates import Unit

ROOT: Final = "/post/v1"
RECIPIENT_ROOT: Final = "/recipient/v1"
_PLAIN: Final = msgspec.json.Encoder()


class LineCut(tus.TusRefused):
    """The connection ended in the middle of a piece; what came is kept."""

    code = "intake.line_cut"


def post_blueprint(post: Post) -> flask.Blueprint:
    """Routes for boxes (``/post/v1``)."""
    room = flask.Blueprint("intake", __name__, url_prefix=ROOT)
    view = _BoxView(post)
    # Flask's own answer to OPTIONS would hide ours, which says what tus offers.
    plain = {"provide_automatic_options": False}
    room.add_url_rule("/letters", view_func=view.create, methods=["POST"], endpoint="create", **plain)
    room.add_url_rule("/letters", view_func=view.offer, methods=["OPTIONS"], endpoint="offer")
    room.add_url_rule("/letters/<letter>", view_func=view.head, methods=["HEAD"], endpoint="head")
    room.add_url_rule("/letters/<letter>", view_func=view.patch, methods=["PATCH"], endpoint="patch")
    room.add_url_rule("/letters/<letter>", view_func=view.terminate, methods=["DELETE"], endpoint="terminate")
    room.add_url_rule("/letters/<letter>/receipt", view_func=view.receipt, endpoint="receipt")
    room.add_url_rule("/states", view_func=view.states, endpoint="states")
    room.after_request(_tus_headers)
    return room


class _BoxView:
    def __init__(self, post: Post) -> None:
        self._post = post

    def offer(self) -> flask.Response:
        client_identity(Unit.LINK)
        return flask.Response(status=204, headers=tus.OFFER)

    def create(self) -> flask.Response:
        box = client_identity(Unit.LINK).cn
        tus.check_version(_headers())
        standing = self._post.begin(tus.creation(_headers()), box)
        here = flask.url_for("intake.head", letter=standing.letter, _external=True)
        headers = {"Location": here, "Upload-Offset": str(standing.held_bytes)}
        return flask.Response(status=201, headers=headers)

    def head(self, letter: str) -> flask.Response:
        box = client_identity(Unit.LINK).cn
        tus.check_version(_headers())
        standing = self._post.standing(unique_id(letter), box)
        headers = {"Upload-Offset": str(standing.held_bytes), "Upload-Length": str(standing.size_bytes)}
        return flask.Response(status=200, headers=headers)

    def patch(self, letter: str) -> flask.Response:
        box = client_identity(Unit.LINK).cn
        try:
            offset = self._take(unique_id(letter), box)
        except PueError:
            _drain()
            raise
        return flask.Response(status=204, headers={"Upload-Offset": str(offset)})

    def _take(self, letter: LetterId, box: BoxName) -> int:
        tus.check_version(_headers())
        standing = self._post.standing(letter, box)
        piece = tus.patch(_headers(), held_bytes=standing.held_bytes, length_bytes=standing.size_bytes)
        try:
            return self._post.take(
                letter,
                box,
                offset=piece.offset,
                source=flask.request.stream,
                at_most_bytes=piece.at_most_bytes,
            )
        except (ClientDisconnected, BadRequest, OSError):
            raise LineCut("the line was cut in the middle of a piece: ask where the upload stands") from None

    def terminate(self, letter: str) -> flask.Response:
        client_identity(Unit.LINK)
        raise tus.TerminationRefused("a letter is not taken back", letter=unique_id(letter))

    def receipt(self, letter: str) -> flask.Response:
        box = client_identity(Unit.LINK).cn
        text = self._post.receipt(unique_id(letter), box)
        return flask.Response(text, content_type="application/json")

    def states(self) -> flask.Response:
        box = client_identity(Unit.LINK).cn
        page = self._post.states(box, _whole_number("after"))
        return flask.Response(codec.encode(page), content_type="application/json")


def recipient_blueprint(post: Post) -> flask.Blueprint:
    """Routes for recipients (``/recipient/v1``)."""
    room = flask.Blueprint("recipient", __name__, url_prefix=RECIPIENT_ROOT)
    view = _RecipientView(post)
    room.add_url_rule("/letters", view_func=view.letters, endpoint="letters")
    room.add_url_rule("/letters/<letter>", view_func=view.sealed, endpoint="sealed")
    room.add_url_rule("/states", view_func=view.say, methods=["POST"], endpoint="say")
    room.after_request(_no_store)
    return room


class _RecipientView:
    def __init__(self, post: Post) -> None:
        self._post = post

    def letters(self) -> flask.Response:
        name = client_identity(Unit.RECIPIENT).cn
        waiting = self._post.waiting(name, _whole_number("after"), _whole_number("limit", 100))
        return flask.Response(
            _PLAIN.encode([_plain(one) for one in waiting]), content_type="application/json"
        )

    def sealed(self, letter: str) -> flask.Response:
        name = client_identity(Unit.RECIPIENT).cn
        stream = self._post.sealed(unique_id(letter), name)
        return flask.send_file(stream, mimetype="application/pkcs7-mime", max_age=0)

    def say(self) -> flask.Response:
        name = client_identity(Unit.RECIPIENT).cn
        statement = codec.decode(Statement, flask.request.get_data(), limit=MAX_STATEMENT_BYTES)
        self._post.say(statement, name)
        return flask.Response(status=204)


def _drain() -> None:
    """Read the rest of a refused piece, or the server cuts the line and the box never hears why."""
    with contextlib.suppress(ClientDisconnected, BadRequest, RequestEntityTooLarge, OSError):
        while flask.request.stream.read(READ_BYTES):
            pass


def _headers() -> dict[str, str]:
    return dict(flask.request.headers)


def _plain(one: Waiting) -> dict[str, object]:
    return {"cursor": one.cursor, "label": codec.to_plain(one.label), "arrived_at": one.arrived_at}


def _whole_number(name: str, default: int = 0) -> int:
    value = flask.request.args.get(name, default=default, type=int)
    return min(max(value, 0), 1 << 53)


def _tus_headers(answer: flask.Response) -> flask.Response:
    answer.headers["Tus-Resumable"] = tus.VERSION
    if answer.status_code == tus.VersionUnknown.http_status:
        answer.headers["Tus-Version"] = tus.VERSION
    return _no_store(answer)


def _no_store(answer: flask.Response) -> flask.Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
