import hashlib
import os

import pytest

from smearwatch.daemon.record.frame_store import FrameStore, FrameStoreError

DATA = b"\xff\xd8 a frame"
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def store(tmp_path):
    return FrameStore(tmp_path / "frames")


@pytest.mark.parametrize("data", [DATA, bytearray(DATA), memoryview(DATA), memoryview(b"x" + DATA)[1:]])
def test_what_is_put_can_be_read(store, data):
    assert store.put(data) == SHA
    assert store.read(SHA) == DATA
    assert store.size_bytes(SHA) == len(DATA)
    assert store.path(SHA) == store.folder / SHA[:2] / SHA
    assert store.verify(SHA) is None


def test_an_empty_frame_is_a_frame(store):
    assert store.read(store.put(b"")) == b""


def test_putting_twice_writes_once(store):
    store.put(DATA)
    before = store.path(SHA).stat()
    assert store.put(DATA) == SHA
    after = store.path(SHA).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert list((store.folder / "incoming").iterdir()) == []


def test_a_cut_file_is_healed_by_the_same_frame(store):
    store.put(DATA)
    store.path(SHA).chmod(0o644)
    store.path(SHA).write_bytes(DATA[:3])
    assert store.verify(SHA) == "changed"
    store.put(DATA)
    assert store.verify(SHA) is None


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "ab", SHA.upper(), SHA + "\n", "/" + SHA, SHA[:-1] + "/"]
)
@pytest.mark.parametrize("ask", ["path", "read", "verify", "size_bytes"])
def test_only_hashes_are_names(store, name, ask):
    with pytest.raises(FrameStoreError, match="not the name of a frame"):
        getattr(store, ask)(name)


def test_a_frame_that_is_not_there(store):
    assert store.verify(SHA) == "missing"
    with pytest.raises(FrameStoreError, match="no such frame") as caught:
        store.read(SHA)
    assert caught.value.hint


def test_a_flipped_bit_is_noticed(store):
    store.put(DATA)
    store.path(SHA).chmod(0o644)
    store.path(SHA).write_bytes(DATA[:-1] + b"E")
    assert store.verify(SHA) == "changed"


def test_what_a_killed_writer_left_is_cleared(store):
    store.put(DATA)
    (store.folder / "incoming" / "1-1-abcdef").write_bytes(b"half")
    assert store.clear_incoming() == 1
    assert store.clear_incoming() == 0
    assert store.verify(SHA) is None


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "frames").write_text("a file is in the way")
    with pytest.raises(FrameStoreError) as caught:
        FrameStore(tmp_path / "frames").put(DATA)
    assert str(tmp_path) in str(caught.value)
    assert caught.value.hint


def test_a_failed_write_leaves_nothing(store, monkeypatch):
    def full(descriptor):
        raise OSError(28, os.strerror(28))

    store.put(b"another")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FrameStoreError, match="No space left") as caught:
        store.put(DATA)
    assert "free space" in caught.value.hint
    assert store.verify(SHA) == "missing"
    assert list((store.folder / "incoming").iterdir()) == []
