"""The visitor's page of the demo: the doors of the world, and hands for the things on the desk."""

from __future__ import annotations

import http.client
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from flask import Flask, Response, abort, redirect, render_template, request, send_file, session

from provisioning.demo.doors import post

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from werkzeug.wrappers import Response as AnyResponse

    from provisioning.demo.line import Line

_ANSWER_S = 5
_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


class Door(msgspec.Struct, frozen=True):
    """One page a visitor may open, for whom it is, and what opens it."""

    title: str
    whose: str
    url: str
    user: str
    secret: str


class Hand(msgspec.Struct, frozen=True):
    """One thing a visitor may do to the simulated desk."""

    ident: str
    label: str
    hint: str
    device: str
    deed: str
    arguments: dict[str, str | int] = {}


HANDS: tuple[Hand, ...] = (
    Hand(
        "card_maria", "Put Maria's card on the reader", "CAN 123456", "card_reader", "insert", {"card": "cie"}
    ),
    Hand(
        "card_tampered",
        "Put a forged card on the reader",
        "CAN 123456; its name was changed after signing",
        "card_reader",
        "insert",
        {"card": "cie_tampered"},
    ),
    Hand(
        "card_expired",
        "Put an expired card on the reader",
        "CAN 123456",
        "card_reader",
        "insert",
        {"card": "cie_expired"},
    ),
    Hand(
        "card_cloned",
        "Put a copied card on the reader",
        "CAN 123456; all its data, on another chip",
        "card_reader",
        "insert",
        {"card": "cie_cloned"},
    ),
    Hand(
        "card_cns",
        "Put a Tessera Sanitaria into the slot",
        "No code; PIN 24680",
        "card_reader",
        "insert",
        {"card": "cns"},
    ),
    Hand(
        "scan_cf",
        "Scan the bar code of Maria's Tessera",
        "Once a sitting has begun",
        "barcode",
        "scan",
        {"text": "SMPMRA85D52H501E"},
    ),
    Hand("card_away", "Take the card away", "", "card_reader", "remove"),
    Hand("sheet", "Lay a sheet under the camera", "", "camera", "place_sample"),
    Hand(
        "passport_seen",
        "Lay Nicolò's passport under the camera",
        "Then on the reader",
        "camera",
        "show_document",
        {"card": "passport"},
    ),
    Hand(
        "passport", "Put Nicolò's passport on the reader", "", "card_reader", "insert", {"card": "passport"}
    ),
    Hand(
        "tessera_seen",
        "Lay Maria's Tessera under the camera",
        "Its bar code is read",
        "camera",
        "show_tessera",
        {"codice_fiscale": "SMPMRA85D52H501E"},
    ),
    Hand("portrait", "Let a person look into the camera", "", "camera", "show_portrait"),
    Hand("lens", "Cover the lens", "", "camera", "cover_lens"),
    Hand("lens_free", "Uncover the lens", "", "camera", "uncover_lens"),
    Hand("paper_out", "Take the paper out of the printer", "", "printer", "run_out"),
    Hand("paper_in", "Put paper in", "", "printer", "mend"),
    Hand("reader_off", "Unplug the card reader", "", "card_reader", "unplug"),
    Hand("reader_on", "Plug the card reader in again", "", "card_reader", "plug"),
)


def do(sock: Path, hand: Hand) -> str:
    """Play one deed through the desk's world door; empty, or the desk's sentence."""
    body = json.dumps({"device": hand.device, "do": hand.deed, "with": hand.arguments}).encode()
    try:
        status, said = post(sock, "/v1/do", body, limit=65_536, timeout_s=_ANSWER_S)
    except OSError:
        return "The desk does not answer; it may be restarting."
    if status == http.client.OK:
        return ""
    try:
        return str(json.loads(said)["message"])
    except (ValueError, KeyError, TypeError):
        return "The desk refused."


def create_app(
    *, doors: Sequence[Door], world: Path, printed: Path, lines: Sequence[Line], hands: Sequence[Hand] = HANDS
) -> Flask:
    """The page.

    Args:
        doors: pages to list.
        world: the desk's world socket.
        printed: folder where the simulated printer lays its sheets.
        lines: relays between the box and the fleet.
        hands: deeds to offer.
    """
    app = Flask(__name__)
    app.secret_key = secrets.token_bytes(32)
    by_ident: Mapping[str, Hand] = {hand.ident: hand for hand in hands}

    app.after_request(_guard)

    @app.get("/")
    def index() -> str:
        session.setdefault("form", secrets.token_urlsafe(16))
        return render_template(
            "demo.html",
            doors=doors,
            hands=hands,
            cut=any(line.is_cut for line in lines),
            sheets=[sheet.name for sheet in _sheets(printed)[:6]],
            form=session["form"],
            said=session.pop("said", ""),
        )

    @app.post("/do/<ident>")
    def act(ident: str) -> AnyResponse:
        if not secrets.compare_digest(str(session.get("form", "")), request.form.get("form", "-")):
            abort(400)
        if ident in {"cut", "mend"}:
            _pull(lines, cut=ident == "cut")
        elif ident in by_ident:
            session["said"] = do(world, by_ident[ident])
        else:
            abort(404)
        return redirect("/")

    @app.get("/sheet/<name>")
    def sheet(name: str) -> AnyResponse:
        known = {path.name: path for path in _sheets(printed)}
        if name not in known:
            abort(404)
        return send_file(known[name])

    return app


def _guard(response: Response) -> Response:
    if response.mimetype != "application/pdf":  # the browser's own viewer shows it
        response.headers["Content-Security-Policy"] = _CSP
    response.headers["Referrer-Policy"] = "no-referrer"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _pull(lines: Sequence[Line], *, cut: bool) -> None:
    for line in lines:
        if cut:
            line.cut()
        else:
            line.mend()


def _sheets(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    printed = [path for path in folder.iterdir() if path.suffix in {".png", ".pdf"}]
    return sorted(printed, key=lambda path: path.name, reverse=True)
