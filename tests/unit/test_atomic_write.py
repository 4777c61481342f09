import os
import signal
import stat
import subprocess
import sys

import pytest

from smearwatch.daemon.atomic_write import atomically, make_folder, put_in_place, unfinished, write_atomically

_KILLED = """
import sys, time
from pathlib import Path
from smearwatch.daemon.atomic_write import atomically
with atomically(Path(sys.argv[1])) as partial:
    partial.write_bytes(b"half of it")
    print("writing", flush=True)
    time.sleep(600)
"""


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("content", [b"", b"new", bytearray(b"new"), memoryview(b"xnew")[1:]])
def test_a_file_is_written_and_replaced(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(b"an older and longer content")
    write_atomically(path, content)
    assert path.read_bytes() == bytes(content)
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_new_file_has_the_bits_asked_for_and_a_replaced_one_keeps_its_own(tmp_path):
    path = tmp_path / "a"
    before = os.umask(0o027)
    try:
        write_atomically(path, b"1", mode=0o444)
        assert mode_of(path) == 0o440
        write_atomically(tmp_path / "b", b"1")
        assert mode_of(tmp_path / "b") == 0o640
    finally:
        os.umask(before)
    path.chmod(0o604)
    write_atomically(path, b"2", mode=0o444)
    assert (path.read_bytes(), mode_of(path)) == (b"2", 0o604)
    with atomically(path) as partial:
        partial.write_bytes(b"3")
    assert (path.read_bytes(), mode_of(path)) == (b"3", 0o604)


def test_what_fails_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomically(path) as partial:
        partial.write_text(f"half {1 / 0}" if partial.write_text("half") else "")
    with pytest.raises(OSError, match="No such file"), atomically(path):
        pass  # nothing was made
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_full_disk_is_told_and_leaves_the_old_content(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(28, os.strerror(28))

    path = tmp_path / "a"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_file_and_folder_are_on_the_disk_before_it_returns(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def noted(descriptor):
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    write_atomically(tmp_path / "a", b"new")
    assert len(synced) == 2
    assert synced[0].startswith(f"{tmp_path}/.a.")
    assert synced[1] == str(tmp_path)
    synced.clear()
    with atomically(tmp_path / "weights") as partial:
        (partial / "inner").mkdir(parents=True)
        (partial / "inner" / "b").write_text("b")
    names = [name.replace(f"{tmp_path}/", "", 1).replace(f".weights.{os.getpid()}.partial", "new") for name in synced]
    assert sorted(names[:-1]) == ["new", "new/inner", "new/inner/b"]
    assert names[-1] == str(tmp_path)
    synced.clear()
    make_folder(tmp_path / "x" / "y")
    assert synced == [str(tmp_path), str(tmp_path / "x")]


def test_what_a_killed_process_left_is_removed_by_the_next_and_nothing_else_is(tmp_path):
    path, others = tmp_path / "a[1].json", tmp_path / f".a1.json.{os.getpid()}.partial"
    path.write_text("old")
    others.write_text("another file's")
    running = tmp_path / f".a[1].json.{os.getppid()}.partial"
    running.write_text("of a process that runs")
    writer = subprocess.Popen([sys.executable, "-c", _KILLED, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"writing\n"
    half = tmp_path / f".a[1].json.{writer.pid}.partial"
    write_atomically(path, b"meanwhile")
    assert half.read_bytes() == b"half of it"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert path.read_bytes() == b"meanwhile"
    write_atomically(path, b"new")
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, others.name, running.name])


def test_a_folder_takes_the_place_of_nothing_or_of_an_empty_one(tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        with atomically(out) as partial:
            partial.mkdir()
            (partial / "a").write_text("a")
        assert [path.name for path in out.iterdir()] == ["a"]
        (out / "a").unlink()
    (out / "kept").write_text("kept")
    with pytest.raises(OSError, match="not empty"), atomically(out) as partial:
        partial.mkdir()
    assert [path.name for path in out.iterdir()] == ["kept"]
    assert os.listdir(tmp_path) == ["out"]
    with atomically(out, replace=True) as partial:
        partial.mkdir()
        (partial / "b").write_text("b")
    assert [path.name for path in out.iterdir()] == ["b"]
    assert os.listdir(tmp_path) == ["out"]


def test_a_link_is_changed_at_once(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    for name in ("one", "two"):
        with atomically(tmp_path / "current") as partial:
            partial.symlink_to(name)
        assert os.readlink(tmp_path / "current") == name
    assert sorted(os.listdir(tmp_path)) == ["current", "one", "two"]


def test_files_of_an_unfinished_folder_are_put_in_place_one_by_one(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").write_text("old")
    (out / "other").write_text("stays")
    with unfinished(out) as fresh:
        fresh.mkdir()
        (fresh / "a").write_text("new")
        (fresh / "b").write_text("left behind")
        put_in_place(fresh / "a", out / "a")
    assert {path.name: path.read_text() for path in out.iterdir()} == {"a": "new", "other": "stays"}
    assert os.listdir(tmp_path) == ["out"]
