"""A whole CIE: the travel document and, beside it, the application for services (NIS), as two doors of one chip."""

from __future__ import annotations

import dataclasses
import functools
import secrets
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.cards import cie_nis, lds
from appliance.cards.agreement import RandomBytes
from appliance.cards.apdu import SECURE_MESSAGING, Command, Instruction, Response, StatusWord
from appliance.cards.errors import MalformedData
from appliance.cards.software.authority import InventedAuthority
from appliance.cards.software.travel_document import Chip, TravelDocument

_OTHER_NUMBERS = (0x1B, 0xA2, 0xA3, 0xA4)
"""Listed in the security object, given only to whoever has the PIN."""


@dataclasses.dataclass(frozen=True, repr=False)
class Services:
    """What personalisation leaves in the application for services; `key` is None on a copy."""

    files: Mapping[int, bytes]
    key: rsa.RSAPrivateKey | None


@functools.cache
def _service_key() -> rsa.RSAPrivateKey:
    """One for all software cards of a process: making one takes longer than reading a card."""
    return rsa.generate_private_key(65537, 2048)


def personalise_services(authority: InventedAuthority, nis: str) -> Services:
    """Number, key, and the State's signature over both."""
    key = _service_key()
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    signed = {cie_nis.NIS_NUMBER: nis.encode("ascii"), cie_nis.KEY_NUMBER: public}
    others = {number: bytes([number]) * 16 for number in _OTHER_NUMBERS}
    files = {
        cie_nis.NIS_FILE: nis.encode("ascii"),
        cie_nis.KEY_FILE: public,
        cie_nis.SOD_FILE: lds.parse_sod(authority.security_object({**signed, **others})),
    }
    return Services(files, key)


class Cie(TravelDocument):
    """Answers for both applications; the one selected last is the one that speaks."""

    def __init__(
        self,
        chip: Chip,
        services: Services,
        random_bytes: RandomBytes = secrets.token_bytes,
        leaves_after: int | None = None,
    ) -> None:
        self.services = services
        super().__init__(chip, random_bytes, leaves_after)

    def reset(self) -> None:
        super().reset()
        self._in_services = False
        self._service_file: bytes | None = None
        self._key_chosen = False

    def transmit(self, raw: bytes) -> bytes:
        """See `TravelDocument.transmit`."""
        try:
            command = Command.decode(raw)
        except MalformedData:
            return super().transmit(raw)
        plain = command.cla & SECURE_MESSAGING == 0
        if plain and (command.ins, command.p1) == (Instruction.SELECT, 0x04):
            self._in_services = command.data in (cie_nis.IAS_APPLICATION, cie_nis.CIE_APPLICATION)
            if self._in_services:
                return Response(b"", StatusWord.OK).encode()
        if plain and (command.ins, command.p1) == (Instruction.SELECT, 0x00):
            self._in_services = False
        if self._in_services and plain:
            return self._serve(command).encode()
        return super().transmit(raw)

    def _serve(self, command: Command) -> Response:
        if command.ins == Instruction.SELECT:
            self._service_file = self.services.files.get(int.from_bytes(command.data, "big"))
            return Response(
                b"", StatusWord.OK if self._service_file is not None else StatusWord.FILE_NOT_FOUND
            )
        if command.ins == Instruction.READ_BINARY:
            return self._give(command)
        if command.ins == Instruction.MANAGE_SECURITY_ENVIRONMENT:
            self._key_chosen = True
            return Response(b"", StatusWord.OK)
        if command.ins == Instruction.INTERNAL_AUTHENTICATE and self._key_chosen:
            return self._prove(command.data)
        return Response(b"", StatusWord.INSTRUCTION_UNKNOWN)

    def _give(self, command: Command) -> Response:
        if self._service_file is None:
            return Response(b"", StatusWord.NO_CURRENT_FILE)
        offset = command.p1 << 8 | command.p2
        if offset >= len(self._service_file):
            return Response(b"", StatusWord.WRONG_OFFSET)
        return Response(self._service_file[offset : offset + (command.expected or 0)], StatusWord.OK)

    def _prove(self, challenge: bytes) -> Response:
        key = self.services.key or rsa.generate_private_key(65537, 2048)
        numbers = key.private_numbers()
        modulus = numbers.public_numbers.n
        size_bytes = (modulus.bit_length() + 7) // 8
        block = int.from_bytes(cie_nis.padded(challenge, size_bytes), "big")
        return Response(pow(block, numbers.d, modulus).to_bytes(size_bytes, "big"), StatusWord.OK)
