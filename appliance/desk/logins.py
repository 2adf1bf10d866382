"""Who is at the desk: one clerk at a time, locked after idleness, and each act done once."""

from __future__ import annotations

import collections
import hashlib
import hmac
import secrets
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

import msgspec

from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.vault.clerks import Clerk

KEPT_ANSWERS: Final = 64
ANSWER_WAIT_S: Final = 60.0


class LoggedOut(PueError):
    """The token is nobody's: logged out, the desk was restarted, or another clerk came."""

    code = "clerk.logged_out"
    who = WhoCanAct.CLERK


class Locked(PueError):
    """The page is locked; the PIN opens it."""

    code = "clerk.locked"
    who = WhoCanAct.CLERK


class OnceReused(PueError):
    """The same `once` came with another request."""

    code = "desk.once_reused"
    who = WhoCanAct.OPERATOR


class Login:
    """One clerk's presence."""

    def __init__(self, clerk: Clerk, token: str, at_s: float) -> None:
        self.clerk, self.token = clerk, token
        self.locked = False
        self.seen_s = at_s
        self.answers: collections.OrderedDict[str, tuple[bytes, Future[Any]]] = collections.OrderedDict()


class Logins:
    """The desk's one login. A new one ends the one before.

    Args:
        monotonic_s: for idleness.
        idle_lock_s: locks after so long without an act.
        token: source of tokens.
    """

    def __init__(
        self,
        *,
        monotonic_s: Callable[[], float],
        idle_lock_s: float,
        token: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self._monotonic_s, self._idle_lock_s, self._token = monotonic_s, idle_lock_s, token
        self._lock = threading.Lock()
        self._login: Login | None = None

    def enter(self, clerk: Clerk) -> str:
        """A clerk came in; gives the token."""
        with self._lock:
            self._login = Login(clerk, self._token(), self._monotonic_s())
            return self._login.token

    def leave(self, token: str) -> None:
        """The clerk goes. A token of nobody is no error."""
        with self._lock:
            if self._login is not None and hmac.compare_digest(self._login.token, token):
                self._login = None

    def lock(self, token: str) -> None:
        """Lock now.

        Raises:
            LoggedOut: nobody has this token.
        """
        with self._lock:
            self._known(token).locked = True

    def known(self, token: str) -> Login:
        """The login of a token, locked or not.

        Raises:
            LoggedOut: nobody has it.
        """
        with self._lock:
            return self._known(token)

    def awake(self, token: str, *, acting: bool = False) -> Clerk:
        """The clerk of a token; an act postpones the lock, a look does not.

        Raises:
            LoggedOut: nobody has it. Locked: the PIN is needed.
        """
        with self._lock:
            login = self._known(token)
            if login.locked:
                raise Locked("the page is locked")
            if acting:
                login.seen_s = self._monotonic_s()
            return login.clerk

    def present(self) -> Clerk | None:
        """Who is logged in, if anybody."""
        with self._lock:
            return self._login.clerk if self._login else None

    def somebody_awake(self) -> bool:
        """A clerk is logged in and the page is not locked."""
        with self._lock:
            if self._login is not None:
                self._lock_late(self._login)
            return self._login is not None and not self._login.locked

    def lock_if_idle(self) -> bool:
        """For a slow tick; whether it locked just now."""
        with self._lock:
            login = self._login
            if login is None or login.locked:
                return False
            self._lock_late(login)
            return login.locked

    def once(self, token: str, once: str, request: msgspec.Struct, work: Callable[[], Any]) -> Any:
        """Do the work, or give the answer it gave the first time; a second click waits for the first.

        Raises:
            OnceReused: this `once` belongs to another request.
            PueError: whatever the work raised, the first time and again.
        """
        asked = hashlib.sha256(
            type(request).__name__.encode() + b"\0" + msgspec.json.encode(request)
        ).digest()
        with self._lock:
            login = self._known(token)
            found = login.answers.get(once)
            if found is None:
                answer: Future[Any] = Future()
                login.answers[once] = (asked, answer)
                while len(login.answers) > KEPT_ANSWERS:
                    login.answers.popitem(last=False)
        if found is not None:
            if found[0] != asked:
                raise OnceReused("this token was used for something else")
            return found[1].result(ANSWER_WAIT_S)
        try:
            result = work()
        except BaseException as error:
            answer.set_exception(error)
            if not isinstance(error, PueError):
                login.answers.pop(once, None)
            raise
        answer.set_result(result)
        return result

    def _known(self, token: str) -> Login:
        login = self._login
        if login is None or not hmac.compare_digest(login.token, token):
            raise LoggedOut("nobody is logged in with this token")
        self._lock_late(login)
        return login

    def _lock_late(self, login: Login) -> None:
        if self._monotonic_s() - login.seen_s > self._idle_lock_s:
            login.locked = True
