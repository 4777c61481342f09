"""What only looks like a file is neither waited at nor read without end."""

import os
import socket

import pytest

from smearwatch.daemon.regular_file import check_regular, open_regular, read_regular, read_text


def test_a_file_is_read_through_a_link_too(tmp_path):
    (tmp_path / "a").write_text("büro", encoding="utf-8")
    (tmp_path / "link").symlink_to("a")
    for name in ("a", "link"):
        assert read_text(tmp_path / name) == "büro"
        assert read_regular(tmp_path / name) == "büro".encode()
        with open_regular(str(tmp_path / name)) as file:
            assert file.read() == "büro".encode()
    assert check_regular(tmp_path / "a").st_size == 5


def refused(path, words, **options):
    for read in (check_regular, open_regular, read_regular):
        with pytest.raises(OSError, match=words):
            read(path, **options)


@pytest.mark.parametrize("link", [False, True])
def test_what_is_no_file_is_refused_at_once(tmp_path, link, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's name may not be long
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    os.mkdir("folder")
    named = {"pipe": "pipe", "socket": "socket", "/dev/zero": "device", "folder": "directory"}
    for name, word in named.items():
        path = name
        if link:
            path = f"to-{os.path.basename(name)}"
            os.symlink(name, path)
        refused(path, word)
    os.symlink("nowhere", "dangling")
    refused("dangling", "No such file")


def test_a_file_of_eight_terabytes_is_not_read(tmp_path):
    path = tmp_path / "sparse"
    path.touch()
    try:
        os.truncate(path, 8 * 1024**4)
    except OSError:
        os.truncate(path, 2 * 1024**3)  # where the file system has no larger ones
    refused(path, "Larger than 1024 megabytes")
    path.write_bytes(bytes(11))
    refused(path, "Larger than", most_bytes=10)
    assert read_regular(path, most_bytes=11) == bytes(11)
