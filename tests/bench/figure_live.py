"""The live picture: how many a second reach a viewer through the face, against the same camera asked directly."""

from __future__ import annotations

import tempfile
from pathlib import Path

import requests

from contracts.desk_api.clerk import LiveQuestion
from tests.bench.measure import Figure, compare, timed
from tests.peers.browser import running_face
from tests.peers.fake_desk import FakeDesk
from web_local.desk_client import desk_at

PICTURES = 60
END = b"\xff\xd9\r\n"
LEAST_SHARE = 0.5
"""The camera of this bench gives thirty a second; fifteen is what a clerk's hand needs to follow."""


def figures() -> list[Figure]:
    """Pictures a second, 640 × 480; the desk is a peer that draws each and sleeps a thirtieth of a second."""
    with tempfile.TemporaryDirectory(prefix="pue-") as folder:
        desk = FakeDesk(Path(folder) / "clerk.sock").open()
        try:
            token = desk.enter().token
            with running_face(desk.path) as (address, _):
                return [
                    compare(
                        "live picture through the face",
                        "pictures/s",
                        lambda: PICTURES / timed(lambda: _through_the_face(address, token)),
                        "the same desk asked directly",
                        lambda: PICTURES / timed(lambda: _directly(desk.path, token)),
                        at_least=LEAST_SHARE,
                        rounds=3,
                    )
                ]
        finally:
            desk.close()


def _through_the_face(address: str, token: str) -> None:
    with requests.get(f"{address}/immagine/viva", cookies={"pue": token}, stream=True, timeout=20) as answer:
        seen, rest = 0, b""
        for piece in answer.iter_content(4096):
            *whole, rest = (rest + piece).split(END)
            seen += len(whole)
            if seen >= PICTURES:
                return


def _directly(socket: Path, token: str) -> None:
    door, number = desk_at(socket), 0
    for _ in range(PICTURES):
        number = door.live(LiveQuestion(token=token, after=number, wait_s=1.0)).number
