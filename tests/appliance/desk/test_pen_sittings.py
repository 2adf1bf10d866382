"""Signing on the screen, through the real doors of a real desk process."""

from __future__ import annotations

import json

import pytest

from contracts.desk_api import door
from contracts.desk_api.clerk import MAX_STROKES, PEN_WIDTH, SignatureWay, Stage
from contracts.identity import fingerprint
from tests.appliance.desk.kit import ESTRATTO, Refused, post
from tests.appliance.desk.test_signing import NAME
from tests.papers.vectors import CURVE, drawn_on, pictures_in

STROKES = [list(stroke) for stroke in NAME]


def draw(clerk, strokes=STROKES, shown=None):
    """Sign under the words the page shows now."""
    sha256 = shown or clerk.ask("summary_words").sha256
    return clerk.ask("draw_signature", shown_sha256=sha256, strokes=strokes).sitting


def opened(desk, letter):
    outbox = desk.outbox()
    try:
        dossier = desk.enrolled.open(outbox.sealed(letter))
    finally:
        outbox.close()
    return json.loads(dossier.read("manifest.json")), dossier


def test_from_the_words_to_the_sealed_lines(desk, clerk):
    clerk.to_sign()
    shown = clerk.ask("summary_words")
    assert fingerprint(clerk.ask("summary_paper").data) == shown.sha256
    assert "MARIA ESEMPIO" in [line for part in shown.sections for line in part.sentences]
    sitting = draw(clerk)
    assert (len(sitting.pen.paths), sitting.signature) == (2, None)
    assert fingerprint(clerk.ask("summary_paper").data) != shown.sha256
    assert clerk.ask("sign", way="pen").sitting.signature is SignatureWay.PEN
    letter = clerk.ask("seal").sitting.letter.letter
    clerk.ask("print_receipt", letter=letter)

    manifest, dossier = opened(desk, letter)
    plain, signed = manifest["documents"]
    assert (plain["kind"], signed["kind"], signed["formation"]) == ("summary", "signature", "a")
    assert manifest["attestation"]["on_screen"]["shown_sha256"] == plain["sha256"] == shown.sha256
    assert manifest["attestation"]["signature"] == "pen"
    for document in manifest["documents"]:
        assert fingerprint(dossier.read(document["file"])) == document["sha256"]
    pdf = dossier.read(signed["file"])
    assert drawn_on(pdf)[-1][CURVE] > 300
    assert pictures_in(pdf) == 0
    clerk.ask("finish")
    assert list((desk.state / "vault" / "drafts").iterdir()) == []


def test_the_plug_is_pulled_after_signing_and_the_signature_is_there(desk, clerk):
    clerk.to_sign()
    paths = draw(clerk).pen.paths
    again = pulled(desk)
    assert (again.sitting.stage, again.sitting.pen.paths) == (Stage.SIGN, paths)
    again.ask("sign", way="pen")
    last = pulled(desk)
    assert (last.sitting.signature, last.sitting.pen.paths) == (SignatureWay.PEN, paths)
    assert last.ask("seal").sitting.stage is Stage.DONE


def pulled(desk):
    desk.kill()
    desk.start()
    clerk = desk.clerk()
    clerk.come()
    return clerk


def test_a_signature_under_other_words_is_refused(desk, clerk):
    clerk.to_sign()
    shown = clerk.ask("summary_words").sha256
    clerk.ask("go_to_step", step="recapiti")
    clerk.fill({**ESTRATTO, "cellulare": ["333 000 0009"]})
    clerk.ask("pages_done")
    clerk.ask("confirm_read_back")
    with pytest.raises(Refused) as refused:
        draw(clerk, shown=shown)
    assert refused.value.code == "sitting.summary_changed"
    assert clerk.ask("look").sitting.pen is None
    assert draw(clerk).pen is not None


def test_going_back_takes_the_signature_back(desk, clerk):
    clerk.to_sign()
    draw(clerk)
    clerk.ask("sign", way="pen")
    clerk.ask("go_to_step", step="")
    clerk.ask("pages_done")
    clerk.ask("confirm_read_back")
    assert (clerk.sitting.pen, clerk.sitting.signature) == (None, None)


def test_a_scribble_is_refused_and_the_next_try_counts(desk, clerk):
    clerk.to_sign()
    for tiny in ([], [[[3, 3]]]):
        with pytest.raises(Refused) as refused:
            draw(clerk, tiny)
        assert refused.value.code == "sitting.signature_tiny"
    assert draw(clerk).pen is not None
    assert clerk.ask("erase_signature").sitting.pen is None


@pytest.mark.parametrize(
    "strokes",
    [
        [[[PEN_WIDTH + 1, 0]]],
        [[[0, -1]]],
        [[[0.5, 1]]],
        [[["1", "2"]]],
        [[[1, 2, 3]]],
        [[]],
        [[[1, 2]]] * (MAX_STROKES + 1),
        [[[1, 2]] * 4001],
    ],
)
def test_the_door_takes_numbers_within_bounds_only(desk, clerk, strokes):
    clerk.to_sign()
    body = {
        "token": clerk.token,
        "once": "once-of-a-stranger",
        "shown_sha256": clerk.ask("summary_words").sha256,
        "strokes": strokes,
    }
    path = door.path_of(clerk.calls["draw_signature"])
    status, answer = post(desk.run / "clerk.sock", path, json.dumps(body).encode())
    assert (status, json.loads(answer)["code"]) == (door.REFUSED, "desk.bad_request")
    assert clerk.ask("look").sitting.pen is None


def test_a_summary_that_became_another_one_is_not_sealed(desk, clerk):
    """The place of the box was corrected between signing and sealing: the citizen signs again."""
    clerk.to_sign()
    draw(clerk)
    clerk.ask("sign", way="pen")
    desk.stop()
    belongings = desk.state / "identity" / "belongings.json"
    belongings.write_text(belongings.read_text().replace('"comune":"Agliè"', '"comune":"Aglie"'))
    assert '"Aglie"' in belongings.read_text()
    desk.start()
    clerk = desk.clerk()
    clerk.come()
    sitting = clerk.ask("seal").sitting
    assert (sitting.stage, sitting.trouble.code) == (Stage.SIGN, "sitting.summary_changed")
    assert (sitting.signature, sitting.pen) == (None, None)
    draw(clerk)
    clerk.ask("sign", way="pen")
    assert clerk.ask("seal").sitting.stage is Stage.DONE


def test_the_journal_says_that_and_nothing_of_how(desk, clerk):
    clerk.to_sign()
    draw(clerk)
    clerk.ask("erase_signature")
    lines = [json.loads(line) for line in (desk.state / "vault" / "journal.jsonl").read_text().splitlines()]
    told = [line for line in lines if line["what"].startswith("signature.")]
    assert [line["what"] for line in told] == ["signature.drawn", "signature.erased"]
    assert [line["facts"] for line in told] == [{"sitting": clerk.sitting.sitting}] * 2
