"""What a disk holds after a loss of power, by what the kernel was asked: a model of what fsync guarantees, and no more.

`strace` writes down every call that changes a folder. Whatever was written before an fsync of its file is there
afterwards; of what was written since, any blocks may be there and others not. An entry of a folder (a file made,
renamed or removed) is sure once that folder was brought to the disk; before, it may be there or not, whatever came
later. Real file systems promise more than that.
"""

import random
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

CALLS = (
    "openat", "open", "write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate",
    "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "fsync", "fdatasync",
    "link", "linkat", "symlink", "symlinkat", "sync_file_range", "copy_file_range", "sendfile",
)  # fmt: skip
STRACE = ("strace", "-f", "-qq", "--seccomp-bpf", "-y", "-xx", "-s", "4000000", "-e", f"trace={','.join(CALLS)}")
SECTOR_BYTES = 512

Mode = Literal["least", "some", "most"]
_LINE = re.compile(r"(\d+)\s+(.*)", re.DOTALL)
_CALL = re.compile(r"(\w+)\((.*)\)\s+=\s+(-?\d+)(?:<([^>]*)>)?", re.DOTALL)
_DESCRIPTOR = re.compile(r"(\d+)<([^>]*)>")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class Call(NamedTuple):
    """A call that succeeded: its name, the path of its descriptor or what it returned, strings and numbers."""

    name: str
    path: str
    texts: tuple[bytes, ...]
    numbers: tuple[int, ...]
    flags: str


@dataclass
class _File:
    synced: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # no bytes: cut to that length
    written: int = 0


@dataclass
class _Entry:
    """A change of folders: what is made, moved or removed, and whether it is sure."""

    what: Literal["make", "folder", "move", "remove"]
    path: str
    to: str = ""
    file: _File | None = None
    sure: bool = False

    def touches(self, folder: str) -> bool:
        return folder in (_folder(self.path), _folder(self.to))


class Disk:
    """Folders and files below one folder, by what was written and what was brought to the disk.

    Parameters
    ----------
    root
        Everything elsewhere is passed over; it is there from the beginning, or is made.
    notes
        A file outside; what is written there is what was acknowledged.
    """

    def __init__(self, root: Path, notes: Path) -> None:
        self.root, self.notes = str(root), str(notes)
        self._files: dict[str, _File] = {}
        self._entries: list[_Entry] = []
        self.told: list[str] = []

    def apply(self, call: Call) -> bool:
        """Carry out a call; returns whether it changed anything here."""
        if call.path == self.notes and call.name == "write":
            self.told += call.texts[0].decode().split("\n")[:-1]
            return True
        paths = [call.path, *(text.decode(errors="replace") for text in call.texts[:2])]
        if not any(path == self.root or path.startswith(self.root + "/") for path in paths):
            return False
        getattr(self, f"_{call.name}", self._unknown)(call)
        return True

    def image(self, to: Path, mode: Mode, chance: random.Random) -> None:
        """Write what is there after a loss of power now."""
        share = {"least": 0.0, "most": 1.0}.get(mode, chance.random())
        there: dict[str, _File | None] = {self.root: None}
        for entry in self._entries:
            if entry.sure or chance.random() < share:
                _carry_out(entry, there)
        shutil.rmtree(to, ignore_errors=True)
        for path, file in sorted(there.items()):
            place = to / path.removeprefix(self.root).lstrip("/")
            if file is None:
                place.mkdir(parents=True, exist_ok=True)
            elif not path.endswith("-shm"):  # memory that processes share; SQLite makes it anew
                place.write_bytes(_content(file, share, chance))

    def _unknown(self, call: Call) -> None:
        raise AssertionError(f"{call.name} is not modelled")

    def _openat(self, call: Call) -> None:
        if "O_CREAT" in call.flags and call.path not in self._files:
            self._files[call.path] = made = _File()
            self._entries.append(_Entry("make", call.path, file=made))
        elif "O_TRUNC" in call.flags:
            self._files[call.path].pending.append((0, None))
        if call.path in self._files:
            self._files[call.path].written = 0

    def _pwrite64(self, call: Call) -> None:
        self._files[call.path].pending.append((call.numbers[-1], call.texts[0]))

    def _write(self, call: Call) -> None:
        file = self._files[call.path]
        file.pending.append((file.written, call.texts[0]))
        file.written += len(call.texts[0])

    def _ftruncate(self, call: Call) -> None:
        self._files[call.path].pending.append((call.numbers[-1], None))

    def _fsync(self, call: Call) -> None:
        if (file := self._files.get(call.path)) is not None:
            file.synced, file.pending = _content(file, 1.0, random.Random()), []
            return
        for entry in self._entries:
            entry.sure = entry.sure or entry.touches(call.path)

    _fdatasync = _fsync

    def _mkdir(self, call: Call) -> None:
        self._entries.append(_Entry("folder", call.texts[0].decode()))

    def _rename(self, call: Call) -> None:
        path, to = (text.decode() for text in call.texts)
        self._files[to] = file = self._files.pop(path)
        self._entries.append(_Entry("move", path, to, file))

    def _unlink(self, call: Call) -> None:
        path = call.texts[0].decode()
        self._files.pop(path, None)
        self._entries.append(_Entry("remove", path))

    _rmdir = _unlink


def calls(log: Path) -> Iterator[Call]:
    """Return the calls that a log of strace holds and that succeeded, in the order in which they ended."""
    begun: dict[str, str] = {}
    with log.open(encoding="ascii") as file:
        for line in file:
            match = _LINE.match(line.rstrip("\n"))
            if match is None:
                continue
            process, said = match.groups()
            if said.endswith("<unfinished ...>"):
                begun[process] = said.removesuffix("<unfinished ...>")
                continue
            if said.startswith("<..."):
                said = begun.pop(process) + said.partition("resumed>")[2]
            if (call := _call(said)) is not None:
                yield call


def _call(said: str) -> Call | None:
    match = _CALL.match(said)
    if match is None or match[3].startswith("-"):
        return None
    name, arguments, result, opened = match.groups()
    descriptor = _DESCRIPTOR.match(arguments)
    path = _plain(
        opened or (descriptor[2] if descriptor and not name.startswith(("mkdir", "rename", "unlink")) else "")
    )
    texts = tuple(bytes.fromhex(text.replace("\\x", "")) for text in _STRING.findall(arguments))
    if name in ("write", "pwrite64") and texts:
        texts = (texts[0][: int(result)],)
    rest = _STRING.sub("", _DESCRIPTOR.sub("", arguments))
    name = name.removesuffix("2").removesuffix("at") if name != "openat" else name
    return Call(name, path, texts, tuple(int(n) for n in re.findall(r"\b\d+\b", rest)), rest)


def _plain(path: str) -> str:
    return bytes.fromhex(path.replace("\\x", "")).decode(errors="replace") if path.startswith("\\x") else path


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _carry_out(entry: _Entry, there: dict[str, _File | None]) -> None:
    """Change folders by one entry, as far as the folder is there that it stands in."""
    if entry.what == "remove":
        there.pop(entry.path, None)
    elif entry.what == "move":
        there.pop(entry.path, None)
        if _folder(entry.to) in there:
            there[entry.to] = entry.file
    elif _folder(entry.path) in there:
        there[entry.path] = entry.file


def _content(file: _File, share: float, chance: random.Random) -> bytes:
    """Return what a file holds where so large a share of what is not sure has reached the disk, sector by sector."""
    content = bytearray(file.synced)
    for offset, data in file.pending:
        if data is None:
            if share >= 1.0 or chance.random() < share:
                content[offset:] = b"\0" * max(0, offset - len(content))
            continue
        for at in _sectors(offset, len(data)):
            if share >= 1.0 or chance.random() < share:
                content.extend(b"\0" * (at.stop - len(content)))
                content[at] = data[at.start - offset : at.stop - offset]
    return bytes(content)


def _sectors(offset: int, size: int) -> Sequence[slice]:
    edges = [offset, *range((offset // SECTOR_BYTES + 1) * SECTOR_BYTES, offset + size, SECTOR_BYTES), offset + size]
    return [slice(start, stop) for start, stop in pairwise(edges)]
