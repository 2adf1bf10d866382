"""The timeline and the orders in words: what happened to a box, as an operator reads it."""

from __future__ import annotations

from typing import Final

import msgspec

from contracts.messages.orders import OrderKind, OrderState
from fleet.console import causes
from fleet.orders.book import OrderView
from fleet.registry.timeline import Kind, Line

_BOX: Final = {
    "created": "Written in the book",
    "token_made": "Enrolment token made",
    "enrolled": "Enrolled with its token",
    "retired": "Retired",
    "renewed": "Certificate renewed",
    "revoked": "Certificate revoked",
}
_GOODBYE: Final = {
    "link": "Connection broke",
    "stop": "Stopped on purpose",
    "restart": "Restarting its agent",
    "reboot": "Restarting",
}
_LETTER: Final = {
    "received": "Letter arrived here",
    "ricevuta": "Recipient has the letter (ricevuta)",
    "in_lavorazione": "Recipient works on it (in lavorazione)",
    "integrazione_richiesta": "Recipient asks for more (integrazione richiesta)",
    "accolta": "Decided (accolta)",
    "respinta": "Decided (respinta)",
    "non_leggibile": "Recipient cannot read the letter (non leggibile)",
}
ORDER_WORDS: Final[dict[OrderKind, str]] = {
    OrderKind.PING: "Ping",
    OrderKind.IDENTIFY: "Identify (blink)",
    OrderKind.RESTART_DESK: "Restart desk",
}
STATE_WORDS: Final[dict[OrderState, str]] = {
    OrderState.QUEUED: "queued",
    OrderState.SENT: "sent",
    OrderState.RECEIVED: "received by the box",
    OrderState.WAITING_SESSION: "waiting for the citizen at the desk to finish",
    OrderState.RUNNING: "running",
    OrderState.SUCCEEDED: "done",
    OrderState.FAILED: "failed",
    OrderState.REJECTED: "refused by the box",
    OrderState.EXPIRED: "expired: the box did not take it in time",
    OrderState.CANCELLED: "cancelled",
    OrderState.INTERRUPTED: "interrupted",
}
_ROAD: Final = (OrderState.QUEUED, OrderState.SENT, OrderState.RECEIVED, OrderState.RUNNING)
STEPS: Final = len(_ROAD) + 1


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the page: shape and colour by `tone`, words, and a small remark."""

    tone: str
    words: str
    remark: str = ""


def tell(line: Line) -> Telling:  # noqa: PLR0911 - one kind of line, one answer
    """A line of the timeline in words."""
    facts, code = line.facts, line.code
    match line.kind:
        case Kind.BOX:
            return Telling(tone=_tone(line), words=_BOX.get(code, causes.words(code)))
        case Kind.BIRTH:
            return Telling(tone="good", words="Connected", remark=str(facts.get("software", "")))
        case Kind.GOODBYE:
            tone = "bad" if code == "link" else "plain"
            return Telling(tone=tone, words=_GOODBYE.get(code, f"Went away: {causes.words(code)}"))
        case Kind.LIVENESS:
            tone = {"online": "good", "late": "watch", "offline": "bad", "lost": "bad"}.get(code, "plain")
            return Telling(tone=tone, words=f"Judged {code}", remark=f"before: {facts.get('before', '')}")
        case Kind.EVENT:
            state = str(facts.get("state", "raised"))
            tone = "good" if state == "cleared" else _tone(line)
            return Telling(tone=tone, words=f"{causes.words(code).capitalize()} – {state}")
        case Kind.ORDER:
            return _order(line)
        case Kind.LETTERS:
            tone = "bad" if code == "non_leggibile" else "plain"
            return Telling(tone=tone, words=_LETTER.get(code, code), remark=line.ref[-12:])
        case _:
            return Telling(tone=_tone(line), words=_other(line))


def _order(line: Line) -> Telling:
    kind = next((ORDER_WORDS[k] for k in OrderKind if k.value == line.facts.get("kind")), "Order")
    state = next((s for s in OrderState if s.value == line.code), None)
    said = STATE_WORDS[state] if state else line.code
    by = line.facts.get("by")
    return Telling(tone=order_tone(state), words=f"{kind}: {said}", remark=f"by {by}" if by else "")


def _other(line: Line) -> str:
    if line.kind is Kind.TWIN:
        return f"Settings {line.code}, revision {line.facts.get('rev', '?')}"
    if line.kind is Kind.GAP:
        return "Reports that never came"
    return causes.words(line.code)


def _tone(line: Line) -> str:
    return {"warning": "watch", "error": "bad", "critical": "bad"}.get(line.severity, "plain")


def order_tone(state: OrderState | None) -> str:
    """Colour and shape of an order's state."""
    if state is OrderState.SUCCEEDED:
        return "good"
    if state in {OrderState.FAILED, OrderState.REJECTED, OrderState.EXPIRED, OrderState.INTERRUPTED}:
        return "bad"
    return "watch" if state is OrderState.WAITING_SESSION else "plain"


def progress(order: OrderView) -> int:
    """How many of `STEPS` an order has behind it."""
    if order.state.final:
        return STEPS
    if order.state is OrderState.WAITING_SESSION:
        return _ROAD.index(OrderState.RECEIVED) + 1
    return _ROAD.index(order.state) + 1


def answer(order: OrderView) -> str:
    """What the box answered, in words; empty while it has not."""
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in order.facts.items())
    if order.code:
        return causes.words(order.code) + (f" ({facts})" if facts else "")
    if "uptime_s" in order.facts and isinstance(order.facts["uptime_s"], int | float):
        return f"up for {causes.span(order.facts['uptime_s'])}"
    return facts
