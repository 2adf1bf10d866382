from __future__ import annotations

import tomllib
from typing import Annotated

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.runtime.files import StorageMissing
from appliance.runtime.settings import Secret, SettingsError, UnknownSetting, load_settings


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    driver: str = "simulated"
    settings: dict[str, object] = {}


class Desk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    site: str = "H501"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8080
    ratio: float = 0.5
    quiet: bool = False
    names: list[str] = []
    token: Secret | None = None
    box_code: Secret = "hidden-value"
    printer: Device = Device()
    devices: dict[str, Device] = {}


def load(**how):
    how.setdefault("environ", {})
    return load_settings(Desk, **how)


def test_every_layer_covers_the_one_below(tmp_path):
    file = tmp_path / "desk.toml"
    file.write_text('port = 2\nratio = 0.25\n[printer]\ndriver = "file"\n')
    effective = load(
        defaults=b'port = 1\nsite = "A001"\nquiet = true\n[printer.settings]\nwidth = 576\n',
        file=file,
        environ={"PUE_PRINTER__DRIVER": "escpos", "PUE_RATIO": "0.75", "HOME": "/"},
        overrides=["printer.settings.width=384"],
    )
    value = effective.value
    assert (value.site, value.port, value.ratio, value.quiet) == ("A001", 2, 0.75, True)
    assert value.printer == Device("escpos", {"width": 384})
    assert effective.origins == {
        "site": "packaged defaults",
        "quiet": "packaged defaults",
        "port": "file desk.toml",
        "ratio": "environment PUE_RATIO",
        "printer.driver": "environment PUE_PRINTER__DRIVER",
        "printer.settings.width": "--set",
    }


@pytest.mark.parametrize(
    ("how", "key", "nearest"),
    [
        ({"overrides": ["prot=80"]}, "prot", "port"),
        ({"overrides": ["printer.drvier=x"]}, "printer.drvier", "driver"),
        ({"environ": {"PUE_PRINTR__DRIVER": "x"}}, "printr", "printer"),
        ({"defaults": b"[devices.a]\ndrive = 'x'"}, "devices.a.drive", "driver"),
        ({"overrides": ["qqqqq=80"]}, "qqqqq", None),
    ],
)
def test_an_unknown_key_is_refused_by_name_with_the_nearest(how, key, nearest):
    with pytest.raises(UnknownSetting, match=key) as refusal:
        load(**how)
    assert refusal.value.facts == {"key": key, "nearest": nearest}


@pytest.mark.parametrize(
    ("how", "key"),
    [
        ({"overrides": ["port=99999"]}, "port"),
        ({"overrides": ["port=many"]}, "port"),
        ({"overrides": ["printer=3"]}, "printer"),
        ({"defaults": b"names = [1]"}, "names"),
        ({"defaults": b"port = "}, ""),
        ({"defaults": b"\xff"}, ""),
        ({"overrides": ["port"]}, "port"),
        ({"overrides": ["=1"]}, ""),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(how, key):
    with pytest.raises(SettingsError) as refusal:
        load(**how)
    assert str(refusal.value.facts["key"]).startswith(key)


def test_words_stay_words():
    assert load(overrides=["site=12345"]).value.site == "12345"
    assert load(environ={"PUE_TOKEN": "true"}).value.token == "true"
    assert load(overrides=["names=['a', 'b']"]).value.names == ["a", "b"]
    assert load(overrides=["printer.settings.device=/dev/pue/printer"]).value.printer.settings == {
        "device": "/dev/pue/printer"
    }


def test_a_missing_file_is_an_error_and_not_an_empty_one(tmp_path):
    with pytest.raises(StorageMissing):
        load(file=tmp_path / "none.toml")


def test_show_prints_the_whole_with_origins_and_without_secrets():
    shown = load(
        overrides=[
            "token=abracadabra",
            "printer.settings.password=sesame",
            "port=81",
            "devices.spare.driver=x",
        ]
    ).show()
    assert "abracadabra" not in shown
    assert "sesame" not in shown
    assert "hidden-value" not in shown
    assert "port = 81  # --set" in shown
    assert 'site = "H501"  # default' in shown
    read = tomllib.loads(shown)
    assert read["printer"]["driver"] == "simulated"
    assert read["devices"]["spare"]["driver"] == "x"


@given(st.text(max_size=40), st.integers(1, 65535), st.booleans())
@example(site="\x7f", port=1, quiet=False)
def test_what_show_prints_is_toml_and_means_the_same(site, port, quiet):
    before = Desk(site=site, port=port, quiet=quiet)
    tree = msgspec.json.encode({"site": site, "port": port, "quiet": quiet})
    effective = load_settings(
        Desk, environ={}, overrides=[f"port={port}", f"quiet={str(quiet).lower()}", f"site={site}"]
    )
    assert effective.value == before
    read = tomllib.loads(effective.show())
    assert {key: read[key] for key in ("site", "port", "quiet")} == msgspec.json.decode(tree)


@given(st.binary(max_size=200))
def test_rubbish_raises_our_error_or_nothing(data):
    try:
        load(defaults=data)
    except SettingsError:
        return
