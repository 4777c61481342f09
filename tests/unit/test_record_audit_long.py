"""A long audit journal: who wants what is about one session, or the last entry of a kind, does not read all of it."""

import pytest

from smearwatch.daemon.record import audit
from smearwatch.daemon.record.audit import AUDIT_FILE, add, last_of, read_about, read_trail, writing


@pytest.fixture
def read(monkeypatch):
    """The lines that were read as entries."""
    lines: list[bytes] = []
    real = audit._read

    def counting(line):
        lines.append(line)
        return real(line)

    monkeypatch.setattr(audit, "_read", counting)
    return lines


@pytest.fixture
def journal(tmp_path):
    with writing(tmp_path) as writer:
        for number in range(300):
            writer.add("anchor", session=f"s{number % 10}", by=f'"session":"s3" {number}', values={"session": "s3"})
    return tmp_path


def test_what_is_about_a_session_is_found_and_little_else_is_read(journal, read):
    found = read_about(journal, "s3")
    assert [entry.number for entry in found] == list(range(4, 301, 10))
    assert found == [entry for entry in read_trail(journal).entries if entry.session == "s3"]
    assert read_about(journal, "s33") == []
    assert read_about(journal / "nowhere", "s3") == []


def test_lines_about_others_are_not_read(tmp_path, read):
    with writing(tmp_path) as writer:
        for number in range(100):
            writer.add("anchor", session="a" if number else "b")
    read.clear()
    assert len(read_about(tmp_path, "b")) == 1
    assert len(read) == 1


@pytest.mark.parametrize("name", ['a "quoted" name', "Gräfin", "back\\slash", "tab\tbed"])
def test_any_name_is_found(tmp_path, name):
    entry = add(tmp_path, "exported", session=name)
    add(tmp_path, "exported", session="other")
    assert read_about(tmp_path, name) == [entry]


def test_the_last_of_a_kind_is_read_from_the_end(tmp_path, read, monkeypatch):
    monkeypatch.setattr(audit, "_BLOCK_BYTES", 100)  # less than a line
    with writing(tmp_path) as writer:
        for number in range(50):
            writer.add("settings", values={"n": number})
        writer.add("anchor")
    read.clear()
    last = last_of(tmp_path, "settings")
    assert last is not None
    assert last.values == {"n": 49}
    assert len(read) == 1
    assert last_of(tmp_path, "deleted") is None
    assert add(tmp_path, "anchor").number == 52


def test_the_check_still_sees_each_changed_letter(journal):
    path = journal / AUDIT_FILE
    whole = path.read_bytes()
    assert read_trail(journal).faults == ()
    for old, new, says in (
        (b'"uid":', b'"uid": ', "not spelt"),
        (b'\\"s3\\" 7"', b'\\"s3\\" 8"', "broken at entry 8"),
        (b'"session":"s5"', b'"session":"s6"', "broken"),
    ):
        path.write_bytes(whole.replace(old, new, 1))
        assert any(says in fault for fault in read_trail(journal).faults), says
    path.write_bytes(b"\n".join(whole.split(b"\n")[:5] + whole.split(b"\n")[6:]))
    assert any("entry 6 is missing" in fault for fault in read_trail(journal).faults)
