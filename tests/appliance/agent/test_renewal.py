"""The link certificate is renewed in time at a real EST door, and never for the worse."""

from __future__ import annotations

import pytest
from cryptography import x509

from contracts.topics import Up
from tests.appliance.agent.conftest import BOX
from tests.peers.certificates import Authority
from tests.peers.est import EnrolmentDoor
from tests.peers.waiting import until

SOON = {"renew_look_every_s": 0.2}


@pytest.fixture
def door(world, tmp_path):
    with EnrolmentDoor(tmp_path / "est", world.authority, box=BOX, token="") as peer:
        world.lay_belongings(post_url=f"{peer.url}/post/v1")
        yield peer


def certificate(world):
    path = world.state / "identity" / "link" / "cert.pem"
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_renewed_in_time_and_shown_to_the_broker(world, door):
    old = certificate(world)  # five days are left
    world.agent(**SOON)
    world.wait_for(Up.EVENT, lambda r: r["key"] == "certificate.renewed", "it is told")
    new = certificate(world)
    assert new.public_key() == old.public_key()
    assert new.not_valid_after_utc > old.not_valid_after_utc
    world.wait_for(
        Up.STATUS,
        lambda r: (
            r["presence"] == "online"
            and r["certificate"]["not_after"] == int(new.not_valid_after_utc.timestamp() * 1000)
        ),
        "the next birth shows it",
    )
    assert door.renewals == 1, "a good certificate is not renewed"


def test_a_certificate_with_time_left_is_left_alone(world, door):
    world.agent(renew_before_days=2, **SOON)
    world.wait_for(Up.HEALTH, lambda r: r["seq"] >= 2, "some rounds passed")
    assert door.renewals == 0


@pytest.mark.parametrize("trouble", ["another_box", "another_authority", "no_better", "away"])
def test_the_old_one_stands_when_the_new_one_does_not_hold(world, door, tmp_path, trouble):
    old = certificate(world)
    if trouble == "another_box":
        door.renewed_name = "pue0altrascatola"
    elif trouble == "another_authority":
        door.authority = Authority(tmp_path / "stranger", "Altra autorità")
    elif trouble == "no_better":
        door.renewed_days = 3
    else:
        world.lay_belongings(post_url="https://127.0.0.1:9/post/v1")
    world.agent(**SOON)
    world.wait_for(Up.EVENT, lambda r: r["key"] == "certificate.renewal_failed", "it is told")
    assert certificate(world) == old
    until(lambda: world.desk.links and world.desk.links[-1].connected, "the link goes on with the old one")
