"""The *segnatura informatica* of a letter: AgID, Linee guida sui documenti informatici, Allegato 6, version 3.0.0.

It is written without the seal (``ds:Signature``): the seal is the body's, and our keys are not its keys. The number in
it is the provisional one of the box, in a register called PROVVISORIO whose area is the site's name; the body's own
number is what the destination answers with. It names no citizen: who asks is read in the documents.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

import msgspec

from contracts import places
from contracts.errors import PueError, WhoCanAct
from contracts.messages.letters import RESERVED
from fleet.backoffice.register import ROME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.messages.letters import Label

NAMESPACE: Final = "http://www.agid.gov.it/protocollo/"
VERSION: Final = "3.0.0"
REGISTER: Final = "PROVVISORIO"
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Signs XML 1.0 (section 2.2) cannot hold in any spelling."""
_SITE: Final = re.compile(r"(?P<belfiore>[a-z][0-9]{3})-[0-9]{1,3}")
_ORDINAL: Final = re.compile(r"[0-9]{1,12}$")


class NoSegnatura(PueError):
    """The label has a site or a number a segnatura cannot hold."""

    code = "destination.no_segnatura"
    who = WhoCanAct.OPERATOR


class Body(msgspec.Struct, frozen=True):
    """Who receives: name and IPA codes as the index of public bodies has them."""

    name: str
    ipa: str
    aoo: str


class Paper(msgspec.Struct, frozen=True):
    """A document as the segnatura lists it. `sha256`: 64 hexadecimal digits."""

    file: str
    mime: str
    title: str
    sha256: str


def segnatura(label: Label, practice_name: str, papers: Sequence[Paper], to: Body) -> bytes:
    """The XML, UTF-8. The first paper is the primary document, the others are attachments.

    Raises:
        NoSegnatura: no paper, or a label that does not fit.
    """
    if not papers:
        raise NoSegnatura("a segnatura speaks of one document at least")
    ET.register_namespace("", NAMESPACE)
    root = ET.Element(_name("SegnaturaInformatica"), {"versione": VERSION, "lang": "it"})
    head = _under(root, "Intestazione")
    _identify(head, label)
    subject = "Pratica riservata" if label.practice == RESERVED else practice_name
    _under(head, "Oggetto", f"{subject} – {label.number}")
    _under(_under(head, "Classifica"), "Denominazione", "Domande presentate allo sportello")
    body = _under(root, "Descrizione")
    _office(_under(body, "Mittente"), _sender(label))
    _office(_under(body, "Destinatario"), to)
    for index, paper in enumerate(papers):
        _paper(body, "DocumentoPrimario" if index == 0 else "Allegato", paper)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _identify(head: ET.Element, label: Label) -> None:
    ordinal = _ORDINAL.search(label.number)
    if ordinal is None:
        raise NoSegnatura("the provisional number does not end in digits", letter=label.letter)
    at = dt.datetime.fromtimestamp(label.taken_at / 1000, ROME)
    mark = _under(head, "Identificatore")
    _under(mark, "CodiceAmministrazione", _sender(label).ipa)
    _under(mark, "CodiceAOO", label.site)
    _under(mark, "CodiceRegistro", REGISTER)
    _under(mark, "NumeroRegistrazione", ordinal.group().zfill(7))
    _under(mark, "DataRegistrazione", f"{at:%Y-%m-%d}")


def _sender(label: Label) -> Body:
    site = _SITE.fullmatch(label.site)
    if site is None:
        raise NoSegnatura("the site's name does not begin with a comune", letter=label.letter)
    belfiore = site["belfiore"]
    name = next((c.name for c in places.comuni() if c.belfiore == belfiore.upper()), belfiore.upper())
    return Body(f"Comune di {name}", f"c_{belfiore}", label.site)


def _office(parent: ET.Element, body: Body) -> None:
    body_element = _under(parent, "Amministrazione")
    _under(body_element, "DenominazioneAmministrazione", body.name)
    _under(body_element, "CodiceIPAAmministrazione", body.ipa)
    area = _under(parent, "AOO")
    _under(area, "CodiceIPAAOO", body.aoo)


def _paper(parent: ET.Element, name: str, paper: Paper) -> None:
    element = _under(parent, name)
    element.set("nomeFile", _clean(paper.file))
    element.set("mimeType", paper.mime)
    print_ = base64.b64encode(bytes.fromhex(paper.sha256)).decode()
    _under(element, "Impronta", print_).set("algoritmo", "SHA-256")
    if paper.title:
        _under(element, "TitoloDocumento", paper.title)


def _under(parent: ET.Element, name: str, text: str = "") -> ET.Element:
    element = ET.SubElement(parent, _name(name))
    element.text = _clean(text) or None
    return element


def _name(local: str) -> str:
    return f"{{{NAMESPACE}}}{local}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
