"""Clerks and their PINs: argon2id, a lock-out that grows and survives a restart, the first clerk by voucher."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
from typing import TYPE_CHECKING, Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from appliance.runtime.files import StorageMissing, read_bounded, write_atomic
from appliance.vault.keystore import VaultError, set_aside
from contracts.errors import WhoCanAct
from contracts.settled import settled

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

log = logging.getLogger(__name__)

FREE_FAILURES: Final = 5
"""Wrong PINs before the first pause."""
FIRST_PAUSE_S: Final = 30
LONGEST_PAUSE_S: Final = 3_600
MAX_CLERKS: Final = 50
_FILE_LIMIT_BYTES: Final = 256 * 1024
_VOUCHER_LIMIT_BYTES: Final = 1024
_VOUCHER: Final = "voucher:"
"""Name under which wrong vouchers are counted; the colon keeps it apart from user names."""


class ClerkRefused(VaultError):
    """Wrong user name or PIN; which of them is not said."""

    code = "clerk.wrong_pin"
    who = WhoCanAct.CLERK


class ClerkLockedOut(VaultError):
    """Too many wrong PINs. Fact `wait_s` says how long."""

    code = "clerk.locked_out"
    who = WhoCanAct.WAIT


class VoucherRefused(VaultError):
    """Not the voucher of the hand-over sheet."""

    code = "clerk.wrong_voucher"
    who = WhoCanAct.CLERK


class VoucherUsed(VaultError):
    """There are clerks already, or this box was given no voucher."""

    code = "clerk.voucher_used"
    who = WhoCanAct.TECHNICIAN


class ClerkExists(VaultError):
    """The user name is taken."""

    code = "clerk.exists"
    who = WhoCanAct.CLERK


class Clerk(msgspec.Struct, frozen=True, kw_only=True):
    """One clerk.

    Attributes:
        user: user name; the pseudonymous id of receipts is derived from it.
        pin_hash: argon2id in PHC string form.
    """

    user: str
    name: str
    pin_hash: str


class _Failures(msgspec.Struct, frozen=True, kw_only=True):
    count: int
    until_ms: int


class _File(msgspec.Struct, frozen=True, kw_only=True):
    v: int = 1
    clerks: list[Clerk] = []
    failures: dict[str, _Failures] = {}


def normal_voucher(text: str) -> str:
    """Letters and digits only, upper case: people copy it from paper."""
    return "".join(sign for sign in text.upper() if sign.isascii() and sign.isalnum())


def voucher_record(voucher: str) -> bytes:
    """What provisioning puts into ``vault/voucher``: ``sha256:`` and the digest of the normal voucher.

    A plain digest is enough because a voucher is random and at least 80 bits long.
    """
    return f"sha256:{hashlib.sha256(normal_voucher(voucher).encode()).hexdigest()}\n".encode()


class Clerks:
    """The clerks of a desk.

    Args:
        path: of the file with clerks and failures.
        voucher: of the voucher's record; erased when the first clerk exists.
        now: the hour, for pauses.
        hasher: argon2id with this box's cost; the default is RFC 9106's second choice (64 MiB).

    Attributes:
        lost: the file could not be read and was set aside.

    Raises:
        StorageError: the disk refuses.
    """

    def __init__(
        self, path: Path, voucher: Path, *, now: Callable[[], datetime], hasher: PasswordHasher | None = None
    ) -> None:
        self._path, self._voucher, self._now = path, voucher, now
        self._hasher = hasher or PasswordHasher()
        self._lock = threading.Lock()
        self.lost = False
        self._file = self._read()
        self._nobody = self._hasher.hash("no clerk has this PIN")

    def users(self) -> list[str]:
        """User names, sorted."""
        return sorted(clerk.user for clerk in self._file.clerks)

    def first(self, user: str, name: str, pin: str, voucher: str) -> Clerk:
        """Make the first clerk.

        Raises:
            VoucherUsed: there is a clerk, or no voucher.
            VoucherRefused: another voucher; ClerkLockedOut: too many of them.
        """
        with self._lock:
            record = self._voucher_record()
            if self._file.clerks or record is None:
                raise VoucherUsed("this desk already has a clerk, or was given no voucher")
            self._refuse_locked_out(_VOUCHER)
            if not hmac.compare_digest(voucher_record(voucher).strip(), record):
                self._count_failure(_VOUCHER)
                raise VoucherRefused("this is not the voucher of the hand-over sheet")
            clerk = self._add(user, name, pin)
        self._voucher.unlink(missing_ok=True)
        return clerk

    def add(self, user: str, name: str, pin: str) -> Clerk:
        """One more clerk (made by somebody who may).

        Raises:
            ClerkExists: the user name is taken, or there are too many clerks.
        """
        with self._lock:
            return self._add(user, name, pin)

    def check(self, user: str, pin: str) -> Clerk:
        """The clerk of a user name and PIN.

        Raises:
            ClerkRefused: wrong; counted.
            ClerkLockedOut: not even looked at.
        """
        with self._lock:
            self._refuse_locked_out(user)
            clerk = next((one for one in self._file.clerks if one.user == user), None)
            # The same work for a name that does not exist, so that time tells nothing.
            if not self._matches(clerk.pin_hash if clerk else self._nobody, pin) or clerk is None:
                self._count_failure(user if clerk else "")
                raise ClerkRefused("user name or PIN is wrong")
            if clerk.user in self._file.failures:
                rest = {name: value for name, value in self._file.failures.items() if name != clerk.user}
                self._write(msgspec.structs.replace(self._file, failures=rest))
            return clerk

    # ---- inside

    def _matches(self, pin_hash: str, pin: str) -> bool:
        try:
            return bool(self._hasher.verify(pin_hash, pin))
        except VerifyMismatchError:
            return False
        except (VerificationError, InvalidHashError):
            log.warning("a clerk's PIN record is damaged")
            return False

    def _add(self, user: str, name: str, pin: str) -> Clerk:
        if user in self.users() or len(self._file.clerks) >= MAX_CLERKS:
            raise ClerkExists("this user name is taken")
        clerk = Clerk(user=user, name=name, pin_hash=self._hasher.hash(pin))
        self._write(msgspec.structs.replace(self._file, clerks=[*self._file.clerks, clerk]))
        return clerk

    def _refuse_locked_out(self, user: str) -> None:
        found = self._file.failures.get(user)
        if found is None:
            return
        wait_ms = found.until_ms - self._now_ms()
        if (
            wait_ms > LONGEST_PAUSE_S * 1000
        ):  # the clock jumped back: nobody stays out longer than the longest pause
            wait_ms = LONGEST_PAUSE_S * 1000
            self._remember(user, _Failures(count=found.count, until_ms=self._now_ms() + wait_ms))
        if wait_ms > 0:
            raise ClerkLockedOut("too many wrong PINs", wait_s=-(-wait_ms // 1000))

    def _count_failure(self, user: str) -> None:
        before = self._file.failures.get(user)
        count = (before.count if before else 0) + 1
        over = count - FREE_FAILURES
        pause_s = min(FIRST_PAUSE_S * 2 ** min(over, 20), LONGEST_PAUSE_S) if over >= 0 else 0
        self._remember(user, _Failures(count=count, until_ms=self._now_ms() + pause_s * 1000))

    def _remember(self, user: str, failures: _Failures) -> None:
        known = {**self._file.failures, user: failures}
        self._write(msgspec.structs.replace(self._file, failures=known))

    def _now_ms(self) -> int:
        return int(self._now().timestamp() * 1000)

    def _voucher_record(self) -> bytes | None:
        try:
            return read_bounded(self._voucher, limit_bytes=_VOUCHER_LIMIT_BYTES).strip()
        except StorageMissing:
            return None

    def _read(self) -> _File:
        try:
            return msgspec.json.decode(
                read_bounded(self._path, limit_bytes=_FILE_LIMIT_BYTES), type=settled(_File)
            )
        except StorageMissing:
            return _File()
        except (msgspec.DecodeError, msgspec.ValidationError):
            log.error("the clerks' file cannot be read; it is set aside")  # noqa: TRY400 - its content stays out of logs
            set_aside(self._path)
            self.lost = True
            return _File()

    def _write(self, file: _File) -> None:
        write_atomic(self._path, msgspec.json.encode(file))
        self._file = file
