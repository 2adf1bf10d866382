"""A real PC/SC service with two virtual readers, shut away from network and machine.

vpcd listens on all addresses, so the service lives in a network namespace of its own; its /run is its own too, so
it never meets a service the machine already runs. Root is not needed where user namespaces are allowed.
What must be installed (Debian): pcscd, vsmartcard-vpcd, iproute2, util-linux; for `measured_reader` gcc, libpcsclite-dev.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from smartcard import scard

from appliance.devices.card_reader.virtual_slot import DEFAULT_PORT, VirtualSlot

if TYPE_CHECKING:
    from appliance.cards.software.card import SoftwareCard

START_LIMIT_S = 20.0
PLUGGING = Path(__file__).with_name("plugging.py")
DRIVER = Path("/etc/reader.conf.d/vpcd")
VPCD = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
# Ends when its standard input ends, so that nothing outlives the test run, however that died.
SCRIPT = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/pcscd
ip link set lo up
pcscd --foreground "$@" >/dev/null 2>&1 </dev/null &
service=$!
echo $service
read -r _ || true
kill $service 2>/dev/null || true
wait $service 2>/dev/null || true
"""
# The same with a reader that hangs on a cable; "$1" is a folder of drivers.
PLUGGED = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/pcscd /run/none
ip link set lo up
mount --bind /run/none /etc/reader.conf.d
mount --bind "$1" /usr/lib/pcsc/drivers
shift
exec umockdev-wrapper /usr/bin/python3 "$@"
"""
BUNDLE = """<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
<key>CFBundleExecutable</key><string>plugged_reader.so</string>
<key>ifdVendorID</key><array><string>0xFFFF</string></array>
<key>ifdProductID</key><array><string>0x0001</string></array>
<key>ifdFriendlyName</key><array><string>Virtual PCD</string></array>
<key>ifdCapabilities</key><string>0x00000000</string>
</dict></plist>
"""
CONNECT = """
import socket, sys
carrier = socket.socket(fileno=int(sys.argv[1]))
connection = socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=5)
socket.send_fds(carrier, [b"!"], [connection.fileno()])
"""


class CannotStart(Exception):
    """Says in one sentence what is missing."""


class PcscService:
    """Can be started and stopped again and again; clients find it under the same name each time.

    `socket_path` is what a client needs in PCSCLITE_CSOCK_NAME (libpcsclite reads it once in the life of a process).
    """

    def __init__(self, folder: Path) -> None:
        self._as_root = os.geteuid() == 0
        self._unshare: subprocess.Popen[str] | None = None
        self.pid = 0
        self._link = folder / "pcscd.comm"

    @property
    def socket_path(self) -> str:
        return str(self._link)

    @property
    def running(self) -> bool:
        return self._unshare is not None

    def start(
        self, readers_name: bytes = b"", driver: Path | None = None, drivers: Path | None = None
    ) -> Self:
        """Up and listening; with another name or driver than the installed ones where the service does not run yet.

        With `drivers` (`plugged_reader`) the reader is one that `plug` puts in and pulls out.
        """
        if self.running:
            return self
        missing = [tool for tool in ("pcscd", "unshare", "nsenter", "ip", "mount") if _find(tool) is None]
        if missing or not DRIVER.exists():
            raise CannotStart(
                f"the card tests need {', '.join(missing) or 'the virtual reader'}: "
                "apt-get install pcscd vsmartcard-vpcd iproute2 util-linux"
            )
        alone = ["unshare", "--net", "--mount"] + ([] if self._as_root else ["--user", "--map-root-user"])
        pcscd = _find("pcscd")
        assert pcscd is not None
        usage = subprocess.run([pcscd, "--help"], capture_output=True, text=True, timeout=10, check=False)
        options = ["--disable-polkit"] if "disable-polkit" in usage.stdout + usage.stderr else []
        if readers_name or driver:
            options += ["--config", str(self._configured(readers_name, driver))]
        program = [SCRIPT, "sh", *options]
        if drivers:
            program = [PLUGGED, "sh", str(drivers), str(PLUGGING), pcscd, *options]
        self._unshare = subprocess.Popen(
            [*alone, "sh", "-c", *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"},
        )
        line = self._unshare.stdout.readline().strip()
        if not line:
            told = self._unshare.stderr.read().strip()
            self.stop()
            raise CannotStart(f"a PC/SC service cannot be started in a namespace of its own: {told}")
        self.pid = int(line)
        self._await_ready()
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(self._inner_socket())
        return self

    def _configured(self, name: bytes, driver: Path | None) -> Path:
        folder = self._link.with_name("reader.conf.d")
        folder.mkdir(exist_ok=True)
        text = DRIVER.read_bytes()
        if name:
            text = re.sub(rb'".*"', b'"' + name + b'"', text, count=1)
        if driver:
            text = text.replace(bytes(VPCD), bytes(driver))
        (folder / DRIVER.name).write_bytes(text)
        return folder

    def _inner_socket(self) -> Path:
        return Path(f"/proc/{self.pid}/root/run/pcscd/pcscd.comm")

    def _await_ready(self) -> None:
        """The socket answers and both virtual readers listen."""
        end = time.monotonic() + START_LIMIT_S
        while time.monotonic() < end:
            if self._inner_socket().exists() and self._listens(DEFAULT_PORT + 1):
                return
            if self._unshare.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        raise CannotStart("the PC/SC service did not come up")

    def _listens(self, port: int) -> bool:
        """Seen from the kernel's table: connecting would already insert a card."""
        try:
            table = Path(f"/proc/{self.pid}/net/tcp").read_text()
        except OSError:
            return False
        return any(f":{port:04X} 00000000:0000 0A" in row for row in table.splitlines())

    @property
    def enter(self) -> list[str]:
        """Words before a command that shall run beside the service."""
        user = [] if self._as_root else ["-U", "--preserve-credentials"]
        return ["nsenter", "-t", str(self.pid), "-n", *user]

    def insert(self, card: SoftwareCard, slot: int = 0) -> VirtualSlot:
        """Lay a card into a virtual reader: connect from inside the namespace, carry the connection out."""
        self.await_seen(slot, card=False)  # a card laid down too soon would be taken for the one before
        ours, theirs = socket.socketpair()
        with ours, theirs:
            subprocess.run(
                [
                    *self.enter,
                    sys.executable,
                    "-I",
                    "-S",
                    "-c",
                    CONNECT,
                    str(theirs.fileno()),
                    str(DEFAULT_PORT + slot),
                ],
                pass_fds=[theirs.fileno()],
                check=True,
                timeout=15,
            )
            _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        return VirtualSlot(card, socket.socket(fileno=descriptors[0]))

    def await_seen(self, slot: int = 0, *, card: bool = True) -> None:
        """The service looks every 400 ms: until it has seen that a card lies there, or that none does."""
        _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        _, names = scard.SCardListReaders(context, [])
        (name,) = [name for name in names if name.endswith(f" 00 {slot:02}")]
        try:
            seen, end = scard.SCARD_STATE_UNAWARE, time.monotonic() + START_LIMIT_S
            while seen == scard.SCARD_STATE_UNAWARE or bool(seen & scard.SCARD_STATE_PRESENT) is not card:
                assert time.monotonic() < end, f"{name} is not seen {'with' if card else 'without'} a card"
                _, ((_, seen, _),) = scard.SCardGetStatusChange(context, 1000, [(name, seen)])
        finally:
            scard.SCardReleaseContext(context)

    def plug(self, *, into: bool) -> None:
        """The cable of a reader that was begun with `drivers`: put in, or pulled out."""
        self._unshare.stdin.write("in\n" if into else "out\n")
        self._unshare.stdin.flush()

    def kill(self) -> None:
        """The service dies without a word to its clients; `start` brings another one."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        process, self._unshare = self._unshare, None
        if process is None:
            return
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        process.stdout.close()
        process.stderr.close()


def measured_reader(folder: Path, most_bytes: int) -> Path:
    """A driver for `PcscService.start`: its readers say that they carry commands of `most_bytes` at most."""
    return _made(folder, "measured_reader", f"-DMOST_BYTES={most_bytes}")


def plugged_reader(folder: Path) -> Path:
    """Drivers for `PcscService.start`: one, for a reader on a cable."""
    contents = folder / "plugged_reader.bundle" / "Contents"
    (contents / "Linux").mkdir(parents=True)
    (contents / "Info.plist").write_text(BUNDLE)
    _made(contents / "Linux", "plugged_reader")
    return folder


def _made(folder: Path, name: str, *flags: str) -> Path:
    made, below = folder / f"{name}.so", folder / "libifdvpcd.so.0"
    # By this name its driver is looked for, and Debian has another; a copy, for drivers may be laid over its place.
    shutil.copyfile(VPCD, below)
    always = ["-shared", "-fPIC", "-I/usr/include/PCSC", "-Wl,--no-as-needed,-rpath,$ORIGIN"]
    source = Path(__file__).with_name(f"{name}.c")
    subprocess.run(["gcc", *always, *flags, "-o", made, source, below], check=True, timeout=60)
    return made


def _find(tool: str) -> str | None:
    return shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


@functools.cache
def _shared() -> PcscService:
    folder = tempfile.TemporaryDirectory(prefix="pcscd-")
    service = PcscService(Path(folder.name))
    os.environ["PCSCLITE_CSOCK_NAME"] = service.socket_path
    atexit.register(folder.cleanup)
    atexit.register(service.stop)
    return service


@pytest.fixture
def pcscd():
    """The one service of a test run, running. A test that stops it need not start it again."""
    try:
        return _shared().start()
    except CannotStart as reason:
        pytest.fail(str(reason), pytrace=False)
