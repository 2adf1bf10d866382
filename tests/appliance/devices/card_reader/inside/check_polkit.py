"""Who reaches cards where the service asks polkit: the real service, polkitd and bus of Debian 13, with the rule of the box.

Runs in the root of `tests/peers/debian_13`, see `test_debian_13.py`, which lays the users there.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.cards.software.shelf import issue
from appliance.devices.card_reader.virtual_slot import VirtualSlot

if not Path("/root.lock").exists():
    raise RuntimeError("this clears a system's polkit rules: only in the root of tests/peers/debian_13")

THE_BOX = Path("/srv/firmware_config/rootfs/etc/polkit-1/rules.d/10-pue-card-reader.rules")
RULES = Path("/etc/polkit-1/rules.d")
NOBODYS_CARDS = """
polkit.addRule(function (action, subject) {
    return action.id === "org.debian.pcsc-lite.access_pcsc" ? polkit.Result.YES : polkit.Result.NOT_HANDLED;
});
"""
# A child for each user, which becomes that user only when everything is imported: to be quick, and because the folder of
# the project may be its owner's alone.
CLIENT = """
import datetime, json, os, pwd, queue, sys
from appliance.cards.reading import read_and_judge
from appliance.cards.software.trusted import demo_trust
from appliance.cards.steps import Can
from appliance.cards.verdict import Instant
from appliance.devices.card_reader.pcsc import PcscCardReader, list_readers
from contracts.errors import PueError

can, *users = sys.argv[1:]
now = datetime.datetime.now(datetime.UTC)
trust = demo_trust(now)

def or_code(wish):
    try:
        return wish()
    except PueError as error:
        return error.code

def what_is_found():
    reader = PcscCardReader.from_settings({"reader": "Virtual PCD 00 00"})
    states = queue.Queue()
    reader.watch(states.put)
    reader.open()
    state = states.get(timeout=10)
    reader.wait_for_card(10 if reader.name else 0)
    def read():
        with reader.connect() as session:
            return read_and_judge(session, Can(can), trust, Instant(now, trusted=True))[1].kind
    found = {
        "state": state.code or state.condition,
        "list": or_code(lambda: [one.name for one in list_readers()]),
        "reading": or_code(read),
    }
    reader.close()
    return found

for user in users:
    if child := os.fork():
        if os.waitpid(child, 0)[1]:
            sys.exit(f"{user} came to no end")
        continue
    person = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(person.pw_gid)
    os.setuid(person.pw_uid)
    print(json.dumps([user, what_is_found()]))
    break
"""
# As Debian's own unit starts it: no rights but being root by name, and nobody else's processes to be seen.
AS_THE_UNIT = (
    "mount -t proc -o hidepid=invisible proc /proc; "
    "exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all pcscd --foreground --info"
)


@contextlib.contextmanager
def running(*command, ready, env):
    """The program, from the line that says it is ready until the end of the block."""
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    try:
        said = ""
        for line in program.stdout:
            said += line
            if re.search(ready, line):
                break
        else:
            pytest.fail(f"{command[0]} did not come up:\n{said}")
        yield
    finally:
        program.terminate()
        program.communicate(timeout=10)


@pytest.fixture(scope="module", autouse=True)
def own_network():
    """The card is laid by the loopback of the root's own network."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


@pytest.fixture
def asked(tmp_path):
    """What users find who ask for the card on the reader, under the rules given."""

    def ask(rules, *users):
        for old in RULES.iterdir():
            old.unlink()
        for name, text in rules.items():
            (RULES / name).write_text(text)
        card = issue("cie_aes", datetime.datetime.now(datetime.UTC))
        with contextlib.ExitStack() as world:
            world.enter_context(services(tmp_path))
            world.enter_context(VirtualSlot.insert(card))
            return answers_to(users, card.can)

    return ask


@contextlib.contextmanager
def services(folder):
    shutil.rmtree("/run/pcscd", ignore_errors=True)
    for place in ("/run/pcscd", "/run/dbus"):
        Path(place).mkdir(exist_ok=True)
    env = dict(os.environ)
    with (
        running(
            "dbus-daemon", "--system", "--nofork", "--nopidfile", "--print-address", ready="^unix:", env=env
        ),
        running("/usr/lib/polkit-1/polkitd", ready="Acquired the name", env=env),
        running("unshare", "--mount", "sh", "-ec", AS_THE_UNIT, ready="daemon ready", env=env),
    ):
        yield


def answers_to(users, can):
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, can, *users], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


READERS = ["Virtual PCD 00 00", "Virtual PCD 00 01"]
READS = {"state": "ready", "list": READERS, "reading": "verified"}
DENIED = {"state": "card_reader.denied", "list": "card_reader.denied", "reading": "card_reader.denied"}


def test_with_the_rule_of_the_box_the_desk_reads_cards_and_other_users_do_not(asked):
    found = asked({THE_BOX.name: THE_BOX.read_text()}, "pue-desk", "root", "pue-web", "pue-agent")
    assert found == {"pue-desk": READS, "root": READS, "pue-web": DENIED, "pue-agent": DENIED}


def test_without_the_rule_the_desk_is_kept_out_too(asked):
    assert asked({}, "pue-desk") == {"pue-desk": DENIED}


def test_readers_allowed_and_cards_not(asked):
    found = asked({"10-half.rules": NOBODYS_CARDS}, "pue-desk")
    assert found == {"pue-desk": {**READS, "reading": "card_reader.denied"}}
