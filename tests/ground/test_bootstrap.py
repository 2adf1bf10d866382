"""The set-up: what it leaves behind, how it refuses, that it does nothing twice."""

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bootstrap():
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["bootstrap"] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bootstrap"]


def run_set_up(*words):
    command = [sys.executable, "-I", str(ROOT / "bootstrap.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_help_says_what_there_is_to_choose():
    done = run_set_up("--help")
    assert done.returncode == 0
    assert "bootstrap.py demo" in done.stdout


def test_a_word_it_does_not_know_is_wrong_use():
    assert run_set_up("everything").returncode == 2


def test_it_uses_the_standard_library_only():
    text = (ROOT / "bootstrap.py").read_text()
    imported = {
        name.split(".")[0] for name in re.findall(r"^\s*(?:import|from) ([\w.]+)", text, re.MULTILINE)
    }
    assert imported <= set(sys.stdlib_module_names)


# ---------------------------------------------------------------- Debian packages


def test_without_rights_it_lists_what_is_missing_and_the_command(bootstrap, monkeypatch):
    missing = [need for need in bootstrap.NEEDS if need.package in {"mosquitto", "gcc"}]
    monkeypatch.setattr(bootstrap, "missing_packages", lambda purpose: missing)
    monkeypatch.setattr(bootstrap, "_rights_to_install", lambda: None)
    with pytest.raises(bootstrap.SetupError) as refused:
        bootstrap.ready_debian_packages("test")
    said = str(refused.value)
    assert "the broker between boxes and fleet" in said
    assert "sudo apt-get install -y --no-install-recommends mosquitto gcc" in said


def test_the_demo_needs_less_than_the_tests(bootstrap):
    demo = {need.package for need in bootstrap.NEEDS if need.purpose == "demo"}
    assert "mosquitto" in demo
    assert not {"chromium", "pcscd", "opensc"} & demo


def test_nothing_is_missing_where_tests_run(bootstrap):
    assert bootstrap.missing_packages("test") == []


# ---------------------------------------------------------------- Python packages


def wheel(folder, name, version, needs=()):
    """The smallest wheel pip installs; gives its SHA-256."""
    described = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nProvides-Extra: more\n"
    described += "".join(f"Requires-Dist: {need}\n" for need in needs)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        about = f"{name}-{version}.dist-info"
        archive.writestr(f"{name}.py", f"version = {version!r}\n")
        archive.writestr(f"{about}/METADATA", described)
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_release_newer_than_the_lock_changes_nothing(bootstrap, tmp_path):
    index = tmp_path / "index"
    index.mkdir()
    pinned = {
        "asking": wheel(index, "asking", "1.0", ["asked[more]>=1"]),
        "asked": wheel(index, "asked", "1.0"),
    }
    wheel(index, "asked", "1.1")
    lock = tmp_path / "lock"
    lock.write_text("".join(f"{name}==1.0 --hash=sha256:{digest}\n" for name, digest in pinned.items()))
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", *bootstrap.LOCKED, "--target", str(target), "-r", str(lock)]
    alone = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **alone}
    )
    assert done.returncode == 0, done.stderr
    assert "1.0" in (target / "asked.py").read_text()


# ---------------------------------------------------------------- Debian 13


def test_without_rights_it_says_how_the_debian_13_is_made(bootstrap, monkeypatch):
    monkeypatch.setattr(bootstrap, "answer", lambda command: None)
    monkeypatch.setattr(bootstrap, "_rights_to_install", lambda: None)
    with pytest.raises(bootstrap.SetupError, match=r"sudo \S+/python \S+/tests/peers/debian_13/root\.py"):
        bootstrap.ready_debian_13()


def test_the_debian_13_takes_over_what_it_can_of_pips_settings():
    from tests.peers.debian_13.root import pip_settings

    listed = (
        "global.index-url='https://index.example/simple'\n"
        "global.extra-index-url='file:///here https://more.example/simple'\n"
        "global.constraint='/etc/here.txt'\n"
        ":env:.timeout='90'\n"
    )
    taken = dict(pip_settings(listed)["global"])
    assert taken["index-url"] == "https://index.example/simple"
    assert taken["extra-index-url"] == "https://more.example/simple"
    assert taken["timeout"] == "90"
    assert "constraint" not in taken


# ---------------------------------------------------------------- stamps and runs


def test_a_stamp_holds_for_its_key_only(bootstrap, monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, "STATE", tmp_path)
    assert not bootstrap.is_done("python", "a")
    bootstrap.mark_done("python", "a")
    assert bootstrap.is_done("python", "a")
    assert not bootstrap.is_done("python", "b")
    bootstrap.unmark("python")
    assert not bootstrap.is_done("python", "a")


def test_digest_sees_content_and_borders(bootstrap, tmp_path):
    file = tmp_path / "lock"
    absent = bootstrap.digest(file)
    file.write_text("one")
    assert (
        len({absent, bootstrap.digest(file), bootstrap.digest("on", "e"), bootstrap.digest("o", "ne")}) == 4
    )
    assert bootstrap.digest(file) == bootstrap.digest("one")


def test_a_failed_command_says_what_to_do_and_shows_its_last_lines(bootstrap, monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, "STATE", tmp_path)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    command = [sys.executable, "-c", "import sys; print('last words'); sys.exit(3)"]
    with pytest.raises(
        bootstrap.SetupError, match=r"(?s)thing: trying: failed \(exit 3\)\. Try harder\..*last words"
    ):
        bootstrap.run("thing: trying", command, cwd=tmp_path, advice="Try harder.")
    with pytest.raises(bootstrap.SetupError, match=r"cannot start /nowhere/tool.*Try harder"):
        bootstrap.run("thing: trying", ["/nowhere/tool"], cwd=tmp_path, advice="Try harder.")


def test_a_second_run_does_nothing_and_is_quick():
    first = run_set_up("test")
    assert first.returncode == 0, first.stdout + first.stderr
    started = time.monotonic()
    second = run_set_up("test")
    assert second.returncode == 0
    assert second.stdout == ""
    assert time.monotonic() - started < 2.0


# ---------------------------------------------------------------- Python packages


def test_the_build_tool_is_taken_from_the_lock_with_its_hashes(bootstrap):
    lines = bootstrap._locked("setuptools").strip().splitlines()
    assert re.match(r"setuptools==[\d.]+ ", lines[0])
    assert all(line.strip().startswith(("--hash=sha256:", "#")) for line in lines[1:])
    assert any("--hash" in line for line in lines)


def test_every_locked_package_has_a_hash():
    blocks = re.split(r"^(?=[A-Za-z0-9])", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    pinned = [block for block in blocks if "==" in block]
    assert len(pinned) > 50
    assert [block.splitlines()[0] for block in pinned if "--hash=sha256:" not in block] == []


# ---------------------------------------------------------------- front-end parts


def test_browser_ready_leaves_out_what_needs_a_bundler_however_far(bootstrap, tmp_path):
    texts = {
        "plain.js": "export default 1",
        "near.js": "import one from './plain.js'",
        "bundled.js": 'import { createPopper } from "@popperjs/core"',
        "far.js": "import './near.js'\nimport { x } from './middle.js'",
        "middle.js": "export { y } from './bundled.js'",
        "lost.js": "import './not-there.js'",
        "ring_a.js": "import './ring_b.js'",
        "ring_b.js": "import './ring_a.js'",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    ready = {path.name for path in bootstrap.browser_ready(tmp_path)}
    assert ready == {"plain.js", "near.js", "ring_a.js", "ring_b.js"}


FACES = ["web_local/static/vendor", "fleet/console/static/vendor"]


@pytest.mark.parametrize("face", FACES)
def test_the_faces_have_the_locked_parts(bootstrap, face):
    import json

    served = json.loads((ROOT / face / "parts.json").read_text())
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert {"bootstrap-italia", "htmx.org", "uplot"} == set(served)
    assert all(locked[f"node_modules/{name}"]["version"] == it["version"] for name, it in served.items())


@pytest.mark.parametrize("face", FACES)
def test_parts_ask_for_nothing_that_is_not_there(face):
    folder = ROOT / face
    wanted = []
    for sheet in folder.rglob("*.css"):
        links = re.findall(r"""url\(["']?([^"')]+)["']?\)""", sheet.read_text())
        wanted += [(sheet, link) for link in links if not link.startswith(("data:", "#"))]
    for module in folder.rglob("*.js"):
        links = re.findall(
            r"""^(?:import|export)\b[^;'"]*?['"]([^'"]+)['"]""", module.read_text(), re.MULTILINE
        )
        wanted += [(module, link) for link in links]
    assert len(wanted) > 50
    missing = [f"{file.name}: {link}" for file, link in wanted if not (file.parent / link).is_file()]
    assert not missing
    assert not [file.name for file in folder.rglob("*.[cj]s*") if b"sourceMappingURL" in file.read_bytes()]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("family", ["Titillium Web", "Lora", "Roboto Mono"])
def test_fonts_have_a_rule_for_each_weight(face, family):
    rules = (ROOT / face / "bootstrap-italia/css/fonts.css").read_text().splitlines()
    weights = {re.search(r"font-weight: (\d+)", rule).group(1) for rule in rules if f'"{family}"' in rule}
    assert {"400", "700"} <= weights
