"""The eight walls: who may import whom. Each wall is also shown to catch what it is there for."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSES = ["appliance", "contracts", "firmware_config", "fleet", "provisioning", "web_local"]
LINT = [
    sys.executable,
    "-c",
    "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))",
]

# Beside a device's drivers: what any room may import from its folder.
NOT_DRIVERS = {"__init__", "port", "live", "trial", "receipt_pdf"}
# live and trial work with whatever keeps the camera's port; a receipt on A4 stands apart from the promise to load late
# Who may name a driver: what wires a process, what finds drivers by name, what plays the simulated world.
DOORS = {"__main__", "cli", "demo"}
FINDERS = {"appliance.devices.registry", "appliance.devices.scenario"}


def lint(folder):
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    return subprocess.run(
        LINT, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_imports_keep_to_the_walls():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def copy_of_the_houses(tmp_path_factory):
    folder = tmp_path_factory.mktemp("houses")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for house in HOUSES:
        shutil.copytree(
            ROOT / house,
            folder / house,
            ignore=lambda _, names: [name for name in names if "." in name and not name.endswith(".py")],
        )
    return folder


@pytest.mark.parametrize(
    ("module", "line", "wall"),
    [
        ("contracts/bad.py", "import logging", "The dictionary stands on nothing of ours"),
        ("contracts/bad.py", "import fleet", "The dictionary stands on nothing of ours"),
        ("fleet/bad.py", "import appliance.outbox", "Houses meet only in the dictionary"),
        ("web_local/bad.py", "import appliance.desk", "Houses meet only in the dictionary"),
        ("appliance/runtime/bad.py", "import appliance.outbox", "Floors of the box"),
        ("appliance/desk/bad.py", "import appliance.agent", "Floors of the box"),
        ("appliance/new_room/__init__.py", "", "Floors of the box"),
        ("appliance/agent/bad.py", "import appliance.devices", "The agent knows no hardware and no citizen"),
        (
            "appliance/agent/bad.py",
            "import contracts.desk_api.clerk",
            "The agent knows no hardware and no citizen",
        ),
        ("web_local/bad.py", "import contracts.desk_api.status", "The clerk's face meets the box only"),
        ("appliance/cards/bad.py", "import appliance.cards.bad_too", "No circles"),
    ],
)
def test_a_bad_import_is_caught_by_its_wall(copy_of_the_houses, module, line, wall):
    bad = copy_of_the_houses / module
    bad.parent.mkdir(exist_ok=True)
    added = [bad]
    bad.write_text(line + "\n")
    if "bad_too" in line:
        added.append(bad.with_name("bad_too.py"))
        added[-1].write_text("import appliance.cards.bad\n")
    try:
        done = lint(copy_of_the_houses)
    finally:
        for file in added:
            file.unlink()
        if module.endswith("__init__.py"):
            bad.parent.rmdir()
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [text for text in done.stdout.splitlines() if " BROKEN" in text]
    assert any(wall in text for text in broken), done.stdout


# ---------------------------------------------------------------- the eighth wall


def module_name(root, file):
    return ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imported_modules(file):
    """Every module that `file` may be importing, also within functions ("from a import b" may mean a.b)."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def drivers(root):
    """Modules that are one way to keep a port: siblings of a `port.py`, but for those the port itself needs."""
    for port in root.glob("appliance/devices/*/port.py"):
        siblings = {file for file in port.parent.glob("*.py") if file.stem not in NOT_DRIVERS}
        promise = {name for file in (port, port.with_name("__init__.py")) for name in imported_modules(file)}
        yield from (file for file in siblings if module_name(root, file) not in promise)


def drivers_named_by_strangers(root):
    names = {module_name(root, file): file.parent for file in drivers(root)}
    assert names, "no driver found: has the layout of appliance/devices changed?"
    return [
        f"{module_name(root, file)} imports {name}"
        for house in HOUSES
        for file in (root / house).rglob("*.py")
        if file.stem not in DOORS and module_name(root, file) not in FINDERS
        for name in imported_modules(file)
        if name in names and names[name] not in file.parents
    ]


def test_only_an_entry_point_names_a_driver():
    assert drivers_named_by_strangers(ROOT) == []


def test_a_stranger_that_names_a_driver_is_caught(copy_of_the_houses):
    bad = copy_of_the_houses / "appliance/desk/bad.py"
    bad.write_text("def quick():\n    from appliance.devices.printer import simulated\n")
    try:
        found = drivers_named_by_strangers(copy_of_the_houses)
    finally:
        bad.unlink()
    assert found == ["appliance.desk.bad imports appliance.devices.printer.simulated"]


@pytest.mark.parametrize(
    "process", ["appliance.desk.__main__", "appliance.agent.__main__", "web_local.__main__"]
)
def test_no_process_of_the_box_opens_pictures_of_paper_itself(process):
    """The darkroom does (decision 0011); what decodes and reads is not even loaded elsewhere."""
    ask = f"import sys, {process}; print(*sorted({{'cv2', 'onnxruntime', 'tesserocr', 'zxingcpp'}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


def test_a_desk_opens_its_doors_before_it_loads_what_makes_pdfs():
    """Half of what a start would take; a box after a power cut has a citizen waiting."""
    ask = "import sys, appliance.desk.__main__; print(*sorted({'img2pdf', 'pikepdf', 'reportlab.pdfgen'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


MAKERS = {"decode", "convert", "Decoder"}


def unsettled(source):
    """Lines at which msgspec is given a type that is not `settled`: two threads could meet it half worked out."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MAKERS
        ):
            continue
        if not ast.unparse(node.func).startswith("msgspec."):
            continue
        named = [keyword.value for keyword in node.keywords if keyword.arg == "type"]
        given = named or node.args[0 if node.func.attr == "Decoder" else 1 :]
        kind = given[0] if given else None
        if kind is not None and not (isinstance(kind, ast.Call) and ast.unparse(kind.func) == "settled"):
            found.append(node.lineno)
    return found


def test_every_type_msgspec_decodes_into_is_settled_first():
    strangers = {
        str(file.relative_to(ROOT)): lines
        for house in HOUSES
        for file in sorted((ROOT / house).rglob("*.py"))
        if (lines := unsettled(file.read_text("utf-8"))) and file.name != "settled.py"
    }
    assert strangers == {}


@pytest.mark.parametrize(
    "line",
    [
        "msgspec.json.decode(data, type=Letter)",
        "msgspec.convert(value, Letter)",
        "msgspec.json.Decoder(Letter)",
    ],
)
def test_an_unsettled_type_is_caught(line):
    assert unsettled(line) == [1]
    assert unsettled(line.replace("Letter", "settled(Letter)")) == []
    assert unsettled("msgspec.json.decode(data)") == []
