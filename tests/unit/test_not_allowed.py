"""Who may not use the service's folders is told which group may."""

import errno
import getpass
import grp
import os

import pytest

from smearwatch.daemon.not_allowed import which_group
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import LockUnusable
from smearwatch.daemon.record.schema import LedgerUnusable


@pytest.fixture
def groups(monkeypatch, tmp_path):
    monkeypatch.setenv("SMEARWATCH_STATE_DIR", str(tmp_path / "sessions-of-all"))
    monkeypatch.setenv("SMEARWATCH_WATCH_GROUP", "lookers")
    monkeypatch.setenv("SMEARWATCH_CONTROL_GROUP", "doers")
    return tmp_path / "sessions-of-all"


def refused(path):
    return PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def test_who_may_not_look_hears_of_both_groups(groups):
    said = which_group(refused(groups / "sessions"))
    assert said is not None
    assert said.startswith(f"{groups}/sessions: Permission denied")
    assert "the group lookers or the group doers may" in said
    assert f"usermod -aG lookers {getpass.getuser()}" in said


def test_who_may_look_hears_who_may_change(groups):
    groups.mkdir()
    error = LedgerUnusable(groups / "ledger.sqlite", "Permission denied", "choose another")
    error.__cause__ = refused(groups / "lock")
    said = which_group(error)
    assert said is not None
    assert "the group doers may change a session" in said


def test_who_is_in_the_group_hears_that_the_rights_are_wrong(groups, monkeypatch):
    monkeypatch.setenv("SMEARWATCH_CONTROL_GROUP", grp.getgrgid(os.getegid()).gr_name)
    said = which_group(refused(groups / "sessions"))
    assert said is not None
    assert "systemd-tmpfiles" in said


def test_what_is_elsewhere_or_no_refusal_is_told_as_ever(groups, tmp_path):
    assert which_group(ValueError("no")) is None
    assert which_group(PermissionError("no file")) is None
    assert which_group(refused(tmp_path / "elsewhere")) == (
        f"{tmp_path}/elsewhere: Permission denied (see that this user may do that there)"
    )


def test_a_sessions_files_are_what_umask_allows(tmp_path):
    before = os.umask(0o007)
    try:
        Ledger.open(tmp_path / "monday").close()
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "monday").iterdir() if path.is_file()}
    assert modes == {"ledger.sqlite": 0o660, "lock": 0o660}


def test_a_lock_that_is_a_link_empties_no_other_file(tmp_path):
    other = tmp_path / "other"
    other.write_text("kept")
    Ledger.open(tmp_path / "monday").close()
    (tmp_path / "monday" / "lock").unlink()
    (tmp_path / "monday" / "lock").symlink_to(other)
    with pytest.raises(LockUnusable, match="monday/lock is no file"):
        Ledger.open(tmp_path / "monday")
    assert other.read_text() == "kept"
