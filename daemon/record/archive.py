"""A session as one file: a zip archive of manifest, ledger and frames, checked before anything in it is believed.

The order of the members, their dates and permission bits are always the same. What a camera compressed is stored as it
is. Nothing in an archive is taken for what it says it is: names, sizes, hashes and links are checked, and what is read
of a member is never more than it may be.
"""

import hashlib
import json
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from pydantic import ValidationError

from smearwatch.daemon.record.archive_manifest import (
    FORMAT,
    LEDGER,
    MANIFEST,
    MANIFESTS,
    Manifest,
    Member,
    frame_member,
)
from smearwatch.daemon.record.events import canonical_json
from smearwatch.daemon.record.frame_store import FrameStore, FrameStoreError
from smearwatch.daemon.regular_file import check_regular

Told = Callable[[int], None]
"""Takes how many members are done by now."""

_CHUNK_BYTES: Final = 1 << 20
_SAMPLE_BYTES: Final = 1 << 18
_LARGEST_MANIFEST: Final = 128 << 20
_MOST_TIMES: Final = 100  # no session is so much smaller than it was
_MOST_BESIDE: Final = 64 << 20
_WHEN: Final = (1980, 1, 1, 0, 0, 0)
_READABLE: Final = stat.S_IFREG | 0o644
_AGAIN: Final = "export the session again, or fetch the file again"


class ArchiveUnusable(Exception):
    """A file that is no archived session, or none that may be relied on.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What is wrong with it.
    hint : str
        How to mend it.
    """

    def __init__(self, path: Path, what: str, hint: str = _AGAIN) -> None:
        super().__init__(f"{path}: {what}")
        self.hint = hint


def write_archive(
    path: Path, manifest: Manifest, ledger: Path, frames: FrameStore, names: Sequence[str], told: Told
) -> Manifest:
    """Write a session as one file.

    Parameters
    ----------
    path
        A file that is not there yet.
    manifest
        What is said of the session; its members are filled in here.
    ledger
        The ledger, closed, in one file.
    frames, names
        The frames that go with it.
    told
        See `Told`.

    Returns
    -------
    Manifest
        With its members.

    Raises
    ------
    FrameStoreError
        A frame is not there, or not as it came.
    OSError
        The disk refused.
    """
    files = {LEDGER: ledger} | {frame_member(name): frames.path(name) for name in sorted(names)}
    members = {LEDGER: Member(ledger.stat().st_size, _sha256(ledger))}
    members |= {frame_member(name): Member(frames.size_bytes(name), name) for name in sorted(names)}
    manifest = replace(manifest, members=members)
    with zipfile.ZipFile(path, "x", allowZip64=True) as archive:
        archive.writestr(_info(MANIFEST, compressed=True), canonical_json(MANIFESTS.dump_python(manifest, mode="json")))
        for done, (name, file) in enumerate(files.items(), start=1):
            info = _info(name, compressed=_is_worth_compressing(file))
            info.file_size = members[name].size
            digest = hashlib.sha256()
            with file.open("rb") as source, archive.open(info, "w") as member:
                while chunk := source.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    member.write(chunk)
            if digest.hexdigest() != members[name].sha256:
                raise FrameStoreError(f"{file}: not the bytes that came", "restore the session from a copy")
            told(done - 1)
    return manifest


class Archive:
    """An archived session that is read; a context manager. What is said of its members is checked with the first look.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    manifest : Manifest
        What it says of itself.

    Raises
    ------
    ArchiveUnusable
        It is none, is cut off or damaged, was written in a later form, or holds what no archive of ours does.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._reported():
            check_regular(path, most_bytes=None)
            self._zip = zipfile.ZipFile(path)
            try:
                self._infos = self._checked_infos()
                self.manifest = self._read_manifest()
                self._check_members()
            except BaseException:
                self._zip.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._zip.close()

    @property
    def unpacked_bytes(self) -> int:
        """How large it is when it is unpacked."""
        return sum(member.size for member in self.manifest.members.values())

    @property
    def frames(self) -> frozenset[str]:
        """The frames that are in it."""
        return frozenset(name.rpartition("/")[2] for name in self.manifest.members if name != LEDGER)

    def check(self, told: Told) -> None:
        """Read every member and compare it with its SHA-256; raises `ArchiveUnusable`."""
        for done, name in enumerate(self.manifest.members, start=1):
            for _ in self._chunks(name):
                pass
            told(done)

    def unpack(self, folder: Path, told: Told) -> None:
        """Write ledger and frames into a folder, each checked on the way; raises `ArchiveUnusable`, OSError."""
        for done, name in enumerate(self.manifest.members, start=1):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as out:
                for chunk in self._chunks(name):
                    out.write(chunk)
            if name != LEDGER:
                file.chmod(0o444)
            told(done)

    def _checked_infos(self) -> dict[str, zipfile.ZipInfo]:
        infos: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.filename in infos:
                raise self._foreign(f"{info.filename!r} is in it twice")
            if not _is_ours(info.filename) or info.orig_filename != info.filename:
                raise self._foreign(f"it holds {info.filename[:200]!r}")
            if kind not in (0, stat.S_IFREG) or info.flag_bits & 1:
                raise self._foreign(f"{info.filename} in it is a link, or locked")
            infos[info.filename] = info
        if not {MANIFEST, LEDGER} <= infos.keys():
            raise ArchiveUnusable(self.path, "no archived session: it has no manifest, or no ledger")
        archive_bytes = self.path.stat().st_size
        unpacked = sum(info.file_size for info in infos.values())
        packed = sum(info.compress_size for info in infos.values())
        if packed > archive_bytes or unpacked > _MOST_TIMES * archive_bytes + _MOST_BESIDE:
            raise self._foreign(f"{archive_bytes} bytes that would become {unpacked}")
        return infos

    def _foreign(self, what: str) -> ArchiveUnusable:
        return ArchiveUnusable(
            self.path, f"no archived session of smearwatch: {what}", "take no file from whoever made it"
        )

    def _read_manifest(self) -> Manifest:
        info = self._infos[MANIFEST]
        if info.file_size > _LARGEST_MANIFEST:
            raise self._foreign(f"a manifest of {info.file_size} bytes")
        with self._zip.open(info) as member:
            text = member.read(_LARGEST_MANIFEST + 1)
        try:
            form = json.loads(text)["format"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ArchiveUnusable(self.path, "damaged: its manifest cannot be read") from error
        if type(form) is not int or form > FORMAT:
            raise ArchiveUnusable(
                self.path, f"written in archive form {form}, this program knows {FORMAT}", "update smearwatch"
            )
        try:
            return MANIFESTS.validate_json(text)
        except ValidationError as error:
            raise ArchiveUnusable(self.path, "damaged: its manifest says what none can say") from error

    def _check_members(self) -> None:
        members: Mapping[str, Member] = self.manifest.members
        there = self._infos.keys() - {MANIFEST}
        if other := sorted(there ^ members.keys()):
            missing = "is missing" if other[0] in members else "is in it, and not in its manifest"
            raise ArchiveUnusable(self.path, f"damaged: {other[0]} {missing}")
        for name, member in members.items():
            if self._infos[name].file_size != member.size:
                raise ArchiveUnusable(self.path, f"damaged: {name} has another size than its manifest says")
            if name != LEDGER and name != frame_member(member.sha256):
                raise ArchiveUnusable(self.path, f"damaged: {name} is not named by its bytes")

    def _chunks(self, name: str) -> Iterator[bytes]:
        """Yield a member's bytes, never more than its manifest says, and raise where they are others."""
        expected, digest, left = self.manifest.members[name], hashlib.sha256(), self.manifest.members[name].size
        with self._reported(), self._zip.open(self._infos[name]) as member:
            while chunk := self._next(member, left):
                digest.update(chunk)
                left -= len(chunk)
                yield chunk
        if left or digest.hexdigest() != expected.sha256:
            raise ArchiveUnusable(self.path, f"damaged: {name} is not what was archived")

    def _next(self, member: IO[bytes], left: int) -> bytes:
        chunk = member.read(_CHUNK_BYTES)
        if len(chunk) > left:
            raise self._foreign("a member is larger than it says")
        return chunk

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ArchiveUnusable(self.path, "no such file", "name a file that `sessions export` wrote") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise ArchiveUnusable(self.path, "cut off, damaged, or no archived session") from error
        except OSError as error:
            raise ArchiveUnusable(self.path, error.strerror or str(error), "see that this user may read it") from error


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex; raises OSError."""
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_ours(name: str) -> bool:
    if name in (MANIFEST, LEDGER):
        return True
    frame = name.rpartition("/")[2]
    return len(frame) == 64 and set(frame) <= set("0123456789abcdef") and name == frame_member(frame)


def _info(name: str, *, compressed: bool) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _WHEN)
    info.create_system = 3  # as on Unix, wherever it is written
    info.external_attr = _READABLE << 16
    info.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    return info


def _is_worth_compressing(file: Path) -> bool:
    """Try it on the beginning: JPEG and PNG get no smaller, an uncompressed TIFF does."""
    with file.open("rb") as source:
        sample = source.read(_SAMPLE_BYTES)
    return len(zlib.compress(sample, 1)) < 0.9 * len(sample)
