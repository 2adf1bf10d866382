"""`pue-box mrz` and `pue-box barcode` as processes: people's words, JSON, wrong input."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import pytest

from tests.papers import cards, symbols


def pue_box(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "appliance.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    cv2.imwrite(str(folder / "card.jpg"), cards.sample(1, "td1").picture)
    cv2.imwrite(str(folder / "tessera.png"), symbols.sample(1, "code39").picture)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    return folder


def test_the_lines_of_a_card(pictures):
    lines = cards.sample(1, "td1").lines
    plain = pue_box("mrz", pictures / "card.jpg")
    assert plain.returncode == 0
    assert [line.strip() for line in plain.stdout.splitlines()][1:4] == list(lines)
    [answer] = json.loads(pue_box("mrz", "--json", pictures / "card.jpg").stdout)
    assert answer["picture"] == "card.jpg"
    assert answer["zone"]["lines"] == list(lines)
    assert answer["zone"]["sure"] is True
    assert len(answer["zone"]["confidence"][2]) == 30


def test_the_code_of_a_tessera(pictures):
    plain = pue_box("barcode", pictures / "tessera.png")
    assert (plain.returncode, plain.stdout.strip()) == (
        0,
        f"tessera.png: code39 {symbols.CODICE_FISCALE} (codice fiscale)",
    )
    [answer] = json.loads(pue_box("barcode", "--json", pictures / "tessera.png").stdout)
    assert answer["codes"] == [
        {"kind": "code39", "text": symbols.CODICE_FISCALE, "codice_fiscale": symbols.CODICE_FISCALE}
    ]


def test_nothing_there_is_exit_code_one_and_said(pictures):
    none = pue_box("mrz", pictures / "card.jpg", pictures / "tessera.png")
    assert none.returncode == 1
    assert "tessera.png: no printed lines whose check digits hold" in none.stderr
    assert "card.jpg: TD1" in none.stdout
    none = pue_box("barcode", "--json", pictures / "card.jpg")
    assert (none.returncode, json.loads(none.stdout)) == (1, [{"picture": "card.jpg", "codes": []}])


@pytest.mark.parametrize("command", ["mrz", "barcode"])
@pytest.mark.parametrize(
    ("name", "says"), [("broken.jpg", "capture.picture_invalid"), ("nowhere.jpg", "storage.missing")]
)
def test_wrong_input_names_its_file(pictures, command, name, says):
    refused = pue_box(command, pictures / name)
    assert refused.returncode == 1
    assert name in refused.stderr
    assert says in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize("command", ["mrz", "barcode"])
def test_without_a_picture_it_says_how(command):
    wrong = pue_box(command)
    assert wrong.returncode == 2
    assert "IMAGE" in wrong.stderr
