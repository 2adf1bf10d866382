"""Letters to draw with: Debian's Noto or DejaVu where they are, else the face that reportlab carries.

reportlab's Vera draws Italian, German and French; č and ć of Slovenian need one of Debian's packages
(fonts-noto-core, fonts-dejavu-core).
"""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Final

import reportlab
from PIL import ImageFont

from contracts.errors import PueError, WhoCanAct

FONT_FOLDERS: Final = (
    Path("/usr/share/fonts/truetype/noto"),
    Path("/usr/share/fonts/truetype/dejavu"),
    Path(reportlab.__file__).parent / "fonts",
)
_FACES: Final = (
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("Vera.ttf", "VeraBd.ttf"),
)


class FontsMissing(PueError):
    """No usable font on this machine; nothing can be drawn."""

    code = "device.fonts_missing"
    who = WhoCanAct.TECHNICIAN


class Fonts:
    """A regular and a bold face.

    Raises:
        FontsMissing: none of the folders has both.
    """

    def __init__(self, folders: tuple[Path, ...] = FONT_FOLDERS) -> None:
        for folder in folders:
            for regular, bold in _FACES:
                if (folder / regular).is_file() and (folder / bold).is_file():
                    self.regular, self.bold = folder / regular, folder / bold
                    return
        raise FontsMissing("no font to draw with: install the package fonts-noto-core")

    @property
    def name(self) -> str:
        """The face in use, for the health page and the logs."""
        return self.regular.stem

    def face(self, size_px: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
        """The face at a size.

        Raises:
            FontsMissing: the file is damaged.
        """
        return _loaded(self.bold if bold else self.regular, size_px)


@functools.lru_cache(maxsize=32)
def _loaded(path: Path, size_px: int) -> ImageFont.FreeTypeFont:
    """The basic layout engine draws the same dots on every machine.

    Bytes instead of the path: given a file it cannot read, Pillow would search the system for a namesake.
    """
    try:
        data = io.BytesIO(path.read_bytes())
        return ImageFont.truetype(data, size_px, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise FontsMissing("a font file is damaged: install the package fonts-noto-core again") from error
