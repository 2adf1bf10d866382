"""Draws the fixed pictures of this folder with a web browser: ``python -m tests.papers.fixed.make``.

They owe nothing to the generator that the finder's weights were fitted on: letters, tables, bending in space, light, grain and
compression are Chromium's. What is on them is in `truth.json`; the corners are asked of the browser itself.
"""

from __future__ import annotations

import base64
import io
import random
import string
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import zxingcpp

from tests.papers.cards import lines_of
from tests.papers.fixed import sheets
from tests.peers.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE: Final = Path(__file__).parent
MOST_BYTES: Final = 150_000
CODICE_FISCALE: Final = "SMPMRA85D52H501E"
IBAN: Final = "IT24D0542811101000000654321"
NOTICE: Final = "PAGOPA|002|301000000012345678|01234567897|12500"
DESK: Final = string.Template((HERE / "desk.html").read_text("utf-8"))
CORNERS: Final = "() => [...document.querySelectorAll('.corner')].map(e => { const b = e.getBoundingClientRect(); return [b.x, b.y]; })"

PORTRAIT, NEAR = (1240, 1640), (1280, 960)
CARD, PASSPORT, A4 = (880, 555), (1100, 774), (1030, 1457)


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """One picture.

    Attributes:
        sheet: HTML of the paper; `size` its pixels before it is bent.
        frame: of the picture.
        lies: CSS transform: how the paper lies before the lens.
        desk, tone: its grain (two frequencies) and colour.
        lens: CSS filter on all of it.
        light: CSS background laid over all of it.
        says: the truth besides the corners.
    """

    sheet: str
    size: tuple[int, int] = A4
    frame: tuple[int, int] = PORTRAIT
    lies: str = "rotateX(7deg) rotateZ(-2deg)"
    desk: str = "0.004 0.09"
    tone: str = "#5c4630"
    lens: str = "blur(0.5px) contrast(0.95)"
    light: str = "linear-gradient(115deg, rgb(0 0 0 / 0), rgb(0 0 0 / 0.22))"
    says: dict[str, Any] = {}


def scenes() -> dict[str, Scene]:
    """By name of the file."""
    card, passport = (lines_of(random.Random(5), kind) for kind in ("td1", "td3"))
    form = {"found": [["codice_fiscale", CODICE_FISCALE], ["iban", IBAN]]}
    account = {"found": [["iban", IBAN]]}
    shadow = "linear-gradient(70deg, rgb(0 0 0 / 0.45) 20%, rgb(0 0 0 / 0.02) 52%), linear-gradient(rgb(255 250 235 / 0.08), rgb(0 0 0 / 0.1))"
    return {
        "form": Scene(sheet=sheets.form(CODICE_FISCALE, IBAN), says=form),
        "stamped": Scene(
            sheet=sheets.stamped(), desk="0.7", tone="#31353a", lies="rotateY(-6deg) rotateZ(3deg)",
            says={"encoding": "jpeg", "words": "CERTIFICATO STATO FAMIGLIA"},
        ),
        "photocopied": Scene(
            sheet=sheets.account(IBAN), lies="rotateX(-5deg) rotateZ(181deg)", desk="0.02", tone="#2e4038",
            lens="grayscale(1) contrast(1.35) brightness(1.03) blur(0.6px)", says=account | {"degrees": 180},
        ),
        "shaded": Scene(sheet=sheets.account(IBAN), light=shadow, desk="0.9", tone="#23262b", says=account),
        "rephotographed": Scene(
            sheet=f'<div class="printed">{sheets.form(CODICE_FISCALE, IBAN)}</div>', desk="0.03 0.002", tone="#3a3f47",
            lies="rotateX(4deg) rotateY(5deg) rotateZ(1deg)", says=form,
        ),
        "blurred": Scene(sheet=sheets.account(IBAN), lens="blur(3.2px)", says={"remark": "blurred"}),
        "cut": Scene(sheet=sheets.account(IBAN), lies="translateX(-260px) rotateZ(2deg)", says={"remark": "cut"}),
        "identity_card": Scene(
            sheet=sheets.document(card), size=CARD, frame=NEAR, lies="rotateX(8deg) rotateZ(-4deg)", desk="0.6", tone="#2b2f36",
            says={"lines": card},
        ),
        "passport": Scene(
            sheet=sheets.document(passport), size=PASSPORT, frame=NEAR, lies="rotateX(-6deg) rotateZ(2deg)", tone="#4a3826",
            light="radial-gradient(circle at 75% 15%, rgb(255 255 255 / 0.28), rgb(255 255 255 / 0) 40%)",
            says={"lines": passport},
        ),
        "tessera": Scene(
            sheet=sheets.tessera(_code(CODICE_FISCALE, zxingcpp.BarcodeFormat.Code39)), size=CARD, frame=NEAR,
            lies="rotateX(6deg) rotateZ(5deg)", desk="0.05", tone="#20352c", says={"codes": [["code39", CODICE_FISCALE]]},
        ),
        "notice": Scene(
            sheet=sheets.notice(_code(NOTICE, zxingcpp.BarcodeFormat.QRCode)), lies="rotateX(6deg) rotateZ(1deg)",
            says={"codes": [["qr", NOTICE]], "words": "AVVISO PAGAMENTO"},
        ),
    }  # fmt: skip


def _code(text: str, form: zxingcpp.BarcodeFormat) -> str:
    """As a picture that stands in the page's own text."""
    from PIL import Image

    drawn = Image.fromarray(zxingcpp.create_barcode(text, form).to_image(scale=4))
    out = io.BytesIO()
    drawn.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def draw(page: Page, scene: Scene) -> tuple[bytes, list[list[float]]]:
    """The picture, not larger than allowed, and the paper's corners as fractions of it."""
    wide, high = scene.frame
    page.set_viewport_size({"width": wide, "height": high})
    fields = {name: getattr(scene, name) for name in ("sheet", "lies", "desk", "tone", "lens", "light")}
    page.set_content(DESK.substitute(fields, wide=scene.size[0], high=scene.size[1]))
    page.evaluate("document.fonts.ready")
    corners = [[round(x / wide, 5), round(y / high, 5)] for x, y in page.evaluate(CORNERS)]
    for quality in range(90, 30, -6):
        jpeg = page.screenshot(type="jpeg", quality=quality)
        if len(jpeg) <= MOST_BYTES:
            return jpeg, corners
    raise SystemExit("a picture is too large")


def main() -> None:
    """Write them all."""
    truth = {}
    with chromium() as browser:
        page = browser.new_page()
        for name, scene in scenes().items():
            jpeg, corners = draw(page, scene)
            (HERE / f"{name}.jpg").write_bytes(jpeg)
            truth[name] = {"corners": corners, **scene.says}
    (HERE / "truth.json").write_bytes(msgspec.json.format(msgspec.json.encode(truth)) + b"\n")


if __name__ == "__main__":
    main()
