"""A Debian 13 in a folder, for the tests of what only it has: libcamera with picamera2, and the card service 2.x.

libcamera's Python parts belong to Debian's own Python 3.13, so they cannot be installed into `.venv`. libcamera itself
brings a camera that exists in memory (its `virtual` pipeline), which needs no kernel module. The card service of Debian 13
takes no client of Debian 12, so its tests run here from end to end, with the Python packages that the box has.

    python tests/peers/debian_13/root.py            prepares it (needs root; about four minutes, 1.3 GB)
    python tests/peers/debian_13/root.py --ready    exit 0 if it is there

Standard library only. Packages come from the Debian mirror that apt knows and from the index that pip knows. The folder's name
holds a hash of what it was made from: clones of one version share it, and a half-made one is never taken for whole.
"""

from __future__ import annotations

import ast
import configparser
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = HERE.parents[2]
LOCK: Final = HERE / "root.lock"
CACHE: Final = Path("/var/cache/pue-box")
SUITE: Final = "trixie"
BACKPORTS: Final = f"{SUITE}-backports"
CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
BUILD: Final = (
    "ca-certificates",
    "python3-venv",
    "python3-setuptools",
    "python3-dev",
    "gcc",
    "libc6-dev",
    "libcap-dev",
    "libpcsclite-dev",
    "pkgconf",
    "swig",
)
# Before 0.7 libcamera leaves a virtual frame's status unset, and picamera2 drops such frames without a word.
CAMERA: Final = (f"python3-libcamera/{BACKPORTS}", f"libcamera-ipa/{BACKPORTS}")
CARDS: Final = (
    "pcscd",
    "vsmartcard-vpcd",
    "umockdev",
    "gir1.2-umockdev-1.0",
    "python3-gi",
    "opensc",
    "opensc-pkcs11",
    "openssl",
    "iproute2",
    "polkitd",
    "dbus-daemon",
)
PACKAGES: Final = BUILD + CAMERA + CARDS
AS_ON_THE_BOX: Final = (
    "asn1crypto",
    "cffi",
    "cryptography",
    "hypothesis",
    "pycparser",
    "pyscard",
    "python-codicefiscale",
    "python-dateutil",
    "python-fsutil",
    "python-slugify",
    "six",
    "sortedcontainers",
    "text-unidecode",
)
"""Python packages whose versions are those of `requirements.lock`; the others stand in the lock of the root."""


def pins() -> str:
    """All Python packages of the root, with their hashes."""
    theirs = re.split(r"^(?=\S)", (PROJECT / "requirements.lock").read_text(), flags=re.MULTILINE)
    return LOCK.read_text() + "".join(part for part in theirs if part.partition("==")[0] in AS_ON_THE_BOX)


KEY: Final = hashlib.sha256(repr(("layout 1", PACKAGES)).encode() + pins().encode()).hexdigest()[:12]
ROOT: Final = CACHE / f"debian-13-{KEY}"
PYTHON: Final = "/opt/tests/bin/python"
PROXIES: Final = {"http_proxy", "https_proxy", "no_proxy", "all_proxy"}
PIP_SETTINGS: Final = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout")
"""Those that mean the same inside; the others name files of this machine."""


class RootError(Exception):
    """It cannot be prepared; the text says what to do."""


def output(command: list[str]) -> str:
    """What a command prints.

    Raises:
        RootError: it is missing or fails.
    """
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise RootError(f"{command[0]} {command[1]} does not work here: {error}") from error


def mirror() -> str:
    """The address of Debian's packages, as apt has it.

    Raises:
        RootError: this machine's apt knows no Debian.
    """
    ask = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    if not (known := output(ask).split()):
        output(["apt-get", "update"])
        known = output(ask).split()
    if not known:
        raise RootError("apt knows no mirror of Debian on this machine: add one to its sources")
    return known[0]


def apt_settings() -> list[str]:
    """Proxies and the like, which the new system's apt needs as well."""
    kept = ("Acquire::http", "Acquire::https", "Acquire::Check", "Acquire::Retries")
    lines = output(["apt-config", "dump"]).splitlines()
    return [f"--aptopt={line}" for line in lines if line.startswith(kept) and not line.endswith(' "";')]


def pip_settings(listed: str) -> configparser.ConfigParser:
    """The part of `pip config list` that a pip in the root can use."""
    settings = configparser.ConfigParser(interpolation=None)
    settings["global"] = {"cert": str(CERTIFICATES), "disable-pip-version-check": "1"}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2]
        if key in PIP_SETTINGS:
            words = str(ast.literal_eval(value)).split()
            settings["global"][key] = " ".join(word for word in words if not word.startswith("file:"))
    return settings


def make(target: Path) -> None:
    """Fill `target`."""
    address = mirror()
    sources = [f"deb {address} {suite} main" for suite in (SUITE, BACKPORTS)]
    chosen = ["--mode=root", "--variant=minbase", f"--include={','.join(PACKAGES)}", *apt_settings()]
    subprocess.run(["mmdebstrap", *chosen, SUITE, str(target), *sources], check=True)
    if CERTIFICATES.exists():  # whom this machine trusts, pip must trust there as well
        shutil.copyfile(CERTIFICATES, target / CERTIFICATES.relative_to("/"))
    with (target / "etc/pip.conf").open("w") as file:
        pip_settings(output([sys.executable, "-m", "pip", "config", "list"])).write(file)
    (target / "root.lock").write_text(pins())
    pip = [PYTHON, "-m", "pip", "install", "--no-cache-dir", "--no-deps", "--no-build-isolation"]
    inside(target, ["python3", "-m", "venv", "--system-site-packages", str(Path(PYTHON).parents[1])])
    inside(target, [*pip, "--require-hashes", "-r", "/root.lock"])


def inside(target: Path, command: list[str]) -> None:
    """Run in the root while it is made."""
    surely = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"}
    surely |= {name: value for name, value in os.environ.items() if name.lower() in PROXIES}
    subprocess.run(["chroot", str(target), *command], check=True, env=surely)


def prepare() -> None:
    """Make the root unless it is there. Two set-ups at once: the second waits and finds it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "debian-13.turn").open("w") as turn:
        fcntl.flock(turn.fileno(), fcntl.LOCK_EX)
        if ROOT.exists():
            return
        fresh = CACHE / "debian-13.new"
        shutil.rmtree(fresh, ignore_errors=True)
        make(fresh)
        fresh.rename(ROOT)


IN_ITS_OWN_WORLD: Final = """
root=$1
mount -o bind,ro "$root" "$root"
mount -o bind,ro "$2" "$root/srv"
mount --bind "$3" "$root/mnt"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
shift 3
while [ "$1" != -- ]; do mount --bind "$1" "$root$2"; shift 2; done
shift
exec chroot "$root" "$@"
"""


def command_in(
    scratch: Path,
    command: list[str],
    project: Path = PROJECT,
    instead: Mapping[str, Path] | None = None,
    *,
    many_users: bool = False,
) -> list[str]:
    """`command` in the root, without network; nothing is left mounted or running.

    Args:
        scratch: seen at /mnt.
        command: its program is sought in the root.
        project: seen at /srv, read only.
        instead: files and folders of the root that shall be others.
        many_users: programs there become others than root; who is not root here needs a range of users in /etc/subuid.
    """
    apart = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"]
    if os.geteuid() != 0:
        apart += ["--map-root-user", *(["--map-auto"] if many_users else [])]
    others = [word for place, other in (instead or {}).items() for word in (str(other), place)]
    fixed = [str(ROOT), str(project), str(scratch)]
    return [*apart, "sh", "-ec", IN_ITS_OWN_WORLD, "sh", *fixed, *others, "--", *command]


def main(words: list[str]) -> int:
    """See above."""
    if words == ["--ready"]:
        return 0 if ROOT.exists() else 1
    try:
        prepare()
    except (RootError, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
