"""A folder of results: what is new is made aside and put in place at the end, and nothing that changed is replaced.

The folder holds a small file that says which of its files a command wrote, each with its SHA-256. A file is replaced
only if it is still what stands there, looked at right before it is replaced. Where one is not, all that is new goes
into a folder of its own beside.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smearwatch.daemon.alone import alone, cannot_write
from smearwatch.daemon.atomic_write import make_folder, put_in_place, sync_folder, unfinished, write_atomically
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.own_output import ChangedMeanwhile, NotOurs, free_name
from smearwatch.daemon.regular_file import open_regular, read_regular

RECORD: Final = ".smearwatch-written.json"
"""In a folder of results: what was written there, by name and SHA-256."""

BESIDE: Final = "new-results"
"""In a folder of results: what is new, where a file of the folder was changed while it was made."""

_STAGING: Final = ".smearwatch-unfinished-"

Publish = Callable[[], None]
"""Puts what is whole by now in place."""


def publish_nothing() -> None:
    """Leave what is whole by now where it is."""


@dataclass(frozen=True, slots=True)
class NewResults:
    """Results that are being made.

    Attributes
    ----------
    folder
        Where they are made; what is in it in the end is put in place.
    publish
        Puts what is in it by now in place, so that it can be read while the rest is made. Where something there was
        changed, nothing is done until the end.
    """

    folder: Path
    publish: Publish


@contextmanager
def own_results(
    folder: Path, names: Sequence[str], *, force: bool, superseded: Sequence[str] = ()
) -> Iterator[NewResults]:
    """Let the body make results, and put them into a folder when all of them are made.

    Files of the same names are replaced, each whole; other files stay. Where the body fails, nothing more is put in
    place. While it runs no other command can write results into this folder.

    Parameters
    ----------
    folder
        Where the results go; it need not be there yet.
    names
        Patterns of what the body may write, relative to the folder. Files are put in place in this order: with those of
        the last one the results are complete.
    force
        Whether what is not a command's own, or was changed since, may be written over.
    superseded
        Patterns of results that earlier commands wrote and that go when new ones are put in place.

    Raises
    ------
    NotOurs
        A file of these names is there that no command wrote, or that was changed since; the body was not begun.
    ChangedMeanwhile
        That came to be while the body ran; what it made is in a folder beside.
    Hinted
        The folder cannot be written to, or another command writes into it.
    """
    with alone(folder) as locked:
        if locked:  # then whoever left these is gone
            for left in folder.glob(f"{_STAGING}*"):
                shutil.rmtree(left, ignore_errors=True)
        results = _Results(folder, [*names], [*superseded], force, _read(folder))
        results.refuse()
        staging = _staging(folder)
        try:
            yield NewResults(staging, results.publisher(staging))
            results.finish(staging)
        finally:
            if not results.kept:
                shutil.rmtree(staging, ignore_errors=True)


@dataclass(slots=True)
class _Results:
    """What is put in place: `ours` has for each name the SHA-256 of what a command wrote, `put` those of this one."""

    folder: Path
    names: list[str]
    superseded: list[str]
    force: bool
    ours: dict[str, set[str]]
    put: dict[str, str] = field(default_factory=dict)
    kept: bool = False

    def refuse(self) -> None:
        """Refuse what is there and is not a command's own, before long work is done."""
        for path in _matching(self.folder, self.names):
            self._check(path.relative_to(self.folder).as_posix())

    def publisher(self, staging: Path) -> Publish:
        def publish() -> None:
            with suppress(NotOurs, OSError):  # said at the end
                self._put(staging)

        return publish

    def finish(self, staging: Path) -> None:
        """Put all in place; where that is not possible, move it beside and say so."""
        try:
            self._put(staging)
            self._remove_superseded(staging)
        except NotOurs as refused:
            raise ChangedMeanwhile(refused.path, self._move_beside(staging)) from None
        except OSError as error:
            matter = (error.strerror or str(error)).lower()
            beside = self._move_beside(staging)
            what = f"{self.folder}: not written ({matter}); what is new is in {beside}"
            raise Hinted(what, "see what is wrong there, and move it") from error

    def _put(self, staging: Path) -> None:
        new = {
            path.relative_to(staging).as_posix(): path
            for path in sorted(staging.rglob("*"))
            if path.is_file() and path.name != RECORD
        }
        order = {path: number for number, name in enumerate(self.names) for path in staging.glob(name)}
        digests = {name: _digest(path) for name, path in new.items()}
        names = [name for name in digests if self.put.get(name) != digests[name]]
        for name in names:
            self._check(name, digests[name])
        if not names:
            return
        # Written before the first is replaced: who is killed meanwhile has written either the one or the other.
        for name in names:
            self.ours.setdefault(name, set()).add(digests[name])
        self._write()
        for name in sorted(names, key=lambda name: order.get(new[name], -1)):
            self._replace(new[name], name, digests[name])
            self.ours[name] = {digests[name]}
            self.put[name] = digests[name]
        self._write()

    def _replace(self, source: Path, name: str, digest: str) -> None:
        target = self.folder / name
        make_folder(target.parent)
        with unfinished(target) as partial:
            shutil.copyfile(source, partial)
            self._check(name, digest)
            put_in_place(partial, target)

    def _check(self, name: str, new: str = "") -> None:
        path = self.folder / name
        if self.force or not os.path.lexists(path):
            return
        if not path.is_file() or _digest(path) not in {*self.ours.get(name, ()), new}:
            raise NotOurs(path)

    def _remove_superseded(self, staging: Path) -> None:
        for path in _matching(self.folder, self.superseded):
            name = path.relative_to(self.folder).as_posix()
            with suppress(NotOurs):  # that stays
                if not (staging / name).exists():
                    self._check(name)
                    path.unlink()
                    del self.ours[name]
        self._write()

    def _move_beside(self, staging: Path) -> Path:
        self.kept = True
        try:
            beside = free_name(self.folder / BESIDE)
            staging.rename(beside)
            sync_folder(self.folder)
        except OSError:  # a disk that takes nothing at all: it stays where it is
            return staging
        return beside

    def _write(self) -> None:
        files = {name: sorted(digests) for name, digests in sorted(self.ours.items())}
        write_atomically(self.folder / RECORD, json.dumps({"files": files}, indent=1).encode() + b"\n")


def _staging(folder: Path) -> Path:
    staging = folder / f"{_STAGING}{secrets.token_hex(4)}"
    try:
        staging.mkdir()
    except OSError as error:
        raise cannot_write(folder, error) from error
    return staging


def _matching(folder: Path, names: Sequence[str]) -> list[Path]:
    found = {path for name in names for path in folder.glob(name) if not path.is_dir() or path.is_symlink()}
    return sorted(path for path in found if not path.relative_to(folder).parts[0].startswith((BESIDE, _STAGING)))


def _digest(path: Path) -> str:
    with open_regular(path, most_bytes=None) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path) -> dict[str, set[str]]:
    try:
        files = json.loads(read_regular(folder / RECORD))["files"]
        return {name: {digests} if isinstance(digests, str) else set(digests) for name, digests in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
