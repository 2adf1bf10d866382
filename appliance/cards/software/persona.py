"""Invented people for software cards. Their names say so; their codici fiscali are well formed and belong to nobody."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import hashlib
import io

from appliance.cards import codice_fiscale, names


@dataclasses.dataclass(frozen=True)
class Persona:
    """Somebody who does not exist.

    Attributes:
        surname: in the letters of the State, as data group 11 has it; the printed lines follow from it.
        place_code: Belfiore code of the birth place.
        nationality: as in the printed lines.
        hue: 0 to 359, the colour of the drawn portrait: personas are told apart at a glance.
    """

    surname: str
    given_names: str
    birth: datetime.date
    sex: str
    place_code: str
    birth_place: str
    address: str
    document_number: str
    can: str
    hue: int
    nationality: str = "ITA"

    @property
    def codice_fiscale(self) -> str:
        return codice_fiscale.compute(
            names.printed(self.surname),
            names.printed(self.given_names),
            self.birth,
            self.sex,
            self.place_code,
        )

    @property
    def nis(self) -> str:
        """The twelve digits of the card's service number; they follow from the document's and mean nothing."""
        digest = hashlib.sha256(self.document_number.encode()).digest()
        return f"{int.from_bytes(digest[:6], 'big') % 10**12:012d}"

    def expiry(self, today: datetime.date, *, expired: bool = False) -> datetime.date:
        """A birthday, as on a real CIE: five to six years ahead, or up to a year ago."""
        still_to_come = (self.birth.month, self.birth.day) >= (today.month, today.day)
        year = today.year - 1 if still_to_come else today.year
        return self.birth.replace(year=year if expired else year + 6)


MARIA = Persona(
    surname="ESEMPIO",
    given_names="MARIA",
    birth=datetime.date(1985, 4, 12),
    sex="F",
    place_code="H501",
    birth_place="ROMA<RM",
    address="VIA DELLE PROVE 1<BORGO ESEMPIO<RM",
    document_number="CA00000AA",
    can="123456",
    hue=20,
)
ALDO = Persona(
    surname="PROVA INVENTATA",
    given_names="ALDO",
    birth=datetime.date(1951, 11, 3),
    sex="M",
    place_code="F205",
    birth_place="MILANO<MI",
    address="PIAZZA DEL MODELLO 2<BORGO ESEMPIO<RM",
    document_number="CA00001AB",
    can="246810",
    hue=210,
)
NICOLO = Persona(
    surname="D'ESEMPIO",
    given_names="NICOLÒ",
    birth=datetime.date(1990, 2, 3),
    sex="M",
    place_code="A944",
    birth_place="BOLOGNA<BO",
    address="",
    document_number="YA0000001",
    can="",
    hue=120,
)
JULE = Persona(
    surname="BEISPIEL-ERFUNDEN",
    given_names="JÜLE ÄNNE",
    birth=datetime.date(1978, 7, 9),
    sex="F",
    place_code="Z112",
    birth_place="MUSTERSTADT",
    address="",
    document_number="C01X00T47",
    can="864209",
    hue=300,
    nationality="D",
)
DRITA = Persona(
    surname="SHEMBULL",
    given_names="DRITA",
    birth=datetime.date(1994, 9, 21),
    sex="F",
    place_code="Z100",
    birth_place="QYTETI I SHPIKUR",
    address="",
    document_number="I00000E1A",
    can="135791",
    hue=260,
    nationality="ALB",
)
PERSONAS = {"maria": MARIA, "aldo": ALDO, "nicolo": NICOLO, "jule": JULE, "drita": DRITA}


@functools.cache
def portrait_jpeg2000(hue: int) -> bytes:
    """A drawn face, plainly a drawing, as JPEG 2000 of the size a real CIE carries (about 15 kB)."""
    from PIL import Image, ImageDraw

    width, height = 480, 640
    picture = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(picture)
    for row in range(height):
        draw.line((0, row, width, row), fill=_shade(hue, 30, 92 - row * 14 // height))
    skin, hair, cloth = _shade(28, 45, 78), _shade(hue, 40, 28), _shade(hue, 45, 45)
    draw.ellipse((50, 470, 430, 860), fill=cloth)
    draw.rounded_rectangle((200, 400, 280, 520), 36, fill=_shade(28, 45, 70))
    draw.ellipse((118, 96, 362, 400), fill=hair)
    draw.ellipse((138, 140, 342, 450), fill=skin)
    draw.chord((132, 96, 348, 330), 190, 350, fill=hair)
    for x in (196, 284):
        draw.ellipse((x - 22, 268, x + 22, 292), fill=(250, 250, 250))
        draw.ellipse((x - 10, 269, x + 10, 291), fill=_shade(hue, 60, 25))
        draw.arc((x - 30, 238, x + 30, 280), 200, 340, fill=hair, width=6)
    draw.line((240, 290, 230, 346, 248, 348), fill=_shade(28, 45, 62), width=4)
    draw.arc((200, 350, 280, 404), 25, 155, fill=(150, 60, 60), width=6)
    draw.rectangle((0, 596, width, height), fill=(255, 255, 255))
    draw.text((150, 604), "ESEMPIO - PERSONA INVENTATA", fill=(120, 0, 0))
    # some grain, so that the size on the chip and the reading time are those of a photograph
    grain = Image.effect_noise((width, height), 24).convert("RGB")
    picture = Image.blend(picture, grain, 0.06)
    stream = io.BytesIO()
    picture.save(stream, "JPEG2000", quality_mode="rates", quality_layers=[60], irreversible=True)
    return stream.getvalue()


def _shade(hue: int, saturation: int, lightness: int) -> tuple[int, int, int]:
    from PIL import ImageColor

    red, green, blue = ImageColor.getrgb(f"hsl({hue},{saturation}%,{lightness}%)")[:3]
    return red, green, blue
