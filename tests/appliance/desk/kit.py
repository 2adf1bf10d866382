"""A real desk process with simulated devices, and the two who knock at its doors. All people are invented."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from appliance.cards.software.persona import ALDO, MARIA
from appliance.outbox.store import Outbox
from appliance.vault.clerks import voucher_record
from contracts import codec
from contracts.desk_api import clerk as c
from contracts.desk_api import door
from contracts.desk_api.status import StatusDoor
from contracts.envelope import open_letter
from contracts.identity import shard_of
from contracts.messages.enrolment import Belongings, Site

ROOT = Path(__file__).parents[3]
BOX = "prova0000001"
VOUCHER = "AAAA-BBBB-CCCC-DDDD"
PIN = "739105"
PERSONAL = re.compile(
    rb"ESEMPIO|(?<![A-Za-z])MARIA(?![A-Za-z])|"
    + MARIA.codice_fiscale.encode()
    + rb"|"
    + ALDO.codice_fiscale.encode()
    + rb"|IT60X0542811101000000123456|3330000001|Ditta Inventata|Operatore di prova.{0,4}\d|mano ingessata"
    rb"|(?<![0-9A-Fa-f.-])(?:123456|246810|739105)(?![0-9A-Fa-f])"
)
"""What tests tell the desk about invented people, and their secrets."""
CAN = {"cie": "123456", "cie_aldo": "246810"}


def certificate(key, name, *, issuer=None, issuer_key=None, authority=False):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(issuer_key or key, hashes.SHA256())
    )


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM)


class Enrolled:
    """What enrolment leaves in a state folder, and the recipient's key to open letters with."""

    def __init__(self, state: Path) -> None:
        self.authority_key = ec.generate_private_key(ec.SECP256R1())
        self.authority = certificate(self.authority_key, "Autorità di prova", authority=True)
        self.recipient_key = rsa.generate_private_key(65537, 2048)
        self.recipient = certificate(self.recipient_key, "Ente di prova")
        desk_key = ec.generate_private_key(ec.SECP256R1())
        desk = certificate(desk_key, BOX, issuer=self.authority, issuer_key=self.authority_key)
        belongings = Belongings(
            box=BOX,
            shard=shard_of(BOX),
            site=Site(
                site="a074-1", istat="001001", comune="Agliè", provincia="TO", office="Sportello di prova"
            ),
            authority=pem(self.authority).decode(),
            recipient=pem(self.recipient).decode(),
            fleet_key="",
            recipient_key="",
            broker_host="localhost",
            broker_port=8883,
            post_url="https://localhost/post/v1",
        )
        folder = state / "identity" / "desk"
        folder.mkdir(parents=True)
        (state / "identity" / "belongings.json").write_bytes(codec.encode(belongings))
        (folder / "cert.pem").write_bytes(pem(desk))
        (folder / "key.pem").write_bytes(
            desk_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        (state / "vault").mkdir(mode=0o700)
        (state / "vault" / "voucher").write_bytes(voucher_record(VOUCHER))

    def open(self, sealed: bytes) -> zipfile.ZipFile:
        opened = open_letter(
            sealed,
            key=self.recipient_key,
            certificate=self.recipient,
            authorities=[self.authority],
            at=datetime.now(UTC),
        )
        return zipfile.ZipFile(BytesIO(opened.content))


class Line(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("desk", timeout=timeout)
        self.path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def post(path: Path, url: str, body: bytes, timeout: float = 60) -> tuple[int, bytes]:
    line = Line(path, timeout)
    try:
        line.request("POST", url, body)
        answer = line.getresponse()
        return answer.status, answer.read()
    finally:
        line.close()


class Refused(AssertionError):
    def __init__(self, problem) -> None:
        super().__init__(f"{problem.code}: {problem.message}")
        self.code, self.facts, self.who = problem.code, problem.facts, problem.who


class DeskProcess:
    """`python -m appliance.desk` in a folder of its own."""

    def __init__(
        self, state: Path, *, settings: tuple[str, ...] = (), env: dict[str, str] | None = None
    ) -> None:
        self.state = state
        self.enrolled = Enrolled(state)
        # A unix socket's path has at most 107 bytes; pytest's folders are longer.
        self._run = tempfile.TemporaryDirectory(prefix="pue-")
        self.run = Path(self._run.name)
        self.log = state / "desk.log"
        self._settings, self._env = settings, env or {}
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def start(self, *, wait: bool = True) -> None:
        lines = [
            f"state_dir={self.state}",
            f"run_dir={self.run}",
            "simulate=true",
            "log_level=debug",
        ]
        lines += [
            f"devices.{kind}.driver=simulated"
            for kind in ("card_reader", "printer", "camera", "barcode", "panel")
        ]
        lines += ["pin_cost.time=1", "pin_cost.memory_kib=64", "pin_cost.lanes=1", "act_wait_s=20"]
        arguments = [part for line in (*lines, *self._settings) for part in ("--set", line)]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "appliance.desk", *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self._env},
            )
        if wait:
            self.await_ready()

    def await_ready(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("ready"), self.log.read_text()[-3000:]

    def kill(self) -> None:
        """The plug is pulled."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def stop(self) -> int:
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            code = self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
            raise
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return code

    def close(self) -> None:
        try:
            assert self.stop() == 0, self.log.read_text()[-3000:]
            self.nothing_personal_is_readable()
        finally:
            self._run.cleanup()

    def nothing_personal_is_readable(self) -> None:
        """No log, no journal, no file of the box shows whom it served."""
        for file in self.state.rglob("*"):
            if file.is_file():
                found = PERSONAL.search(file.read_bytes())
                assert found is None, f"{file.name}: {found.group()!r} at {found.start()}" if found else ""

    def limit_files(self, size_bytes: int | None) -> None:
        """From now on no file of the desk grows beyond this: what a full disk looks like from inside."""
        assert self._process is not None
        limit = resource.RLIM_INFINITY if size_bytes is None else size_bytes
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def outbox(self) -> Outbox:
        return Outbox(self.state / "outbox" / "outbox.db")

    def world(self, device: str, do: str, **arguments) -> None:
        body = json.dumps({"device": device, "do": do, "with": arguments}).encode()
        status, answer = post(self.run / "world.sock", "/v1/do", body)
        if status != door.OK:
            raise Refused(msgspec.json.decode(answer, type=door.Problem))

    def status(self, name: str, /, **fields):
        return _ask(self.run / "status.sock", door.calls(StatusDoor)[name], fields)

    def clerk(self) -> Clerk:
        return Clerk(self)


def _ask(path, call, fields):
    request = msgspec.convert(fields, call.request, strict=True)
    status, body = post(path, door.path_of(call), door.encode_body(request))
    if status == door.OK:
        return msgspec.json.decode(body, type=call.answer)
    raise Refused(msgspec.json.decode(body, type=door.Problem))


class Clerk:
    """A clerk's page: token, `once` for each act, and the practice every test knows by heart."""

    _once = itertools.count(1)
    calls = door.calls(c.ClerkDoor)

    def __init__(self, desk: DeskProcess) -> None:
        self.desk = desk
        self.token = ""
        self.view: c.DeskView | None = None

    def ask(self, name: str, /, **fields):
        call = self.calls[name]
        names = call.request.__struct_fields__
        if "token" in names and "token" not in fields:
            fields["token"] = self.token
        if "once" in names and "once" not in fields:
            fields["once"] = f"once-{next(self._once):012d}"
        answer = _ask(self.desk.run / "clerk.sock", call, fields)
        if isinstance(answer, c.Welcome):
            self.token = answer.token
            answer = answer.desk
        if isinstance(answer, c.DeskView):
            self.view = answer
        return answer

    def come(self) -> c.DeskView:
        if self.ask("knock").clerks:
            return self.ask("login", user="operatore", pin=PIN)
        return self.ask("first_clerk", user="operatore", name="Operatore di prova", pin=PIN, voucher=VOUCHER)

    @property
    def sitting(self) -> c.SittingView:
        assert self.view is not None
        assert self.view.sitting is not None
        return self.view.sitting

    def until(self, done, seconds: float = 30) -> c.DeskView:
        end = time.monotonic() + seconds
        assert self.view is not None
        while not done(self.view):
            assert time.monotonic() < end, self.view
            self.ask("watch", revision=self.view.revision, wait_s=5.0)
        return self.view

    def begin(self, **fields) -> c.SittingView:
        """A citizen sits down and is told what happens to their data."""
        self.ask("begin", **fields)
        self.ask("give_notice", how="read")
        return self.sitting

    def read_card(self, card: str = "cie", can: str = "123456") -> c.SittingView:
        self.desk.world("card_reader", "insert", card=card)
        self.ask("enter_code", can=can)
        self.until(lambda view: view.sitting.stage is not c.Stage.READING)
        return self.sitting

    def see_document(self) -> c.SittingView:
        """Maria is identified by sight, from a driving licence."""
        self.ask(
            "by_sight",
            surname="Esempio",
            name="Maria",
            birth_date="1985-04-12",
            codice_fiscale=MARIA.codice_fiscale,
            document_kind="patente",
            document_number="U10000000X",
            reason="no_chip",
        )
        return self.sitting

    def identify(self, card: str = "cie") -> c.SittingView:
        self.begin()
        self.read_card(card, CAN.get(card, "123456"))
        self.ask("same_person", same=True)
        return self.sitting

    def fill(self, answers: dict[str, list[str]]) -> c.SittingView:
        while self.sitting.stage is c.Stage.FORM:
            form = self.sitting.form
            assert form is not None
            given = {
                field.name: answers.get(field.name, form.answers.get(field.name, []))
                for field in form.step.fields
            }
            self.ask(
                "save_step", step=form.step.id, answers={k: v for k, v in given.items() if v}, then="next"
            )
            after = self.sitting.form
            if after is not None and after.number == form.number:
                raise AssertionError([(p.field, p.code) for p in after.problems])
        return self.sitting

    def move(self) -> bool:
        """One act towards the sealed letter, whatever the desk shows now; False when it is sealed."""
        assert self.view is not None
        sitting = self.view.sitting
        if sitting is None:
            self.ask("begin")
            return True
        if sitting.stage is c.Stage.DONE:
            return False
        getattr(self, f"_at_{sitting.stage.value}")(sitting)
        return True

    def _at_inform(self, _sitting) -> None:
        self.ask("give_notice", how="read")

    def _at_card(self, _sitting) -> None:
        self.desk.world("card_reader", "insert", card="cie")
        self.ask("enter_code", can="123456")

    def _at_reading(self, _sitting) -> None:
        self.ask("watch", revision=self.view.revision, wait_s=2.0)

    def _at_compare(self, _sitting) -> None:
        self.ask("same_person", same=True)

    def _at_choose(self, _sitting) -> None:
        self.ask("choose", practice="estratto_conto@2026-01")

    def _at_form(self, sitting) -> None:
        form = sitting.form
        given = {f.name: ESTRATTO.get(f.name, form.answers.get(f.name, [])) for f in form.step.fields}
        self.ask("save_step", step=form.step.id, answers={k: v for k, v in given.items() if v}, then="next")

    def _at_pages(self, sitting) -> None:
        if not sitting.pages.pages:
            self.ask("take_page", attachment="altro")
        else:
            self.ask("pages_done")

    def _at_read_back(self, _sitting) -> None:
        self.ask("confirm_read_back")

    def _at_sign(self, sitting) -> None:
        if sitting.pages.missing:
            self.ask("take_page", attachment="signature")
        elif sitting.signature is None:
            self.ask("sign", way="paper")
        else:
            self.ask("seal")

    def _at_sealing(self, _sitting) -> None:
        self.ask("watch", revision=self.view.revision, wait_s=2.0)

    def to_sign(self, practice: str = "estratto_conto", answers=None) -> c.SittingView:
        self.identify()
        key = next(row.key for row in self.ask("practices").practices if row.key.startswith(f"{practice}@"))
        self.ask("choose", practice=key)
        self.fill(answers or ESTRATTO)
        self.ask("pages_done")
        self.ask("confirm_read_back")
        return self.sitting

    def sign_and_seal(self) -> c.SittingView:
        self.ask("print_summary")
        self.ask("take_page", attachment="signature")
        self.ask("sign", way="paper")
        self.ask("seal")
        return self.sitting


ESTRATTO = {
    "cellulare": ["333 000 0001"],
    "consenso_avvisi_sms": ["no"],
    "tipo": ["eco"],
    "tutela_giuridica": ["no"],
    "attivita_estere": ["false"],
    "cittadinanza": ["italiana"],
}

ROME = ZoneInfo("Europe/Rome")
"""Where terms are counted: after midnight there UTC still has the day before."""
NASPI = {
    **ESTRATTO,
    "indirizzo": ["Via delle Prove 1"],
    "cap": ["10011"],
    "comune": ["agliè"],
    "datore_cf": ["01234567897"],
    "datore_denominazione": ["Ditta Inventata"],
    "data_inizio": ["1/2/2020"],
    "data_cessazione": [(datetime.now(ROME) - timedelta(days=63)).strftime("%d/%m/%Y")],
    "motivo": ["licenziamento"],
    "dimissioni_12_mesi": ["no"],
    "lavoro_autonomo": ["nessuno"],
    "pensione_in_corso": ["no"],
    "modalita": ["iban"],
    "iban": ["it60 x054 2811 1010 0000 0123 456"],
    "intestatario_coincide": ["sì"],
    "dichiara_did": ["sì"],
}


def in_thread(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
