"""Each probe against a tree of files, and against this machine; a broken one never takes the report with it."""

from __future__ import annotations

import datetime as dt
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.agent.probes import (
    certificate_days,
    clock,
    disk,
    memory,
    network,
    processor,
    uptime,
)
from appliance.agent.probes.port import ProbeFailed
from appliance.agent.rounds import gather
from appliance.runtime.clock import SettableClock
from contracts import codec
from contracts.messages.report import Health, Memory
from tests.peers.certificates import HOST, Authority

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
ROUTE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


PI = {
    "proc/loadavg": "2.00 1.00 0.50 1/234 5678\n",
    "proc/stat": "cpu  1 2 3\ncpu0 1 2\ncpu1 1 2\ncpu2 1 2\ncpu3 1 2\nintr 5\n",
    "sys/class/thermal/thermal_zone0/type": "gpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "40000\n",
    "sys/class/thermal/thermal_zone1/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone1/temp": "51234\n",
}


def test_processor_of_a_pi(tmp_path):
    lay(tmp_path, PI)
    seen = processor.read(tmp_path / "proc", tmp_path / "sys", ["printf", "throttled=0x50005\\n"])
    assert (seen.load_ratio, seen.temperature_c, seen.throttled) == (0.5, 51.2, True)
    calm = processor.read(tmp_path / "proc", tmp_path / "sys", ["printf", "throttled=0x50000\\n"])
    assert calm.throttled is False, "what was once is not what is now"


def test_processor_without_sensor_or_tool(tmp_path):
    lay(tmp_path, {"proc/loadavg": "9.00 1 1 1/2 3", "proc/stat": "cpu 1\ncpu0 1\n"})
    seen = processor.read(tmp_path / "proc", tmp_path / "sys", ["no-such-tool-here"])
    assert (seen.load_ratio, seen.temperature_c, seen.throttled) == (1.0, None, None)


@given(text=st.text(max_size=40))
def test_processor_takes_whatever_a_kernel_writes(tmp_path_factory, text):
    root = lay(tmp_path_factory.mktemp("k"), {"proc/stat": "cpu0 1\n"})
    (root / "proc/loadavg").write_text(text, "utf-8")
    try:
        seen = processor.read(root / "proc", root / "sys", ["no-such-tool-here"])
    except ProbeFailed:
        return
    assert 0 <= seen.load_ratio <= 1


def test_memory(tmp_path):
    lay(tmp_path, {"meminfo": "MemTotal:        1000 kB\nMemFree: 1 kB\nMemAvailable:     250 kB\n"})
    assert memory.read(tmp_path) == Memory(total_bytes=1_024_000, available_bytes=256_000)
    lay(tmp_path, {"meminfo": "MemTotal: 1000 kB\n"})
    with pytest.raises(ProbeFailed):
        memory.read(tmp_path)


def test_disk_of_this_machine(tmp_path):
    seen = disk.read(tmp_path)
    assert 0 < seen.free_bytes <= seen.total_bytes
    assert not seen.read_only
    assert disk.read(Path("/proc/self")).total_bytes == 0
    with pytest.raises(ProbeFailed):
        disk.read(tmp_path / "nowhere")


def interface(name, state="up", **more):
    base = f"sys/class/net/{name}"
    return {
        f"{base}/operstate": f"{state}\n",
        f"{base}/statistics/tx_bytes": "100\n",
        f"{base}/statistics/rx_bytes": "200\n",
    } | {f"{base}/{key}": value for key, value in more.items()}


def test_network_by_default_route(tmp_path):
    lay(tmp_path, interface("eth0") | interface("wlan0", phy80211="") | interface("wwan0", state="unknown"))
    for name, kind in (("eth0", "ethernet"), ("wlan0", "wifi"), ("wwan0", "mobile")):
        lay(tmp_path, {"proc/net/route": f"{ROUTE}{name}\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\n"})
        seen = network.read(tmp_path / "proc", tmp_path / "sys", None)
        assert (seen.kind, seen.up, seen.sent_bytes, seen.received_bytes) == (kind, True, 100, 200)


def test_network_by_ipv6_route_or_by_what_is_up(tmp_path):
    nothing = "0" * 32
    lay(tmp_path, interface("eth0", state="down") | interface("eth1"))
    lay(tmp_path, {"proc/net/route": ROUTE})
    lay(
        tmp_path, {"proc/net/ipv6_route": f"{nothing} 00 {nothing} 00 {nothing} 00000400 1 0 00000003 eth0\n"}
    )
    assert network.read(tmp_path / "proc", tmp_path / "sys", None).up is False
    lay(tmp_path, {"proc/net/ipv6_route": ""})
    assert network.read(tmp_path / "proc", tmp_path / "sys", None).up is True


def test_no_network_at_all(tmp_path):
    seen = network.read(tmp_path / "proc", tmp_path / "sys", None)
    assert (seen.kind, seen.up, seen.rtt_ms) == ("none", False, None)


def test_round_trip_is_the_time_to_connect():
    with socket.create_server((HOST, 0)) as broker:
        address = broker.getsockname()[:2]
        assert network._rtt_ms(address) >= 0
    assert network._rtt_ms(address) is None, "nobody there any more"


def test_certificate_days(tmp_path):
    authority = Authority(tmp_path / "ca")
    certificate, _ = authority.issue_files("pue0a074prova", tmp_path / "link", days=5)
    now = dt.datetime.now(dt.UTC)
    assert 4.9 < certificate_days.read(certificate, now) <= 5
    assert certificate_days.read(certificate, now + dt.timedelta(days=6)) < 0
    certificate.write_bytes(b"half a cert")
    with pytest.raises(ProbeFailed):
        certificate_days.read(certificate, now)


def test_uptime_and_boot(tmp_path):
    lay(
        tmp_path,
        {"uptime": "3661.52 7000.00\n", "sys/kernel/random/boot_id": "9F1C7A52-0000-4000-8000-000000000000"},
    )
    assert uptime.read(tmp_path) == 3661
    assert uptime.boot(tmp_path) == "9f1c7a52"
    assert uptime.boot(tmp_path / "nowhere") == "00000000"
    with pytest.raises(ProbeFailed):
        uptime.read(tmp_path / "nowhere")


def test_clock():
    moved = SettableClock(NOW)
    assert clock.read(moved).trusted
    moved.distrust()
    assert (clock.read(moved).trusted, clock.read(moved).why) == (False, "unsynchronized")


def test_a_failing_probe_is_named_and_the_report_goes_out():
    def broken():
        raise ProbeFailed("no sensor")

    def worse():
        return 1 / 0

    report = gather(
        {"uptime_s": lambda: 5, "processor": broken, "memory": worse, "desk": broken},
        ts=1,
        boot="00000000",
        software="0",
    )
    assert report.failed == {"processor": "probe.failed", "memory": "probe.broke", "desk": "probe.failed"}
    assert (report.uptime_s, report.processor, report.desk_up) == (5, None, False)
    assert codec.decode(Health, codec.encode(report)) == report
