"""The corpus: for each target a few small inputs to begin with, made by our own software cards.

`python -m tests.fuzz corpus` writes them. Inputs a fuzzer found are added by hand, named after what they broke.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

from appliance.cards import cie_nis, lds, tlv
from appliance.cards.apdu import Command
from appliance.cards.software import der, personalise
from appliance.cards.software.authority import make_test_authority
from appliance.cards.software.lists import write_master_list, write_revocation_list
from appliance.cards.software.persona import JULE, MARIA, NICOLO
from appliance.cards.software.personalise import FaceEncoding
from appliance.cards.software.shelf import CardName
from tests.fuzz import genuine, targets

FOLDER = genuine.CORPUS
DOCUMENTS = (
    CardName.CIE,
    CardName.CIE_AES,
    CardName.PASSPORT,
    CardName.PASSPORT_AA_RSA,
    CardName.PASSPORT_AA_EC,
    CardName.PASSPORT_CAM,
)
_FILE_TARGETS = {
    "dg1",
    "dg11",
    "dg12",
    "dg14",
    "dg15",
    "sod",
    "com",
    "card_access",
    "card_security",
    "atr_info",
}


def write() -> int:
    """Write what is not there yet; gives how many files the corpus has."""
    for target, name, data in seeds():
        path = FOLDER / target / f"{name}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(data)
    return sum(1 for path in FOLDER.glob("*/*"))


def parts(*pieces: bytes) -> bytes:
    """As `targets` takes several files in one input: two bytes of length before each but the last."""
    return b"".join(len(piece).to_bytes(2, "big") + piece for piece in pieces[:-1]) + pieces[-1]


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Target, name of the file, content."""
    for name in DOCUMENTS:
        for kind, data in genuine.files(name).items():
            if kind in _FILE_TARGETS:
                yield kind, str(name), data
            if kind != "dg2":
                yield "tlv", f"{name}_{kind}", data
    yield from _documents()
    yield from _faces()
    yield from _service_cards()
    yield from _wire()
    for person in (MARIA, NICOLO, JULE):
        lines = genuine.files(CardName.PASSPORT if person is NICOLO else CardName.CIE)["dg1"][5:]
        size = 44 if len(lines) == 88 else 30
        text = b"\n".join(lines[start : start + size] for start in range(0, len(lines), size))
        yield "mrz", person.given_names.split()[0].lower(), text
    state = make_test_authority(now=genuine.NOW)
    yield "master_list", "demo", write_master_list(state, [state.anchor_der], genuine.NOW)
    yield "master_list", "ber", write_master_list(state, [state.anchor_der] * 2, genuine.NOW, ber=True)
    yield "revocation_list", "demo", write_revocation_list(state, [1, 2**63], genuine.NOW, number=7)
    yield "revocation_list", "empty", write_revocation_list(state, [], genuine.NOW, number=8)
    yield "revocation_list", "last_day", _list_of_the_last_day()
    yield "trust_bundle", "demo", genuine.trust().to_bytes()


def _list_of_the_last_day() -> bytes:
    """Made on the last day there is, and without a day for the next one."""
    algorithm = der.sequence(der.oid("1.2.840.10045.4.3.2"))
    outline = der.sequence(algorithm, der.sequence(), tlv.build(0x18, b"99991231235959Z"))
    return der.sequence(outline, algorithm, der.bits(b"none"))


def _documents() -> Iterator[tuple[str, str, bytes]]:
    for name in (CardName.CIE_AES, CardName.CIE_UNKNOWN_AUTHORITY):
        true = genuine.files(name)
        whole = parts(true["dg1"], true["dg11"], true["dg14"], true["card_access"], true["sod"])
        yield "document", str(name), whole
        yield "folder", str(name), parts(true["sod"], true["dg1"], b"", true["card_access"])
    select = Command(0x00, 0xA4, 0x04, 0x0C, lds.APPLICATION_ID).encode()
    read = Command(0x00, 0xB0, 0x9C, 0, b"", 256).encode()
    access = genuine.files(CardName.CIE_AES)["card_access"] + b"\x90\x00"
    yield "trace", "opening", parts(select, b"\x90\x00", read, access, read[:4], b"\x63\x00")


def _faces() -> Iterator[tuple[str, str, bytes]]:
    for kind in ("JPEG", "JPEG2000"):
        out = io.BytesIO()
        Image.new("RGB", (12, 16), (200, 160, 140)).save(out, kind)
        for encoding in FaceEncoding:
            group = personalise._face_group(out.getvalue(), encoding)
            name = f"{kind}_{encoding.name}".lower()
            yield "dg2", name, group
            template = tlv.need(tlv.parse_one(group, lds.group_tag(2)).children(), 0x7F61)
            inner = tlv.first(tlv.parse(template), 0x7F60)
            yield "face", name, tlv.first(tlv.parse(inner), 0x5F2E, 0x7F2E)


def _service_cards() -> Iterator[tuple[str, str, bytes]]:
    for name in (CardName.CNS, CardName.CNS_EXPIRED):
        files = genuine.card(name).chip.files
        data, number = files[bytes.fromhex("11001102")], files[bytes.fromhex("10001003")]
        yield "cns_data", str(name), data
        yield "cns_card", str(name), parts(number, data, files[bytes.fromhex("11001101")])
    services = genuine.card(CardName.CIE).services.files
    yield "nis", "cie", parts(services[cie_nis.KEY_FILE], services[cie_nis.SOD_FILE])


def _wire() -> Iterator[tuple[str, str, bytes]]:
    commands = {
        "select": Command(0x00, 0xA4, 0x04, 0x0C, lds.APPLICATION_ID),
        "read": Command(0x00, 0xB0, 0, 0, b"", 224),
        "read_long": Command(0x00, 0xB0, 0, 0, b"", 3840),
        "authenticate": Command(0x10, 0x86, 0, 0, b"\x7c\x00", 256),
        "extended": Command(0x0C, 0x86, 0, 0, bytes(300), 65536),
    }
    for name, command in commands.items():
        raw = command.encode()
        yield "apdu", name, raw + bytes(max(0, len(raw) - 2)) + b"\x90\x00"
    for name, answer in zip(("data", "status"), targets.TRUE_ANSWERS, strict=True):
        sealed = targets.session().seal_response(answer).encode()
        yield "stranger", name, sealed
        yield "sealed_answer", name, sealed[:-12]
