"""The desk's memory through a whole sitting: a document's printed lines, five pages of twelve megapixels, a sealed letter.

The real processes, with the camera that gives files: one that draws would weigh its own drawing. Beside the desk itself its
darkrooms are told, and all of them together at the worst moment, shared pages counted once.
"""

from __future__ import annotations

import datetime as dt
import re
import tempfile
import threading
from pathlib import Path

import cv2
import numpy as np

from appliance.cards.software.shelf import printed_lines
from appliance.devices.camera import documents
from contracts.desk_api.clerk import Stage
from tests.appliance.desk.kit import NASPI, Clerk, DeskProcess
from tests.bench.measure import Figure, machine
from tests.papers.letters import letter

PICTURE = (4000, 3000)
PAGES = 5
LOOK_EVERY_S = 0.05
FRAME_EVERY_S = 0.25
SEALED_WITHIN_S = 600.0
"""Pages that nobody had time to read are read then: the letter is searchable."""
PATIENT = "act_wait_s=55"
"""So that a call answers when its page is there, also where others use the machine."""
REAL_PINS = ("pin_cost.time=3", "pin_cost.memory_kib=65536", "pin_cost.lanes=4")
"""A box's own cost: a login takes memory too."""


def figures() -> list[Figure]:
    """The desk, each darkroom, all together."""
    with tempfile.TemporaryDirectory() as folder:
        state, pictures = Path(folder, "state"), Path(folder, "pictures")
        state.mkdir()
        pictures.mkdir()
        sheets = [_page(80_000 + number) for number in range(PAGES + 1)]
        camera = ("devices.camera.driver=folder", f"devices.camera.folder={pictures}")
        desk = DeskProcess(state, settings=(PATIENT, *REAL_PINS, *camera))
        watch = Watch(desk.pid)
        try:
            _sitting(desk.clerk(), pictures, sheets)
        finally:
            together = watch.end()
            desk.close()
    picture = PICTURE[0] * PICTURE[1] * 3 / 2**20
    darkrooms = [mib for pid, mib in watch.peaks.items() if pid != watch.desk]
    return [
        _figure("the desk through a sitting", watch.peaks[watch.desk], picture, 350),
        _figure("its largest darkroom", max(darkrooms), picture, 350),
        _figure("desk and darkrooms together", together, picture, 400),
    ]


class Watch:
    """Looks at the desk and its children until told to end.

    Attributes:
        peaks: the most each process ever held, in MiB, as the kernel counts.
    """

    def __init__(self, desk: int) -> None:
        self.desk = desk
        self.peaks: dict[int, float] = {}
        self._together = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def end(self) -> float:
        """The most all held at once."""
        self._over.set()
        self._thread.join()
        return self._together

    def _look(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            held = 0.0
            for pid in (self.desk, *_children(self.desk)):
                try:
                    self.peaks[pid] = _mib(f"/proc/{pid}/status", "VmHWM")
                    held += _mib(f"/proc/{pid}/smaps_rollup", "Pss")
                except (OSError, TypeError):
                    continue  # it just ended
            self._together = max(self._together, held)


def _mib(file: str, word: str) -> float:
    return int(re.search(rf"^{word}:\s+(\d+)", Path(file).read_text("ascii"), re.MULTILINE)[1]) / 1024


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += map(int, (thread / "children").read_text("ascii").split())
        except OSError:
            continue
    return found


def _sitting(clerk: Clerk, pictures: Path, sheets: list[bytes]) -> None:
    desk = clerk.desk
    clerk.come()
    clerk.begin()
    _drop(pictures, 0, _document())
    clerk.ask("show_document")
    clerk.until(lambda view: view.sitting.reading and view.sitting.reading.code == "card.awaited")
    desk.world("card_reader", "insert", card="cie")
    clerk.until(lambda view: view.sitting.stage is Stage.COMPARE)
    clerk.ask("same_person", same=True)
    key = next(row.key for row in clerk.ask("practices").practices if row.key.startswith("naspi"))
    clerk.ask("choose", practice=key)
    clerk.fill({**NASPI, "motivo": ["dimissioni_giusta_causa"]})
    with Viewers(clerk):
        for number, sheet in enumerate(sheets[:PAGES], 1):
            _drop(pictures, number, sheet)
            clerk.ask("take_page", attachment="lettera")
            assert len(clerk.sitting.pages.pages) == number, clerk.sitting
    clerk.ask("pages_done")
    clerk.ask("confirm_read_back")
    _drop(pictures, PAGES + 1, sheets[PAGES])
    clerk.sign_and_seal()
    clerk.until(lambda view: view.sitting.stage is Stage.DONE, SEALED_WITHIN_S)


class Viewers:
    """A clerk's page that looks all the while: the live picture and what is seen in it."""

    def __init__(self, clerk: Clerk) -> None:
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._look, args=(clerk, name)) for name in ("live", "sight")
        ]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _look(self, clerk: Clerk, name: str) -> None:
        mine, after = clerk.desk.clerk(), 0
        mine.token = clerk.token
        while not self._over.wait(FRAME_EVERY_S):
            after = mine.ask(name, after=after, wait_s=0.5).number


def _drop(folder: Path, number: int, jpeg: bytes) -> None:
    """As a good copier does: whole before it has its name."""
    (folder / ".copying").write_bytes(jpeg)
    (folder / ".copying").rename(folder / f"{number:03}.jpg")


def _document() -> bytes:
    seen = np.asarray(documents.with_lines(printed_lines("cie", dt.datetime.now(dt.UTC))))[..., ::-1]
    return _jpeg(cv2.resize(seen, PICTURE[::-1], interpolation=cv2.INTER_CUBIC))


def _page(seed: int) -> bytes:
    """A letter on a dark desk."""
    page = letter(seed).page
    high, wide = page.shape
    here = np.float32([[0, 0], [wide, 0], [wide, high], [0, high]])
    there = np.float32([[1010, 60], [2990, 90], [3010, 2930], [990, 2900]])
    desk = np.full((PICTURE[1], PICTURE[0]), 58, np.uint8)
    bend = cv2.getPerspectiveTransform(here, there)
    cv2.warpPerspective(page, bend, PICTURE, desk, cv2.INTER_AREA, cv2.BORDER_TRANSPARENT)
    noise = np.random.default_rng(seed).normal(0, 2, desk.shape)
    return _jpeg(cv2.cvtColor(np.clip(desk + noise, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR))


def _jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def _figure(name: str, value: float, picture: float, most: float) -> Figure:
    return Figure(
        name=name,
        value=value,
        unit="MiB",
        peer="one picture in colour",
        peer_value=picture,
        ratio=value / picture,
        goal=f"<= {most:g} MiB",
        rounds=1,
        machine=machine(),
        ok=value <= most,
    )
