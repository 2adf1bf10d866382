"""Opening a letter: the seal, the box that signed, the dossier inside, and whether all of them mean one letter."""

from __future__ import annotations

import collections
import datetime as dt
import threading
from typing import TYPE_CHECKING, Final

from cryptography.x509.oid import NameOID

from contracts.envelope import LetterNotAuthentic, LetterUnreadable, open_letter
from contracts.messages.enrolment import KeyUse
from fleet.backoffice import dossier, keys

if TYPE_CHECKING:
    from pathlib import Path

    from contracts.messages.letters import Label
    from fleet.backoffice.dossier import Dossier
    from fleet.backoffice.keys import Keys

REMEMBERED: Final = 4
"""Dossiers kept in memory while an officer reads them; on disk there is only the sealed form."""

NOT_A_DOSSIER: Final = (
    LetterUnreadable,
    LetterNotAuthentic,
    dossier.DossierDamaged,
    dossier.DossierTampered,
)
"""What `Opener.open` raises when a letter cannot become a case; each has its code for the clerk's page."""


class Opener:
    """Opens letters with the recipient's key.

    Args:
        own: the recipient's keys.
        root: data directory; the fleet's authorities are read from it at each opening, because they rotate.
    """

    def __init__(self, own: Keys, root: Path) -> None:
        self._own, self._root = own, root
        self._recent: collections.OrderedDict[str, Dossier] = collections.OrderedDict()
        self._turn = threading.Lock()

    def path(self, letter: str) -> Path:
        """Where the sealed bytes of a letter lie."""
        return self._root / "letters" / f"{letter}.p7m"

    def hold(self, letter: str, sealed: bytes) -> None:
        """Put sealed bytes on disk, durable when it returns."""
        path = self.path(letter)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        keys.write(path, sealed)

    def open(self, label: Label, arrived_ms: int) -> Dossier:
        """Open a letter that is on our disk.

        Raises:
            LetterUnreadable, LetterNotAuthentic, DossierDamaged, DossierTampered: see `NOT_A_DOSSIER`.
            KeysMissing: no authority is known yet, or the sealed file is gone.
        """
        with self._turn:
            known = self._recent.get(label.letter)
            if known is None:
                known = self._open(label, arrived_ms)
                self._recent[label.letter] = known
                while len(self._recent) > REMEMBERED:
                    self._recent.popitem(last=False)
            self._recent.move_to_end(label.letter)
            return known

    def _open(self, label: Label, arrived_ms: int) -> Dossier:
        try:
            sealed = self.path(label.letter).read_bytes()
        except OSError as why:
            raise keys.KeysMissing(
                f"the sealed letter cannot be read: {why.strerror}", letter=label.letter
            ) from None
        opened = open_letter(
            sealed,
            key=self._own.opening,
            certificate=self._own.certificate,
            authorities=keys.authorities(self._root),
            at=dt.datetime.fromtimestamp(arrived_ms / 1000, dt.UTC),
        )
        subject = opened.signer.subject
        names = [str(a.value) for a in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        uses = [str(a.value) for a in subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)]
        if names != [label.box] or uses != [KeyUse.DESK.value]:
            raise LetterNotAuthentic("the letter was not signed by the desk of the box on its label")
        found = dossier.unpack(opened.content)
        if found.manifest.get("letter", label.letter) != label.letter:
            raise dossier.DossierTampered("the manifest speaks of another letter")
        return found
