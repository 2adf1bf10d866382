"""Who may come in, and how slow guessing is."""

from __future__ import annotations

import pyotp
import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from fleet.database import Database
from fleet.faces import accounts
from fleet.faces.accounts import (
    FAILURES_ALLOWED,
    IDLE_MS,
    LIFE_MS,
    LOCKED_MS,
    AccountInvalid,
    Accounts,
    LockedOut,
    LoginRefused,
)

PASSWORD = "una-parola-abbastanza-lunga"


class House:
    def __init__(self, path) -> None:
        self.path, self.now = path, 1_795_000_000_000
        self.open()

    def open(self) -> None:
        metadata = sa.MetaData()
        tables = accounts.define(metadata)
        self.database = Database(f"sqlite:///{self.path}")
        with self.database.write() as session:
            metadata.create_all(session.connection())
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        self.accounts = Accounts(
            self.database, tables, roles=("viewer", "admin"), now_ms=lambda: self.now, hasher=quick
        )


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path / "a.db")
    house.accounts.add("anna", PASSWORD, "admin")
    yield house
    house.database.close()


def test_the_right_password_opens_a_session_that_ends(house):
    cookie = house.accounts.login(" Anna ", PASSWORD)
    session = house.accounts.session(cookie)
    assert (session.name, session.role) == ("anna", "admin")
    house.now += IDLE_MS - 1
    assert house.accounts.session(cookie), "a page every half hour keeps it"
    house.now += IDLE_MS + 1
    assert house.accounts.session(cookie) is None


def test_no_session_outlives_a_working_day(house):
    cookie = house.accounts.login("anna", PASSWORD)
    for _ in range(LIFE_MS // (IDLE_MS - 1)):
        assert house.accounts.session(cookie)
        house.now += IDLE_MS - 1
    house.now += IDLE_MS
    assert house.accounts.session(cookie) is None


def test_the_database_holds_no_cookie(house):
    cookie = house.accounts.login("anna", PASSWORD)
    assert cookie.encode() not in house.path.read_bytes()
    with house.database.read() as session:
        stored = session.execute(sa.text("select id from account_session")).scalar_one()
    assert house.accounts.session(stored) is None


@pytest.mark.parametrize("name", ["anna", "nessuno"])
def test_guessing_locks_the_name_even_over_a_restart(house, name):
    for _ in range(FAILURES_ALLOWED):
        with pytest.raises(LoginRefused):
            house.accounts.login(name, "sbagliata-sbagliata")
    house.database.close()
    house.open()
    with pytest.raises(LockedOut) as locked:
        house.accounts.login(name, PASSWORD)
    assert locked.value.facts["minutes"] == 15
    house.now += LOCKED_MS + 1
    if name == "anna":
        assert house.accounts.login(name, PASSWORD)
    else:
        with pytest.raises(LoginRefused):
            house.accounts.login(name, PASSWORD)


def test_a_code_is_good_once(house):
    secret = house.accounts.add("ugo", PASSWORD, "viewer", totp=True)
    code = pyotp.TOTP(secret).at(house.now // 1000)
    with pytest.raises(LoginRefused):
        house.accounts.login("ugo", PASSWORD)
    assert house.accounts.login("ugo", PASSWORD, code)
    with pytest.raises(LoginRefused):
        house.accounts.login("ugo", PASSWORD, code)
    house.now += 30_000
    assert house.accounts.login("ugo", PASSWORD, pyotp.TOTP(secret).at(house.now // 1000))


def test_a_disabled_account_is_out_at_once(house):
    cookie = house.accounts.login("anna", PASSWORD)
    house.accounts.disable("anna")
    assert house.accounts.session(cookie) is None
    with pytest.raises(LoginRefused):
        house.accounts.login("anna", PASSWORD)
    assert house.accounts.listed() == []


@pytest.mark.parametrize(
    ("name", "password", "role"),
    [
        ("anna", PASSWORD, "admin"),
        ("Anna Rossi", PASSWORD, "admin"),
        ("", PASSWORD, "admin"),
        ("ugo", "corta", "admin"),
        ("ugo", "x" * 300, "admin"),
        ("ugo", PASSWORD, "king"),
    ],
)
def test_accounts_that_cannot_be_are_refused(house, name, password, role):
    with pytest.raises(AccountInvalid):
        house.accounts.add(name, password, role)


def test_logout_ends_the_session(house):
    cookie = house.accounts.login("anna", PASSWORD)
    house.accounts.logout(cookie)
    assert house.accounts.session(cookie) is None
    assert house.accounts.session("x" * 5000) is None
