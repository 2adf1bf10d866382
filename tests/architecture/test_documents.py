"""Documents are held to what is there: links resolve, doors exist, decisions are numbered and listed."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
DOOR = re.compile(r"`make ([a-z]+)\b")
DECISION_PARTS = ["## Where we stand", "## What we weighed", "## What we do", "## What it costs"]


def anchors(document):
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
        for title in HEADING.findall(document)
    }


def broken_links(document):
    for link in LINK.findall(document.read_text()):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path) if path else document
        if not target.exists():
            yield f"{link}: no such file"
        elif anchor and anchor not in anchors(target.read_text()):
            yield f"{link}: no such heading"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda it: str(it.relative_to(ROOT)))
def test_links_resolve(document):
    assert list(broken_links(document)) == []


def test_a_broken_link_is_seen(tmp_path):
    document = tmp_path / "a.md"
    document.write_text("# One\n[x](b.md) [y](#two) [z](#one)")
    assert list(broken_links(document)) == ["b.md: no such file", "#two: no such heading"]


def test_every_document_is_reached_from_the_index():
    seen, queue = set(), [DOCS / "index.md"]
    while queue:
        document = queue.pop().resolve()
        if document in seen or document.suffix != ".md" or not document.exists():
            continue
        seen.add(document)
        links = (link.partition("#")[0] for link in LINK.findall(document.read_text()) if ":" not in link)
        queue += [document.parent / link for link in links if link]
    missed = [str(file.relative_to(ROOT)) for file in DOCS.rglob("*.md") if file.resolve() not in seen]
    assert not missed


def test_decisions_are_numbered_without_gap():
    numbers = [int(re.fullmatch(r"(\d{4})-[a-z0-9-]+", file.stem).group(1)) for file in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))
    assert numbers


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda it: it.stem)
def test_a_decision_says_why_and_what_it_costs(decision):
    text = decision.read_text()
    assert text.startswith(f"# {decision.stem[:4]} ")
    assert re.search(r"^Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    places = [text.find(part) for part in DECISION_PARTS]
    assert -1 not in places, f"a part is missing: {DECISION_PARTS}"
    assert places == sorted(places)


def makefile_doors():
    return set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_doors_named_in_documents_exist():
    named = {door for document in DOCUMENTS for door in DOOR.findall(document.read_text())}
    assert named <= makefile_doors()


def test_the_readme_names_every_door():
    assert makefile_doors() <= set(DOOR.findall((ROOT / "README.md").read_text()))


def test_make_alone_lists_every_door():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    listed = {line.split()[1] for line in done.stdout.splitlines()}
    assert listed == makefile_doors()


def test_ci_runs_the_test_command_of_the_readme_and_nothing_weaker():
    commands = [
        line
        for line in (ROOT / ".ci/run").read_text().splitlines()
        if line and not line.startswith(("#", "cd "))
    ]
    assert commands == ["set -euo pipefail", "exec make test"]
    assert "\nmake test" in (ROOT / "README.md").read_text()


def test_publiccode_says_the_version_and_licence_of_the_distribution():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    public = yaml.safe_load((ROOT / "publiccode.yml").read_text())
    assert public["softwareVersion"] == project["version"]
    assert public["legal"]["license"] == project["license"] == "EUPL-1.2"
    assert f"[{project['version']}]" in (ROOT / "CHANGELOG.md").read_text()
    assert {"it", "en"} <= set(public["description"])
