"""How a software card turns against its reader: in its files, inside a valid MAC, or on the wire.

A card that opens with its own code and holds its own keys can say anything and protect it well: secure messaging
keeps strangers out, not the card. So a twist may act before protection (`inside`) as well as after (`outside`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from appliance.cards import lds, tlv
from appliance.cards.agreement import RandomBytes
from appliance.cards.apdu import SECURE_MESSAGING, Command, Instruction, Response
from appliance.cards.software.authority import InventedAuthority
from appliance.cards.software.card import SoftwareCard
from appliance.cards.software.travel_document import Chip, TravelDocument
from appliance.cards.steps import Secret

Inside = Callable[[Command, Response], Response]
"""Command and true answer in clear → the answer that is then protected, when a session stands."""
Outside = Callable[[bytes, bytes], bytes]
"""Command and true answer as they go over the contacts → what goes over them instead."""
Rewrite = Callable[[Chip, InventedAuthority], Chip]
"""The chip as issued, and the State that signed it → the chip as it is."""

MAC_TAG = 0x8E


@dataclasses.dataclass(frozen=True)
class Twist:
    """What makes one card hostile; each part leaves things as they are unless given."""

    rewrite: Rewrite = lambda chip, _: chip
    inside: Inside = lambda _, response: response
    outside: Outside = lambda _, answer: answer
    atr: bytes | None = None


class TwistedDocument(TravelDocument):
    """A travel document that has its answers twisted before it protects them."""

    def __init__(self, chip: Chip, inside: Inside, random_bytes: RandomBytes) -> None:
        self._inside = inside
        super().__init__(chip, random_bytes)

    def _perform(self, command: Command) -> Response:
        return self._inside(command, super()._perform(command))


class TwistedCard:
    """Any software card whose answers are twisted on their way out."""

    def __init__(self, card: SoftwareCard, outside: Outside, atr: bytes | None = None) -> None:
        self.card = card
        self._outside = outside
        self._atr = atr

    @property
    def atr(self) -> bytes:
        return self.card.atr if self._atr is None else self._atr

    @property
    def opens_with(self) -> Secret | None:
        return self.card.opens_with

    def reset(self) -> None:
        self.card.reset()

    def transmit(self, raw: bytes) -> bytes:
        return self._outside(raw, self.card.transmit(raw))


# ---------------------------------------------------------------- files


def with_file(file_id: int, content: bytes) -> Twist:
    """One file of the application replaced; the security object stays as it was."""
    return Twist(rewrite=lambda chip, _: dataclasses.replace(chip, files={**chip.files, file_id: content}))


def with_free_file(file_id: int, content: bytes) -> Twist:
    return Twist(
        rewrite=lambda chip, _: dataclasses.replace(chip, free_files={**chip.free_files, file_id: content})
    )


def signed(change: Callable[[dict[int, bytes]], Mapping[int, bytes]]) -> Twist:
    """Data groups changed before the State signed them: the strongest card there is.

    What `change` gives is both written and signed; entries that are no data group are only listed.
    """

    def rewrite(chip: Chip, authority: InventedAuthority) -> Chip:
        groups = groups_of(chip)
        changed = change(dict(groups))
        files = {**chip.files, **{lds.group_file(number): data for number, data in dict(changed).items()}}
        return dataclasses.replace(chip, files=files | {lds.SOD_FILE: authority.security_object(changed)})

    return Twist(rewrite=rewrite)


def groups_of(chip: Chip) -> dict[int, bytes]:
    """Data group number → file, of those the chip has."""
    found = ((number, chip.files.get(lds.group_file(number))) for number in range(1, 17))
    return {number: data for number, data in found if data is not None}


# ---------------------------------------------------------------- answers


def reads(change: Callable[[Command, Response], Response]) -> Twist:
    """Every READ BINARY answered otherwise."""

    def inside(command: Command, response: Response) -> Response:
        reading = command.ins in (Instruction.READ_BINARY, Instruction.READ_BINARY_ODD)
        return change(command, response) if reading else response

    return Twist(inside=inside)


def public_value(tag: int, change: Callable[[bytes, bytes], bytes]) -> Twist:
    """The card's public value in PACE (0x82 mapping, 0x84 agreement) or its token (0x86).

    Args:
        tag: of the card's value.
        change: the reader's value, the card's true value → what the card says.
    """

    def inside(command: Command, response: Response) -> Response:
        if command.ins != Instruction.GENERAL_AUTHENTICATE or not response.ok:
            return response
        said = tlv.parse_one(response.data, 0x7C).children()
        if [item.tag for item in said] != [tag]:
            return response
        asked = tlv.parse_one(command.data, 0x7C).children()
        value = change(asked[0].value if asked else b"", said[0].value)
        return Response(tlv.build(0x7C, tlv.build(tag, value)), response.status_word)

    return Twist(inside=inside)


def protected(change: Callable[[list[tlv.Tlv], bytes], bytes], after: int = 2) -> Twist:
    """Protected answers taken apart and put together otherwise, once `after` of them were honest.

    Args:
        change: the objects of the answer (cryptogram, status, MAC), the status word → bytes of the answer.
        after: so many are let through.
    """
    seen = 0

    def outside(raw: bytes, answer: bytes) -> bytes:
        nonlocal seen
        if raw[0] & SECURE_MESSAGING != SECURE_MESSAGING or len(answer) <= 2:
            return answer
        seen += 1
        return answer if seen <= after else change(tlv.parse(answer[:-2]), answer[-2:])

    return Twist(outside=outside)


def joined(objects: list[tlv.Tlv]) -> bytes:
    return b"".join(item.raw for item in objects)


def always(answer: bytes, *instructions: int) -> Twist:
    """The same answer to every command, or to every one of these instructions."""
    return Twist(
        outside=lambda raw, true: answer if not instructions or raw[1] in instructions else true,
    )


def replayed(after: int = 4) -> Twist:
    """From some point on, the answer before, again and again."""
    said: list[bytes] = []

    def outside(raw: bytes, answer: bytes) -> bytes:
        if raw[0] & SECURE_MESSAGING != SECURE_MESSAGING:
            return answer
        if len(said) < after:
            said.append(answer)
        return answer if len(said) < after else said[-2]

    return Twist(outside=outside)
