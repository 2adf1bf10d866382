"""How a door is written down: a Protocol whose every method takes one request and gives one answer.

The page is the contract. The desk binds its implementation to it at start (`missing`), the
caller derives its client from it (`calls`); nobody writes a route by hand.
"""

from __future__ import annotations

import inspect
import typing
from typing import Any

import msgspec

from contracts.errors import Problem, PueError, RemoteProblem, WhoCanAct
from contracts.settled import settled

MAX_REQUEST_BYTES = 1_048_576
MAX_ANSWER_BYTES = 48 * 1_048_576
OK = 200
REFUSED = 409
"""HTTP status of every refusal; its body is a `Problem`."""


class Call(msgspec.Struct, frozen=True):
    """One call of a door."""

    name: str
    request: type[Any]
    answer: type[Any]


class DoorClosed(PueError):
    """Nobody answers behind the door: the desk is stopped or starting."""

    code = "desk.closed"
    who = WhoCanAct.WAIT


class DoorMisused(PueError):
    """A request that the door does not know or cannot read."""

    code = "desk.bad_request"
    who = WhoCanAct.OPERATOR


def calls(door: type[Any]) -> dict[str, Call]:
    """The calls a door declares, by name.

    Raises:
        TypeError: a method of the door is not `(self, request: Struct) -> Struct`.
    """
    found: dict[str, Call] = {}
    for name, method in inspect.getmembers(door, inspect.isfunction):
        if name.startswith("_"):
            continue
        hints = typing.get_type_hints(method)
        answer = hints.pop("return", None)
        (request,) = hints.values()
        if not (issubclass(request, msgspec.Struct) and isinstance(answer, type)):
            msg = f"{door.__name__}.{name} must take one Struct and return one Struct"
            raise TypeError(msg)
        found[name] = Call(name, request, answer)
    return found


def missing(door: type[Any], implementation: object) -> list[str]:
    """Calls that the implementation lacks or types differently, as sentences; empty is good."""
    wrong = []
    for name, call in calls(door).items():
        method = getattr(type(implementation), name, None)
        if method is None:
            wrong.append(f"{name}: not implemented")
            continue
        hints = typing.get_type_hints(method)
        if hints.pop("return", None) is not call.answer or list(hints.values()) != [call.request]:
            wrong.append(f"{name}: not ({call.request.__name__}) -> {call.answer.__name__}")
    return wrong


def path_of(call: Call) -> str:
    """HTTP path of a call: ``POST /v1/<name>``."""
    return f"/v1/{call.name}"


def encode_body(value: msgspec.Struct) -> bytes:
    """A request, an answer or a `Problem` as the body of an HTTP message."""
    return msgspec.json.encode(value)


def read_request(call: Call, body: bytes) -> Any:
    """The request in a body.

    Raises:
        DoorMisused: too large, not JSON, or not this call's request. The sentence names the
            field, never its value.
    """
    if len(body) > MAX_REQUEST_BYTES:
        msg = f"{call.name}: a request has at most {MAX_REQUEST_BYTES} bytes"
        raise DoorMisused(msg, call=call.name)
    try:
        return msgspec.json.decode(body, type=settled(call.request), strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise DoorMisused(f"{call.name}: {why}", call=call.name) from None


def read_answer(call: Call, status: int, body: bytes) -> Any:
    """The answer in a body: 200 carries the call's answer, everything else a `Problem`.

    Raises:
        RemoteProblem: the desk refused; same code, same facts.
        DoorClosed: the answer is neither.
    """
    try:
        if status == OK:
            return msgspec.json.decode(body, type=settled(call.answer), strict=True)
        problem = msgspec.json.decode(body, type=settled(Problem), strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError):
        msg = f"{call.name}: the desk gave an answer that cannot be read"
        raise DoorClosed(msg, call=call.name) from None
    raise RemoteProblem(problem)
