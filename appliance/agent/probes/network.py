"""The line as the box sees it: kind, state, counters, time to the broker. No address leaves the box."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Final

from appliance.agent.probes.port import ProbeFailed, read_text
from contracts.messages.report import Network

if TYPE_CHECKING:
    from pathlib import Path

RTT_TIMEOUT_S: Final = 3.0
_MOBILE: Final = ("wwan", "ppp", "wwp", "usb")


def read(proc: Path, sys: Path, broker: tuple[str, int] | None) -> Network:
    """The interface of the default route; none means the line is down.

    Args:
        proc: `/proc`.
        sys: `/sys`.
        broker: host and port for the round trip, measured by the time TCP needs to connect.
    """
    net = sys / "class" / "net"
    name = _default_interface(proc) or _first_up(net)
    if name is None:
        return Network(kind="none", up=False)
    folder = net / name
    return Network(
        kind=_kind(folder),
        up=_state(folder) in ("up", "unknown"),
        rtt_ms=None if broker is None else _rtt_ms(broker),
        sent_bytes=_count(folder, "tx_bytes"),
        received_bytes=_count(folder, "rx_bytes"),
    )


def _default_interface(proc: Path) -> str | None:
    """IPv4 first (`/proc/net/route`), then IPv6; lowest metric is listed first by the kernel."""
    try:
        for line in read_text(proc / "net" / "route").splitlines()[1:]:
            parts = line.split()
            if len(parts) > 7 and parts[1] == "00000000" and parts[7] == "00000000":
                return parts[0]
    except ProbeFailed:
        return None
    try:
        for line in read_text(proc / "net" / "ipv6_route").splitlines():
            parts = line.split()
            if len(parts) > 9 and parts[0] == "0" * 32 and parts[1] == "00" and parts[9] != "lo":
                return parts[9]
    except ProbeFailed:
        return None
    return None


def _first_up(net: Path) -> str | None:
    names = sorted(folder.name for folder in net.glob("*") if folder.name != "lo")
    return next((name for name in names if _state(net / name) == "up"), None)


def _state(folder: Path) -> str:
    try:
        return read_text(folder / "operstate").strip()
    except ProbeFailed:
        return ""


def _kind(folder: Path) -> str:
    if (folder / "wireless").exists() or (folder / "phy80211").exists():
        return "wifi"
    if folder.name.startswith(_MOBILE):
        return "mobile"
    return "ethernet"


def _count(folder: Path, name: str) -> int:
    try:
        return int(read_text(folder / "statistics" / name))
    except (ProbeFailed, ValueError):
        return 0


def _rtt_ms(broker: tuple[str, int]) -> float | None:
    began_s = time.monotonic()
    try:
        with socket.create_connection(broker, timeout=RTT_TIMEOUT_S):
            return round((time.monotonic() - began_s) * 1000, 1)
    except OSError:
        return None
