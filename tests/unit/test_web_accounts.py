"""Accounts, log-ins and failed attempts: real files and real scrypt, with a clock of the test's own."""

import json
import os
import stat

import pytest

from smearwatch.clients.web import passwords
from smearwatch.clients.web.accounts import Accounts, AccountUnusable
from smearwatch.clients.web.attempts import FREE, LONGEST_S, Attempts
from smearwatch.clients.web.logins import Logins
from smearwatch.clients.web.private_files import FileNotPrivate, read_private, write_private


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def test_an_account_from_its_beginning_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(passwords, "_N", 1 << 10)  # each line says what it cost
    ours, pages = Accounts(tmp_path / "state"), Accounts(tmp_path / "state")
    assert pages.admit("A. Reader", "right enough") is None
    ours.add(" A.  Reade\u0301r ", "reader", "right enough")
    assert stat.S_IMODE(ours.path.stat().st_mode) == 0o600
    assert "right" not in ours.path.read_text()
    account = pages.admit("A. Read\u00e9r", "right enough")
    assert account is not None
    assert (account.name, account.role) == ("A. Read\u00e9r", "reader")
    assert pages.admit("A. Read\u00e9r", "right enougH") is None
    with pytest.raises(AccountUnusable, match="already"):
        ours.add("a. READ\u00c9R", "viewer", "right enough")
    ours.set_password("A. Read\u00e9r", "another one")
    changed = pages.named("A. Read\u00e9r")
    assert changed is not None
    assert changed.password != account.password
    for password in ("seven77", "x" * 1001, "a tab\tin it"):
        with pytest.raises(AccountUnusable, match="the password "):
            ours.set_password("A. Read\u00e9r", password)
    ours.set_password("A. Read\u00e9r", " blanks, \u00e4 ")
    assert pages.admit("A. Read\u00e9r", " blanks, a\u0308 ") is not None
    ours.remove("A. Read\u00e9r")
    assert [*pages] == []
    with pytest.raises(AccountUnusable, match="no account"):
        ours.remove("A. Read\u00e9r")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"accounts": [{"name": "A"}]}',
     '{"accounts": [{"name": "A", "role": "owner", "password": "scrypt$1"}]}',
     '{"accounts": [{"name": "A", "role": "reader", "password": "plain"}]}'],
)  # fmt: skip
def test_a_file_that_is_none_lets_nobody_in(tmp_path, content):
    accounts = Accounts(tmp_path)
    write_private(accounts.path, content.encode())
    with pytest.raises(AccountUnusable, match="no file of accounts"):
        accounts.named("A")


def test_files_that_others_may_read_are_refused(tmp_path, monkeypatch):
    file = tmp_path / "secret"
    assert read_private(file) is None
    write_private(file, b"one")
    write_private(file, b"two")
    assert read_private(file) == b"two"
    for mode in (0o640, 0o604, 0o620, 0o660):
        file.chmod(mode)
        with pytest.raises(FileNotPrivate, match="may be read by others") as caught:
            read_private(file)
        assert caught.value.hint == f"chmod 600 {file}"
    file.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))  # systemd's, where an access list shows as the group
    assert read_private(file) == b"two"
    file.chmod(0o444)
    with pytest.raises(FileNotPrivate):
        read_private(file)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    file.chmod(0o600)
    (tmp_path / "link").symlink_to(file)
    for odd in (tmp_path / "link", tmp_path):
        with pytest.raises(FileNotPrivate):
            read_private(odd)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(FileNotPrivate, match="is no file"):
        read_private(tmp_path / "pipe")


def test_logins_hold_for_their_time_and_over_a_restart(tmp_path):
    clock, file = Clock(), tmp_path / "logins.json"
    logins = Logins(file, 60.0, clock)
    cookie, other = logins.add("A", "line"), logins.add("B", "line")
    assert cookie not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = Logins(file, 60.0, clock)
    login = again.of(cookie)
    assert login is not None
    assert login.name == "A"
    assert again.is_under(login, "line")
    assert not again.is_under(login, "another line"), "a password that was changed ends it"
    again.drop(cookie)
    assert again.of(cookie) is None
    assert Logins(file, 60.0, clock).of(cookie) is None
    for wrong in (None, "", f"{other}x", next(iter(json.loads(file.read_text())))):
        assert again.of(wrong) is None
    clock.now_s += 59.0
    assert again.of(other) is not None
    clock.now_s += 1.0
    assert again.of(other) is None
    file.chmod(0o644)
    clock.now_s -= 30.0
    assert Logins(file, 60.0, clock).of(other) is None, "others could have written it"


def test_whoever_guesses_waits_ever_longer_and_whoever_mistypes_does_not():
    clock = Clock()
    attempts = Attempts(clock)
    for failed in range(1, FREE):
        assert attempts.fail("name a", "address 1") == failed
        assert attempts.wait_s("name a", "address 1") == 0.0
    waits = []
    for _ in range(12):
        attempts.fail("name a", "address 1")
        waits.append(attempts.wait_s("name a", "address 2"))
        clock.now_s += waits[-1]
        assert attempts.wait_s("name a") == 0.0
    assert waits[:4] == [4.0, 8.0, 16.0, 32.0]
    assert waits[-1] == LONGEST_S
    attempts.fail("name b", "address 1")
    assert attempts.wait_s("name b") == 0.0
    assert attempts.wait_s("name b", "address 1") == LONGEST_S, "another name from the same address"
    assert attempts.succeed("name a") == FREE - 1 + 12
    assert attempts.wait_s("name a") == 0.0
    clock.now_s += 3600.0
    assert attempts.wait_s("address 1") == 0.0
    for number in range(20_000):
        attempts.fail(f"name {number}")
    assert len(attempts._failed) == 10_000
