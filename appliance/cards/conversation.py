"""A whole reading of a document as a generator: commands out, responses in, no reader in sight.

Order of a reading (ICAO 9303-11 §4, BSI TR-03110-1 §2.3), so that a name is on the screen before the photo:
EF.CardAccess → PACE or BAC → SOD → DG1 → DG11 → DG14 → chip authentication → DG12 → DG2; where chip authentication
is not to be had, DG15 and active authentication take its place.

Whoever drives it answers `Transmit` with the card's bytes and everything else with ``b""``; a card that leaves
is told by throwing `CardGone` into the generator, or simply by dropping it.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Collection

from appliance.cards import lds
from appliance.cards import security_infos as infos
from appliance.cards.agreement import RandomBytes
from appliance.cards.channel import Channel
from appliance.cards.chip_authentication import choose_key
from appliance.cards.errors import (
    CardRefused,
    CardUnreadable,
    MalformedData,
    SecureMessagingLost,
    Unsupported,
)
from appliance.cards.evidence import ChipProof, Evidence
from appliance.cards.opening import Opened, Opening
from appliance.cards.passive_authentication import listed_groups
from appliance.cards.proving import active_authentication, chip_authentication
from appliance.cards.steps import (
    SHORT_RESPONSE_BYTES,
    Exchange,
    IdentityRead,
    Progress,
    ReaderLimits,
    Secret,
    Stage,
)

DEFAULT_WANTED = frozenset({1, 2, 11, 12, 14, 15})
Conversation = Exchange[Evidence]


def read_document(
    secret: Secret,
    *,
    wanted: Collection[int] = DEFAULT_WANTED,
    limits: ReaderLimits | None = None,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> Conversation:
    """One reading from selection to photo; returns the `Evidence`.

    Args:
        secret: the code that opens the card. Tried once: a refused code is never repeated.
        wanted: data group numbers; 1 is always read, 3 and 4 (fingerprints, iris) never.
        limits: what the reader can carry.
        random_bytes: source of ephemeral keys.

    Raises:
        WrongCan, WrongMrz: the card did not accept the code.
        MrzNeeded: the card, or this reader with this card, cannot be opened by a CAN.
        NotADocument: no travel document application.
        CardRefused, CardUnreadable, MalformedData, SecureMessagingLost, Unsupported: as they say.
    """
    reading = _Reading(secret, frozenset(wanted) - {3, 4}, limits or ReaderLimits(), random_bytes)
    return (yield from reading.run())


class _Reading:
    def __init__(
        self, secret: Secret, wanted: frozenset[int], limits: ReaderLimits, random_bytes: RandomBytes
    ) -> None:
        self._secret = secret
        self._wanted = wanted | {1}
        self._random = random_bytes
        self._channel = Channel(limits)
        self._groups: dict[int, bytes] = {}
        self._missing: set[int] = set()
        self._ratio = 0.0

    def run(self) -> Conversation:
        opened, sod = yield from self._open()
        listed = listed_groups(sod) if sod is not None else frozenset({1, 2, 11, 14})
        yield self._progress(Stage.IDENTITY, 0.25)
        for number in (1, 11):
            yield from self._read_group(number, listed)
        yield self._identity()
        yield self._progress(Stage.CHIP, 0.35)
        chip_proof, active_proof = yield from self._prove_chip(listed, opened.mapping_proof)
        if ChipProof.FAILED not in (opened.mapping_proof, chip_proof, active_proof):
            for number in sorted(self._wanted & listed - {1, 2, 11, 14, 15}):
                yield from self._read_group(number, listed)
            yield self._progress(Stage.PHOTO, 0.45)
            yield from self._read_group(2, listed, shown=True)
        return Evidence(
            access=opened.access,
            card_access=opened.card_access,
            sod=sod,
            groups=dict(self._groups),
            missing=frozenset(self._missing),
            chip_proof=chip_proof,
            apdus=self._channel.apdus,
            bytes_exchanged=self._channel.bytes_exchanged,
            active_proof=active_proof,
            mapping_proof=opened.mapping_proof,
            card_security=opened.card_security,
        )

    def _open(self) -> Exchange[tuple[Opened, bytes | None]]:
        """Open, and read the first file: only then is it known that long reads work."""
        yield self._progress(Stage.OPENING, 0.0)
        opened = yield from Opening(self._channel, self._secret, self._random).run()
        try:
            return opened, (yield from self._security_object())
        except (SecureMessagingLost, CardRefused):
            if self._channel.extended_chunk is None:
                raise
        # Long reads announced but not kept: once more from the start, in small pieces. The card has
        # accepted the code already, so this is no second guess at it.
        self._channel.limits = dataclasses.replace(self._channel.limits, response_bytes=SHORT_RESPONSE_BYTES)
        self._channel.extended_chunk = None
        yield from self._channel.reset()
        opened = yield from Opening(self._channel, self._secret, self._random).run()
        return opened, (yield from self._security_object())

    def _security_object(self) -> Exchange[bytes | None]:
        return (yield from self._channel.read_file(lds.SOD_FILE, lds.SOD_TAG, lds.MAX_OTHER_FILE_BYTES))

    def _read_group(self, number: int, listed: frozenset[int], *, shown: bool = False) -> Exchange[None]:
        if number not in self._wanted or (number not in listed and number != 1):
            return
        data = yield from self._channel.read_file(
            lds.group_file(number),
            lds.group_tag(number),
            lds.group_max_bytes(number),
            (lambda ratio: self._progress(Stage.PHOTO, 0.45 + 0.55 * ratio)) if shown else None,
        )
        if data is None:
            self._missing.add(number)
        else:
            self._groups[number] = data

    def _identity(self) -> IdentityRead:
        if 1 not in self._groups:
            raise CardUnreadable("the card gives no data group 1", reason="dg1_missing")
        zone = lds.parse_dg1(self._groups[1])
        return IdentityRead(zone.surname, zone.given_names)

    def _progress(self, stage: Stage, ratio: float) -> Progress:
        self._ratio = max(self._ratio, min(ratio, 1.0))
        return Progress(stage, self._ratio)

    def _prove_chip(
        self, listed: frozenset[int], mapping_proof: ChipProof
    ) -> Exchange[tuple[ChipProof, ChipProof]]:
        """Chip authentication, unless the opening has proven the chip already; active authentication only where the first is not to be had.

        A proof is a proof: the second would add nothing, and leaves a signature in the reader's hands that can
        be shown to others (what ICAO 9303-11 calls challenge semantics).
        """
        if mapping_proof is ChipProof.PROVEN:
            without = yield from self._read_key_group(14, listed)  # it signs what EF.CardAccess offered
            return without or ChipProof.NOT_TRIED, ChipProof.NOT_TRIED
        chip_proof = yield from self._authenticate_chip(listed)
        if chip_proof in (ChipProof.PROVEN, ChipProof.FAILED):
            return chip_proof, ChipProof.NOT_TRIED
        return chip_proof, (yield from self._challenge_chip(listed))

    def _authenticate_chip(self, listed: frozenset[int]) -> Exchange[ChipProof]:
        without = yield from self._read_key_group(14, listed)
        if without is not None:
            return without
        try:
            key = choose_key(infos.chip_keys(lds.parse_dg14(self._groups[14])))
        except (MalformedData, Unsupported):
            return ChipProof.NOT_SUPPORTED
        if key is None:
            return ChipProof.NOT_OFFERED
        proof = yield from chip_authentication(self._channel, key, self._random)
        if (
            self._channel.session is not None
            and self._channel.session.ended
            and proof is ChipProof.NOT_POSSIBLE
        ):
            yield from self._channel.reset()
            yield from Opening(self._channel, self._secret, self._random).run()
        return proof

    def _challenge_chip(self, listed: frozenset[int]) -> Exchange[ChipProof]:
        without = yield from self._read_key_group(15, listed)
        if without is not None:
            return without
        return (
            yield from active_authentication(
                self._channel, self._groups[15], self._groups.get(14), self._random
            )
        )

    def _read_key_group(self, number: int, listed: frozenset[int]) -> Exchange[ChipProof | None]:
        """None when the group is there; else why there is no proof with its key."""
        if number not in self._wanted:
            return ChipProof.NOT_TRIED
        yield from self._read_group(number, listed)
        if number in self._missing:
            return ChipProof.FAILED
        return None if number in self._groups else ChipProof.NOT_OFFERED
