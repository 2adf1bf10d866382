"""`pue-box practice`: for who writes practices and for who runs boxes."""

from __future__ import annotations

import json
from importlib import resources

import jsonschema
import pytest
import yaml

from appliance.cli import main
from contracts.practices import catalogue, lint

GOOD = catalogue.shipped_files()["naspi.2026-01.yaml"]


def test_every_practice_of_this_box_is_listed(capsys):
    assert main(["practice", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 19
    assert all(row["in_force"] for row in rows)
    assert main(["practice", "list"]) == 0
    assert "naspi@2026-01" in capsys.readouterr().out


def test_a_sound_file_is_called_good(tmp_path, capsys):
    (tmp_path / "a.yaml").write_bytes(GOOD)
    assert main(["practice", "lint", str(tmp_path / "a.yaml")]) == 0
    assert capsys.readouterr().out == "good: 1 file without a mistake\n"


def test_mistakes_are_told_by_line(tmp_path, capsys):
    bad = tmp_path / "a.yaml"
    bad.write_bytes(GOOD.replace(b"area: work", b"area: wrok").replace(b"valido_dal: 2026", b"valido_dal: x"))
    assert main(["practice", "lint", str(bad)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.removeprefix(str(bad)).split(":")[1] for line in lines] == ["3", "4"]
    assert "did you mean work?" in lines[1]
    assert main(["practice", "lint", str(bad), "--json"]) == 1
    assert [one["where"] for one in json.loads(capsys.readouterr().out)] == ["valido_dal", "area"]


def test_blocks_of_another_catalogue_can_be_named(tmp_path, capsys):
    (tmp_path / "a.yaml").write_bytes(GOOD)
    (tmp_path / "blocchi.yaml").write_text("anagrafica: []\n", "utf-8")
    assert main(["practice", "lint", "--with", str(tmp_path), str(tmp_path / "a.yaml")]) == 1
    assert "no block residenza; there are: anagrafica" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_told_in_a_sentence(tmp_path, capsys, name):
    assert main(["practice", "lint", str(tmp_path / name)]) == 1
    assert capsys.readouterr().err.startswith("pue-box: ")


def test_the_published_schema_is_that_of_the_code(capsys):
    published = (resources.files("contracts.practices") / "practice.schema.json").read_text("utf-8")
    assert published == lint.schema_text(), (
        "pue-box practice schema > contracts/practices/practice.schema.json"
    )
    assert main(["practice", "schema"]) == 0
    assert capsys.readouterr().out == published


def test_a_strangers_validator_takes_what_ships_and_refuses_what_is_wrong():
    schema = json.loads(lint.schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    files = catalogue.shipped_files()
    for name in catalogue.practice_files(files):
        practice = json.loads(json.dumps(yaml.safe_load(files[name]), default=str))
        assert not list(judge.iter_errors(practice)), name
        assert list(judge.iter_errors({**practice, "area": "nowhere"}))
        assert list(judge.iter_errors({**practice, "colour": "red"}))
