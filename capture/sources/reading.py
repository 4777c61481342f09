"""Read one file of the watched folder in one piece: its bytes, its state meanwhile, whether it is whole."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from smearwatch.capture.formats.header import probe
from smearwatch.capture.formats.metadata import side_file_for
from smearwatch.capture.frame import SourceFrame
from smearwatch.capture.sources.settle import FileMark
from smearwatch.daemon.regular_file import read_regular

# How the pictures that are read here begin; a file that begins otherwise will not become one by waiting.
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"ZISRAWFILE")
# Room that was reserved and is not written yet reads as zeros; file systems give it by pages.
_PAGE_OF_ZEROS = bytes(4096)
_TAIL_BYTES = 64
_WITHOUT_END_MARK = frozenset({"bmp", "tiff", "czi"})


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it was read.

    Attributes
    ----------
    mark : FileMark or None
        Its state before and after; None when it changed meanwhile.
    complete : bool
        Whether its structure reaches its end, or will never.
    hollow : bool
        Whether there is room in it that may not be written yet.
    """

    frame: SourceFrame
    mark: FileMark | None
    complete: bool
    hollow: bool = False


def mark_of(status: os.stat_result) -> FileMark:
    """Return what distinguishes this state of a file from another."""
    return FileMark(status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)


def read_file(path: str, *, max_bytes: int) -> Reading:
    """Read a file that is no larger than ``max_bytes``; a larger one becomes a refused frame.

    Raises
    ------
    OSError
        It is gone, may not be read, or the share is away.
    """
    name = os.path.basename(path)
    # Not blocking: what was a file a moment ago may be a pipe now.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        before = mark_of(status)
        if before.size_bytes > max_bytes or not stat.S_ISREG(status.st_mode):
            detail = f"{before.size_bytes} bytes, at most {max_bytes}"
            return Reading(refused(name, before, "file_too_large", detail), before, complete=True)
        data = file.read(before.size_bytes + 1)
        after = mark_of(os.fstat(descriptor))
    beside = side_file_for(Path(path))
    frame = SourceFrame(
        name=name,
        data=data,
        captured_at_ns=max(0, before.modified_at_ns),  # a camera without a clock may date before 1970
        side_file=None if beside is None else read_regular(beside),
        size_bytes=len(data),
    )
    unchanged = before == after and len(data) == before.size_bytes
    header = probe(data)
    tail_missing = header.format in _WITHOUT_END_MARK and not any(data[-_TAIL_BYTES:])
    return Reading(
        frame,
        before if unchanged else None,
        complete=header.complete or _hopeless(data),
        hollow=tail_missing or _PAGE_OF_ZEROS in data,
    )


def beginning(path: str, size_bytes: int) -> str | None:
    """Return the SHA-256 of a file's first bytes, None where it has not so many.

    Raises
    ------
    OSError
        It is gone, may not be read, or the share is away.
    """
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        data = file.read(size_bytes)
    return hashlib.sha256(data).hexdigest() if len(data) == size_bytes else None


def refused(name: str, mark: FileMark, reason: str, detail: str) -> SourceFrame:
    """Return the frame that stands for a file which cannot be taken."""
    # Known by its name, size and time: reading gigabytes only to name them would hold up the files behind it.
    captured_at_ns = max(0, mark.modified_at_ns)
    return SourceFrame(name, None, captured_at_ns, refusal=(reason, detail), size_bytes=mark.size_bytes)


def _hopeless(data: bytes) -> bool:
    """Return whether bytes are no beginning of a picture; zeros may be room that is filled later."""
    return any(data[:64]) and not any(data[: len(start)] == start[: len(data)] for start in _BEGINNINGS)
