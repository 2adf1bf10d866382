"""A door is written once: what it declares, what an implementation lacks, what a body may hold."""

from __future__ import annotations

import msgspec
import pytest

from contracts.desk_api import clerk, door, status
from contracts.errors import RemoteProblem, WhoCanAct


class Half:
    """An agent's door with one call missing and one typed wrongly."""

    def facts(self, request: status.Nothing) -> status.DeskFacts:
        raise NotImplementedError

    def blink(self, request: status.LinkFacts) -> status.Nothing:
        raise NotImplementedError


def test_a_door_lists_its_calls() -> None:
    assert set(door.calls(status.StatusDoor)) == {"facts", "tell_link", "blink"}
    call = door.calls(clerk.ClerkDoor)["login"]
    assert (call.request, call.answer) == (clerk.Login, clerk.Welcome)
    assert door.path_of(call) == "/v1/login"


def test_what_is_missing_is_said() -> None:
    assert door.missing(status.StatusDoor, Half()) == [
        "blink: not (Blink) -> Nothing",
        "tell_link: not implemented",
    ]


def test_a_method_of_another_shape_is_no_door() -> None:
    class Odd:
        def words(self, text: str) -> str:
            return text

    with pytest.raises(TypeError, match=r"Odd\.words"):
        door.calls(Odd)


def test_requests_are_bounded_and_typed() -> None:
    call = door.calls(clerk.ClerkDoor)["login"]
    assert door.read_request(call, b'{"user":"anna","pin":"123456"}') == clerk.Login(
        user="anna", pin="123456"
    )
    with pytest.raises(door.DoorMisused, match="at most"):
        door.read_request(call, b" " * (door.MAX_REQUEST_BYTES + 1))
    for body in (b"", b"[]", b'{"user":1}', b"\xff"):
        with pytest.raises(door.DoorMisused, match="login"):
            door.read_request(call, body)


def test_a_refused_request_does_not_repeat_what_was_typed() -> None:
    call = door.calls(clerk.ClerkDoor)["enter_code"]
    body = b'{"token":"' + b"t" * 20 + b'","once":"' + b"o" * 20 + b'","can":"98765"}'
    with pytest.raises(door.DoorMisused) as refused:
        door.read_request(call, body)
    assert "98765" not in str(refused.value)


def test_a_refusal_comes_through_the_door_with_its_code() -> None:
    call = door.calls(status.StatusDoor)["blink"]
    body = b'{"code":"panel.absent","who":"technician","facts":{"kind":"panel"},"message":"no light"}'
    with pytest.raises(RemoteProblem) as refused:
        door.read_answer(call, door.REFUSED, body)
    assert (refused.value.code, refused.value.who) == ("panel.absent", WhoCanAct.TECHNICIAN)
    assert refused.value.problem() == msgspec.json.decode(body, type=type(refused.value.problem()))
    with pytest.raises(door.DoorClosed):
        door.read_answer(call, 502, b"<html>")
