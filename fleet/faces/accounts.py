"""People with a name, a password and a role: log-in, lock-out and sessions, in the tables of a given database.

Passwords are Argon2id hashes (RFC 9106). A session is a random id of which only the hash is stored, so a copy
of the database opens no page. Failures are counted per name, whether or not anybody bears it, and survive a
restart: guessing is as slow after it as before.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import pyotp
import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import orm

    from fleet.database import Database

IDLE_MS: Final = 30 * 60_000
LIFE_MS: Final = 10 * 3_600_000
"""A session ends half an hour after the last page, and after a working day in any case."""

FAILURES_ALLOWED: Final = 5
LOCKED_MS: Final = 15 * 60_000
MIN_PASSWORD_CHARS: Final = 12
MAX_PASSWORD_CHARS: Final = 256
_TOUCH_MS: Final = 60_000
_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{1,39}")


class LoginRefused(PueError):
    """Name, password or code is wrong; it is not said which."""

    code = "account.refused"
    who = WhoCanAct.OPERATOR


class LockedOut(PueError):
    """Too many failures for this name: wait."""

    code = "account.locked"
    who = WhoCanAct.WAIT


class AccountInvalid(PueError):
    """A new account that cannot be: bad name, weak password, unknown role, or the name is taken."""

    code = "account.invalid"
    who = WhoCanAct.OPERATOR


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking. `csrf` must come back with everything that changes something."""

    name: str
    role: str
    csrf: str


class Tables(msgspec.Struct, frozen=True):
    """The three tables of accounts."""

    account: sa.Table
    session: sa.Table
    failure: sa.Table


def define(metadata: sa.MetaData) -> Tables:
    """Put the tables of accounts into the metadata of a face's database."""
    return Tables(
        sa.Table(
            "account",
            metadata,
            sa.Column("name", sa.String(40), primary_key=True),
            sa.Column("password", sa.String(200), nullable=False),
            sa.Column("role", sa.String(20), nullable=False),
            sa.Column("totp", sa.String(64)),
            sa.Column("totp_step", sa.BigInteger, nullable=False, default=0),
            sa.Column("disabled", sa.Boolean, nullable=False, default=False),
            sa.Column("created_ms", sa.BigInteger, nullable=False),
        ),
        sa.Table(
            "account_session",
            metadata,
            sa.Column("id", sa.String(64), primary_key=True),
            sa.Column("account", sa.String(40), nullable=False, index=True),
            sa.Column("csrf", sa.String(64), nullable=False),
            sa.Column("begun_ms", sa.BigInteger, nullable=False),
            sa.Column("seen_ms", sa.BigInteger, nullable=False),
        ),
        sa.Table(
            "account_failure",
            metadata,
            sa.Column("name", sa.String(64), primary_key=True),
            sa.Column("failures", sa.Integer, nullable=False),
            sa.Column("last_ms", sa.BigInteger, nullable=False),
        ),
    )


class Accounts:
    """The accounts of one face.

    Args:
        db: a database that has the tables of `define`.
        roles: roles this face knows, weakest first.
        now_ms: the server's clock.
        hasher: Argon2id parameters.
    """

    def __init__(
        self,
        db: Database,
        tables: Tables,
        *,
        roles: tuple[str, ...],
        now_ms: Callable[[], int],
        hasher: PasswordHasher | None = None,
    ) -> None:
        self.roles = roles
        self._db = db
        self._account, self._session, self._failure = tables.account, tables.session, tables.failure
        self._now_ms = now_ms
        self._hasher = hasher or PasswordHasher()
        # An unknown name must cost as much time as a known one.
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def add(self, name: str, password: str, role: str, *, totp: bool = False) -> str | None:
        """Make an account.

        Returns:
            The base32 secret for the person's authenticator app where `totp` was asked for; shown once.

        Raises:
            AccountInvalid: the sentence says what to change.
        """
        self._check_new(name, password, role)
        secret = pyotp.random_base32() if totp else None
        row = {
            "name": name,
            "password": self._hasher.hash(password),
            "role": role,
            "totp": secret,
            "totp_step": 0,
            "disabled": False,
            "created_ms": self._now_ms(),
        }
        try:
            with self._db.write() as db:
                db.execute(sa.insert(self._account).values(row))
        except sa.exc.IntegrityError:
            raise AccountInvalid(f"there is already an account {name}: choose another name") from None
        return secret

    def _check_new(self, name: str, password: str, role: str) -> None:
        if not _NAME.fullmatch(name):
            raise AccountInvalid("a user name is 2 to 40 of a-z 0-9 . _ - and begins with a letter")
        if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
            raise AccountInvalid(f"a password has {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters")
        if role not in self.roles:
            raise AccountInvalid(f"unknown role {role[:40]!r}: it is one of {', '.join(self.roles)}")

    def any(self) -> bool:
        """Whether there is an account at all."""
        with self._db.read() as db:
            return db.execute(sa.select(self._account.c.name).limit(1)).first() is not None

    def listed(self) -> list[tuple[str, str]]:
        """Names and roles, by name."""
        query = sa.select(self._account.c.name, self._account.c.role).where(~self._account.c.disabled)
        with self._db.read() as db:
            return [(row.name, row.role) for row in db.execute(query.order_by(self._account.c.name))]

    def disable(self, name: str) -> None:
        """Close an account and end its sessions at once.

        Raises:
            AccountInvalid: there is none of this name.
        """
        with self._db.write() as db:
            account = self._account
            done = _changed(db, sa.update(account).where(account.c.name == name).values(disabled=True))
            db.execute(sa.delete(self._session).where(self._session.c.account == name))
        if not done:
            raise AccountInvalid(f"there is no account {name[:40]!r}")

    def has_role(self, session: Session, least: str) -> bool:
        """Whether the session's role is `least` or stronger."""
        return session.role in self.roles and self.roles.index(session.role) >= self.roles.index(least)

    def login(self, name: str, password: str, code: str = "") -> str:
        """Open a session.

        Args:
            name: user name as typed.
            password: as typed.
            code: six digits of the authenticator app, where the account has one.

        Returns:
            The session id for the cookie.

        Raises:
            LockedOut: too many failures lately; `minutes` says how long to wait.
            LoginRefused: something is wrong.
        """
        name = name.strip().lower()[:64]
        self._check_not_locked(name)
        with self._db.read() as db:
            row = db.execute(sa.select(self._account).where(self._account.c.name == name)).first()
        known = row is not None and not row.disabled
        right = self._password_right(row.password if row is not None else self._nobody, password)
        if row is None or not known or not right or not self._code_right(row, code):
            self._count_failure(name)
            raise LoginRefused("user name, password or code is wrong")
        return self._open(name)

    def _password_right(self, stored: str, password: str) -> bool:
        if len(password) > MAX_PASSWORD_CHARS:
            return False
        try:
            return bool(self._hasher.verify(stored, password))
        except (Argon2Error, InvalidHashError):
            return False

    def _code_right(self, row: sa.Row[Any], code: str) -> bool:
        """RFC 6238 with one step of tolerance; a code is good once."""
        if row.totp is None:
            return True
        now_s = self._now_ms() // 1000
        clock = pyotp.TOTP(row.totp)
        for step in (now_s // 30, now_s // 30 - 1):
            if step > row.totp_step and secrets.compare_digest(clock.at(step * 30), code.strip()):
                used = sa.update(self._account).where(
                    self._account.c.name == row.name, self._account.c.totp_step < step
                )
                with self._db.write() as db:
                    return _changed(db, used.values(totp_step=step)) == 1
        return False

    def _check_not_locked(self, name: str) -> None:
        with self._db.read() as db:
            row = db.execute(sa.select(self._failure).where(self._failure.c.name == name)).first()
        if row is None or row.failures < FAILURES_ALLOWED:
            return
        left_ms = row.last_ms + LOCKED_MS - self._now_ms()
        if left_ms > 0:
            minutes = -(-left_ms // 60_000)
            raise LockedOut(f"too many wrong attempts: wait {minutes} minutes", minutes=minutes)
        with self._db.write() as db:
            db.execute(sa.delete(self._failure).where(self._failure.c.name == name))

    def _count_failure(self, name: str) -> None:
        now = self._now_ms()
        table = self._failure
        with self._db.write() as db:
            # Old failures of names nobody tries any more are swept here, so the table stays small.
            db.execute(sa.delete(table).where(table.c.last_ms < now - 2 * LOCKED_MS))
            more = {"failures": table.c.failures + 1, "last_ms": now}
            if not _changed(db, sa.update(table).where(table.c.name == name).values(**more)):
                db.execute(sa.insert(table).values(name=name, failures=1, last_ms=now))

    def _open(self, name: str) -> str:
        now, secret = self._now_ms(), secrets.token_urlsafe(32)
        with self._db.write() as db:
            db.execute(sa.delete(self._failure).where(self._failure.c.name == name))
            db.execute(sa.delete(self._session).where(self._session.c.begun_ms < now - LIFE_MS))
            values = {"account": name, "csrf": secrets.token_urlsafe(24), "begun_ms": now, "seen_ms": now}
            db.execute(sa.insert(self._session).values(id=_hashed(secret), **values))
        return secret

    def session(self, cookie: str) -> Session | None:
        """The session of a cookie, or None when there is none or it has ended."""
        if not cookie or len(cookie) > 100:
            return None
        s, a = self._session, self._account
        query = sa.select(s, a.c.role, a.c.disabled).join(a, a.c.name == s.c.account)
        now = self._now_ms()
        with self._db.read() as db:
            row = db.execute(query.where(s.c.id == _hashed(cookie))).first()
        if row is None or row.disabled or now - row.seen_ms > IDLE_MS or now - row.begun_ms > LIFE_MS:
            return None
        if now - row.seen_ms > _TOUCH_MS:
            with self._db.write() as db:
                db.execute(sa.update(s).where(s.c.id == row.id).values(seen_ms=now))
        return Session(name=row.account, role=row.role, csrf=row.csrf)

    def logout(self, cookie: str) -> None:
        """End the session of a cookie."""
        with self._db.write() as db:
            db.execute(sa.delete(self._session).where(self._session.c.id == _hashed(cookie)))


def _changed(db: orm.Session, statement: sa.Update) -> int:
    """How many rows an update touched."""
    return cast("sa.CursorResult[Any]", db.execute(statement)).rowcount


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
