"""Which PC/SC the other tests of this Debian meet. Runs in the root of `tests/peers/debian_13`, see `test_debian_13.py`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from smartcard import scard


def test_the_service_is_2():
    told = subprocess.run(["pcscd", "--version"], capture_output=True, text=True, timeout=10, check=False)
    assert re.search(r"pcsc-lite version 2\.", told.stdout + told.stderr)


def test_the_library_that_clients_load_is_2_and_its_own():
    """The library of version 2 is in two parts: the second is found only by the first."""
    scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    loaded = {Path(line.split()[-1]).name for line in Path("/proc/self/maps").read_text().splitlines()}
    assert {"libpcsclite.so.1", "libpcsclite_real.so.1"} <= loaded
