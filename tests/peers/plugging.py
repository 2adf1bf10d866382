"""A USB reader for pcscd, plugged in and pulled out by words on standard input; run by Debian's own Python under umockdev.

    umockdev-wrapper /usr/bin/python3 plugging.py pcscd [OPTION…]

Prints the service's process id, then takes ``out`` and ``in``, a line each. Ends, and the service with it, when its input ends.
"""

import subprocess
import sys

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev  # noqa: E402 - only now it is known of which version

bed = UMockdev.Testbed.new()
reader = bed.add_device(
    "usb",
    "usb1-1",
    None,
    ["idVendor", "ffff", "idProduct", "0001", "busnum", "1", "devnum", "5"],
    ["DEVTYPE", "usb_device", "DEVNAME", "/dev/bus/usb/001/005", "BUSNUM", "001", "DEVNUM", "005"],
)
interface = bed.add_device(
    "usb",
    "1-1:1.0",
    reader,
    ["bInterfaceClass", "0b", "bInterfaceNumber", "00"],
    ["DEVTYPE", "usb_interface"],
)
quiet = subprocess.DEVNULL
service = subprocess.Popen([*sys.argv[1:], "--foreground"], stdin=quiet, stdout=quiet, stderr=quiet)
sys.stdout.write(f"{service.pid}\n")
sys.stdout.flush()
for line in sys.stdin:
    order = ("remove", (interface, reader)) if line.strip() == "out" else ("add", (reader, interface))
    for device in order[1]:
        bed.uevent(device, order[0])
service.terminate()
service.wait()
