"""A Debian 13 in a folder, with libcamera and picamera2, for the tests of the camera driver.

libcamera's Python parts belong to Debian's own Python 3.13, so they cannot be installed into `.venv`. libcamera itself
brings a camera that exists in memory (its `virtual` pipeline), which needs no kernel module.

    python tests/peers/libcamera/root.py            prepares it (needs root; about three minutes, 1.2 GB)
    python tests/peers/libcamera/root.py --ready    exit 0 if it is there

Standard library only. Packages come from the Debian mirror that apt knows and from the index that pip knows. The folder's name
holds a hash of what it was made from: clones of one version share it, and a half-made one is never taken for whole.
"""

from __future__ import annotations

import ast
import configparser
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = HERE.parents[2]
LOCK: Final = HERE / "root.lock"
CACHE: Final = Path("/var/cache/pue-box")
SUITE: Final = "trixie"
BACKPORTS: Final = f"{SUITE}-backports"
CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
# Before 0.7 libcamera leaves a virtual frame's status unset, and picamera2 drops such frames without a word.
PACKAGES: Final = (
    "ca-certificates",
    "python3-venv",
    "python3-setuptools",
    "python3-dev",
    "gcc",
    "libc6-dev",
    "libcap-dev",
    f"python3-libcamera/{BACKPORTS}",
    f"libcamera-ipa/{BACKPORTS}",
)
KEY: Final = hashlib.sha256(repr(("layout 1", PACKAGES)).encode() + LOCK.read_bytes()).hexdigest()[:12]
ROOT: Final = CACHE / f"libcamera-{KEY}"
PYTHON: Final = "/opt/camera/bin/python"
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
    shutil.copyfile(LOCK, target / "root.lock")
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
    with (CACHE / "libcamera.turn").open("w") as turn:
        fcntl.flock(turn.fileno(), fcntl.LOCK_EX)
        if ROOT.exists():
            return
        fresh = CACHE / "libcamera.new"
        shutil.rmtree(fresh, ignore_errors=True)
        make(fresh)
        fresh.rename(ROOT)


IN_ITS_OWN_WORLD: Final = (
    'mount -o bind,ro "$2" "$1/srv"; mount --bind "$3" "$1/mnt"; mount -t proc proc "$1/proc"; '
    'mount --bind "$3/cameras" "$1/usr/share/libcamera/pipeline/virtual"; root=$1; shift 3; exec chroot "$root" "$@"'
)


def command_in(scratch: Path, command: list[str], project: Path = PROJECT) -> list[str]:
    """`command` in the root, without network; nothing is left mounted or running.

    Args:
        scratch: seen at /mnt; its folder `cameras` holds `virtual.yaml`, which says what cameras there are.
        command: its program is sought in the root.
        project: seen at /srv, read only.
    """
    apart = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"]
    if os.geteuid() != 0:
        apart.append("--map-root-user")
    return [*apart, "sh", "-ec", IN_ITS_OWN_WORLD, "sh", str(ROOT), str(project), str(scratch), *command]


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
