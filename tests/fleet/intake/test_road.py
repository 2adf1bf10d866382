"""The road of a letter over real HTTPS: tus, mTLS, and a gate that is killed in the middle."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
from urllib.parse import urlsplit

import msgspec
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import codec, envelope
from contracts.envelope import Purpose, Statement
from contracts.messages.letters import LetterState, LetterWord, Receipt, StatePage
from fleet.intake.tables import LetterRow
from fleet.link.tables import OutboundRow
from fleet.registry.tables import RecipientRow
from tests.fleet.intake.world import BOX, RECIPIENT, World, metadata
from tests.peers.waiting import until

PIECE = "application/offset+octet-stream"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World.make(tmp_path_factory.mktemp("fleet"))
    world.gate()
    yield world
    world.close()


@pytest.fixture(autouse=True)
def _alive(world):
    if world.process is None:
        world.gate()


def create(world, label, session=None, **headers):
    return (session or world.session()).post(
        f"{world.url}/post/v1/letters",
        headers={"Upload-Length": str(label.size_bytes), "Upload-Metadata": metadata(label), **headers},
    )


def send(session, url, data, offset):
    return session.patch(url, data=data, headers={"Content-Type": PIECE, "Upload-Offset": str(offset)})


def send_whole(world, sealed, label):
    session = world.session()
    made = create(world, label, session)
    assert made.status_code == 201, made.text
    url = made.headers["Location"]
    done = send(session, url, sealed, 0)
    assert done.status_code == 204, done.text
    return session, url


def problem(answer):
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    return answer.json()["code"]


def test_a_letter_comes_in_pieces_and_gets_a_signed_receipt(world):
    sealed = world.seal(os.urandom(200_000))
    label = world.label(sealed)
    session = world.session()
    url = create(world, label, session).headers["Location"]
    assert url == f"{world.url}/post/v1/letters/{label.letter}"
    assert problem(session.get(url + "/receipt")) == "letter.incomplete"
    for offset in range(0, len(sealed), 70_000):
        answer = send(session, url, sealed[offset : offset + 70_000], offset)
        assert answer.status_code == 204
        assert int(answer.headers["Upload-Offset"]) == min(offset + 70_000, len(sealed))
        assert answer.headers["Tus-Resumable"] == "1.0.0"
    statement = codec.decode(Statement, session.get(url + "/receipt").content)
    receipt = envelope.read_statement(statement, Receipt, Purpose.RECEIPT, world.fleet_public_key())
    assert (receipt.letter, receipt.box, receipt.sha256) == (label.letter, BOX, label.sha256)
    head = session.head(url)
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == (str(len(sealed)),) * 2
    assert (world.folder / "post" / "letters" / f"{label.letter}.p7m").read_bytes() == sealed


def test_killed_at_any_byte_it_goes_on_where_the_disk_stands(world):
    sealed = world.seal(os.urandom(400_000))
    label = world.label(sealed)
    url = create(world, label).headers["Location"]
    for cut in (1, 65_536, 150_001, 390_000):
        held = int(world.session().head(url).headers["Upload-Offset"])
        _send_and_kill(world, url, sealed[held:], held, upto=cut - held)
        world.gate()
        url = f"{world.url}/post/v1/letters/{label.letter}"
        again = int(world.session().head(url).headers["Upload-Offset"])
        assert held <= again <= len(sealed)
        part = world.folder / "post" / "incoming" / f"{label.letter}.part"
        assert (part.read_bytes() if part.exists() else b"") == sealed[:again]
        assert again > held or cut < 65_536, "what had been written before the kill is still there"
    session = world.session()
    held = int(session.head(url).headers["Upload-Offset"])
    assert send(session, url, sealed[held:], held).status_code == 204
    assert session.get(url + "/receipt").status_code == 200
    assert (world.folder / "post" / "letters" / f"{label.letter}.p7m").read_bytes() == sealed


def _send_and_kill(world, url, rest, offset, upto):
    """Half a PATCH over a raw connection; the gate is killed when the bytes have reached its disk."""
    where = urlsplit(url)
    context = ssl.create_default_context(cafile=str(world.folder / "ca.pem"))
    context.load_cert_chain(*world.link.pair)
    head = (
        f"PATCH {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nTus-Resumable: 1.0.0\r\n"
        f"Content-Type: {PIECE}\r\nUpload-Offset: {offset}\r\nContent-Length: {len(rest)}\r\n\r\n"
    )
    part = world.folder / "post" / "incoming" / f"{where.path.rsplit('/', 1)[-1]}.part"
    raw = socket.create_connection((where.hostname, where.port), timeout=10)
    with context.wrap_socket(raw, server_hostname=where.hostname) as line:
        line.sendall(head.encode() + rest[: max(upto, 1)])
        # The server reads in its own steps: of less than a step nothing is on any disk, nor promised.
        if upto > 8_192:
            until(lambda: part.exists() and part.stat().st_size > offset, "the first bytes on the disk")
        world.kill()
        with contextlib.suppress(OSError):
            line.recv(1)


def test_a_cut_line_keeps_what_came(world):
    sealed = world.seal(os.urandom(300_000))
    label = world.label(sealed)
    url = create(world, label).headers["Location"]
    where = urlsplit(url)
    context = ssl.create_default_context(cafile=str(world.folder / "ca.pem"))
    context.load_cert_chain(*world.link.pair)
    head = (
        f"PATCH {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nTus-Resumable: 1.0.0\r\n"
        f"Content-Type: {PIECE}\r\nUpload-Offset: 0\r\nContent-Length: {len(sealed)}\r\n\r\n"
    )
    raw = socket.create_connection((where.hostname, where.port), timeout=10)
    with context.wrap_socket(raw, server_hostname=where.hostname) as line:
        line.sendall(head.encode() + sealed[:200_000])
        # FIN and not RST: closing with unread bytes would make the kernel throw away what is on its way.
        line.shutdown(socket.SHUT_WR)
        while line.recv(4096):
            pass
    session = world.session()
    until(lambda: int(session.head(url).headers["Upload-Offset"]) >= 180_000, "what came before the cut")
    answer = until(lambda: _taken(session, url, sealed), "the interrupted connection to let go")
    assert answer.status_code == 204


def _taken(session, url, sealed):
    """The rest of the letter, unless the dead connection still holds it or writes its last bytes."""
    held = int(session.head(url).headers["Upload-Offset"])
    assert held <= 200_000, "no more than what was sent"
    answer = send(session, url, sealed[held:], held)
    return answer if answer.status_code not in {409, 423} else None


def test_the_same_letter_twice_is_one_letter(world):
    sealed = world.seal(b"twice")
    label = world.label(sealed)
    session, url = send_whole(world, sealed, label)
    first = session.get(url + "/receipt").content
    again = create(world, msgspec.structs.replace(label, attempt=2), session)
    assert (again.status_code, again.headers["Location"]) == (201, url)
    assert again.headers["Upload-Offset"] == str(len(sealed))
    assert session.get(url + "/receipt").content == first
    with world.database.read() as db:
        row = db.get(LetterRow, label.letter)
        assert (row.duplicates, row.attempt) == (1, 2)


def test_the_same_id_with_other_bytes_is_refused(world):
    sealed = world.seal(b"first")
    label = world.label(sealed)
    send_whole(world, sealed, label)
    other = world.seal(b"other")
    answer = create(world, world.label(other, letter=label.letter))
    assert (answer.status_code, problem(answer)) == (409, "letter.conflict")


def test_wrong_bytes_begin_again(world):
    sealed = world.seal(b"right")
    label = world.label(sealed)
    session = world.session()
    url = create(world, label, session).headers["Location"]
    answer = send(session, url, bytes(len(sealed)), 0)
    assert (answer.status_code, problem(answer)) == (422, "letter.wrong_hash")
    assert session.head(url).headers["Upload-Offset"] == "0"
    assert send(session, url, sealed, 0).status_code == 204


def test_refusals_have_their_status_and_code(world):
    sealed = world.seal(b"x")
    label = world.label(sealed)
    wrong = [
        (create(world, msgspec.structs.replace(label, box="altrobox0")), 403, "letter.not_your_box"),
        (create(world, msgspec.structs.replace(label, recipient="0" * 64)), 422, "letter.unknown_recipient"),
        (create(world, label, **{"Upload-Length": str(33_554_433)}), 413, "letter.too_large"),
        (create(world, label, **{"Upload-Length": "7"}), 400, "tus.refused"),
        (create(world, label, **{"Upload-Length": "-1"}), 400, "tus.refused"),
        (create(world, label, **{"Upload-Metadata": "label ="}), 400, "tus.refused"),
        (create(world, label, **{"Upload-Metadata": "filename eA=="}), 400, "tus.refused"),
        (create(world, label, **{"Upload-Metadata": "label eA=="}), 400, "message.invalid"),
        (create(world, label, **{"Tus-Resumable": "0.2.2"}), 412, "tus.version"),
    ]
    for answer, status, code in wrong:
        assert (answer.status_code, problem(answer)) == (status, code)
    session = world.session()
    url = create(world, label, session).headers["Location"]
    assert send(session, url, sealed, 5).status_code == 409
    media = session.patch(url, data=sealed, headers={"Upload-Offset": "0"})
    assert (media.status_code, problem(media)) == (415, "tus.media_type")
    long = send(session, url, sealed + b"!", 0)
    assert (long.status_code, problem(long)) == (413, "letter.too_large")
    assert session.delete(url).status_code == 405
    assert session.head(f"{world.url}/post/v1/letters/{world.new_id()}").status_code == 404
    assert world.session(world.other_link).head(url).status_code == 404
    offer = session.options(f"{world.url}/post/v1/letters")
    assert offer.headers["Tus-Extension"] == "creation"
    assert send(session, url, sealed, 0).status_code == 204


def test_a_box_may_begin_only_so_many(world):
    label = [world.label(world.seal(bytes([n])), box=world.other_link.cn) for n in range(4)]
    session = world.session(world.other_link)
    answers = [create(world, one, session) for one in label]
    assert [a.status_code for a in answers] == [201, 201, 201, 429]
    assert problem(answers[3]) == "intake.too_many_open"


def test_a_full_disk_is_said_and_loses_nothing(world, tmp_path):
    """A file-size limit (EFBIG) stands in for the disk's end where we may not mount a small one."""
    small, unmount = _small_disk(tmp_path)
    sealed = world.seal(os.urandom(900_000))
    label = world.label(sealed)
    world.kill()
    try:
        limits = {"TEST_SHELF": str(small)} if unmount else {"TEST_FILE_LIMIT": "600000"}
        world.gate(TEST_MARGIN=str(-(1 << 40)), **limits)
        session = world.session()
        url = create(world, label, session).headers["Location"]
        answer = send(session, url, sealed, 0)
        assert (answer.status_code, problem(answer)) == (507, "intake.full")
        held = int(session.head(url).headers["Upload-Offset"])
        assert 0 < held < len(sealed)
        if unmount:
            subprocess.run(["mount", "-o", "remount,size=4m", str(small)], check=True)
            assert send(session, url, sealed[held:], held).status_code == 204
            assert session.get(url + "/receipt").status_code == 200
    finally:
        world.kill()
        if unmount:
            subprocess.run(["umount", str(small)], check=True)


def _small_disk(folder):
    small = folder / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(small)]
    mounted = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    return small, mounted


def test_a_disk_known_to_be_too_small_refuses_before_the_first_byte(world):
    world.kill()
    world.gate(TEST_MARGIN=str(1 << 60))
    answer = create(world, world.label(world.seal(b"no room")))
    assert (answer.status_code, problem(answer)) == (507, "intake.full")
    world.kill()


def test_killed_between_file_and_book_it_is_mended_by_the_next_question(world):
    sealed = world.seal(b"mended")
    label = world.label(sealed)
    session = world.session()
    url = create(world, label, session).headers["Location"]
    (world.folder / "post" / "letters" / f"{label.letter}.p7m").write_bytes(sealed)
    assert session.get(url + "/receipt").status_code == 200
    assert not (world.folder / "post" / "incoming" / f"{label.letter}.part").exists()


def test_without_a_certificate_or_with_a_revoked_one_nobody_comes_in(world):
    stranger = world.session()
    stranger.cert = None
    answer = stranger.get(f"{world.url}/post/v1/states", timeout=5)
    assert answer.status_code == 401
    assert world.session(world.link).get(f"{world.url}/recipient/v1/letters").status_code == 403


def test_states_flow_back_to_the_box_and_nudge_it(world):
    sealed = world.seal(b"states")
    label = world.label(sealed)
    session, _ = send_whole(world, sealed, label)
    recipient = world.session()
    recipient.cert = tuple(str(world.recipient_dir / n) for n in ("client.cert.pem", "client.key.pem"))
    listed, cursor = [], 0
    while page := recipient.get(f"{world.url}/recipient/v1/letters?after={cursor}&limit=2").json():
        assert len(page) <= 2
        listed += page
        cursor = page[-1]["cursor"]
    (mine,) = [one for one in listed if one["label"]["letter"] == label.letter]
    assert [one["cursor"] for one in listed] == sorted({one["cursor"] for one in listed})
    assert recipient.get(f"{world.url}/recipient/v1/letters/{label.letter}").content == sealed
    assert mine["arrived_at"] > 0
    before = session.get(f"{world.url}/post/v1/states?after=0").json()["states"]
    last = before[-1]["cursor"] if before else 0

    def say(step, word, key=world.recipient.statement):
        state = LetterState(letter=label.letter, step=step, word=word, at=1)
        statement = envelope.sign_statement(state, Purpose.LETTER_STATE, key)
        return recipient.post(f"{world.url}/recipient/v1/states", data=codec.encode(statement))

    assert say(1, LetterWord.RECEIVED).status_code == 204
    assert say(1, LetterWord.RECEIVED).status_code == 204, "the same twice is once"
    assert say(2, LetterWord.IN_PROGRESS).status_code == 204
    assert say(1, LetterWord.REJECTED).status_code == 409
    assert say(3, LetterWord.ACCEPTED, key=Ed25519PrivateKey.generate()).status_code == 400
    page = codec.decode(StatePage, session.get(f"{world.url}/post/v1/states?after={last}").content)
    words = [
        envelope.read_statement(
            codec.decode(Statement, s.statement.encode()),
            LetterState,
            Purpose.LETTER_STATE,
            world.recipient.statement.public_key(),
        ).word
        for s in page.states
    ]
    assert words == [LetterWord.RECEIVED, LetterWord.IN_PROGRESS]
    assert world.session(world.other_link).get(f"{world.url}/post/v1/states").json()["states"] == []
    with world.database.read() as db:
        nudges = db.scalar(sa.select(sa.func.count()).where(OutboundRow.topic.endswith("/down/nudge")))
    assert nudges == 2


def test_a_recipient_that_changed_its_key_still_gets_the_letters_for_the_old_one(world):
    sealed = world.seal(b"for the old key")
    label = world.label(sealed)
    send_whole(world, sealed, label)
    recipient = world.session()
    recipient.cert = tuple(str(world.recipient_dir / n) for n in ("client.cert.pem", "client.key.pem"))
    with world.database.write() as db:
        row = db.get(RecipientRow, RECIPIENT)
        before, row.fingerprint = row.fingerprint, "ab" * 32
    try:
        letters = recipient.get(f"{world.url}/recipient/v1/letters?limit=200").json()
        assert label.letter in {one["label"]["letter"] for one in letters}
    finally:
        with world.database.write() as db:
            db.get(RecipientRow, RECIPIENT).fingerprint = before


def test_openssl_opens_the_letter_and_the_box_does_not(world, tmp_path):
    content = b"dossier " * 1000
    (tmp_path / "letter.p7m").write_bytes(world.seal(content))

    def openssl(*words):
        return subprocess.run(["openssl", "cms", *words], cwd=tmp_path, capture_output=True, check=False)

    keys = world.recipient_dir
    decrypt = ["-decrypt", "-inform", "DER", "-in", "letter.p7m", "-binary", "-out", "signed.p7"]
    own = ["-recip", str(keys / "opening.cert.pem"), "-inkey", str(keys / "opening.key.pem")]
    assert openssl(*decrypt, *own).returncode == 0
    authority = ["-CAfile", str(world.folder / "ca.pem"), "-purpose", "any"]
    verify = ["-verify", "-inform", "DER", "-in", "signed.p7", "-binary", "-out", "out.zip", *authority]
    done = openssl(*verify)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.zip").read_bytes() == content
    thief = ["-recip", world.desk.pair[0], "-inkey", world.desk.pair[1]]
    assert openssl(*decrypt, *thief).returncode != 0
