"""No command writes over what it did not write, or what was changed since, unless it is told to.

A folder of results holds a small file that says which of its files a command wrote, each with its SHA-256. A single
file is compared with what would be written.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.hinted import Hinted

RECORD: Final = ".smearwatch-written.json"
"""In a folder of results: what was written there, by name and SHA-256."""


class NotOurs(Hinted):
    """What is there is not what a command wrote, and was left as it is."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} exists already and was left as it is: smearwatch did not write it, or it was changed since",
            "name another place; --force writes over it",
        )


def refuse_other(path: Path, *, force: bool) -> None:
    """Refuse a file that is there before long work is done for it.

    Raises
    ------
    NotOurs
        Something is there, and it is not wanted that it is written over.
    """
    if not force and (path.exists() or path.is_symlink()):
        raise NotOurs(path)


def write_output(path: Path, content: bytes, *, force: bool) -> None:
    """Write a file whole; one that is there is replaced only if it is the same, or if that is wanted.

    Raises
    ------
    NotOurs
        Something else is there.
    OSError
        It cannot be written.
    """
    if not force and path.is_file() and path.read_bytes() == content:
        return
    refuse_other(path, force=force)
    write_atomically(path, content)


@contextmanager
def own_results(folder: Path, names: Sequence[str], *, force: bool) -> Iterator[None]:
    """Let the body write results into a folder, and take down afterwards what it wrote.

    Parameters
    ----------
    folder
        Where the results go; it need not be there yet.
    names
        Patterns of what the body may write over, relative to the folder.
    force
        Whether it may write over what is not its own.

    Raises
    ------
    NotOurs
        A file of these names is there that no command wrote, or that was changed since; the body was not begun.
    Hinted
        The folder cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        yield  # the body says what is wrong, in its own words
        return
    before = _digests(folder, names)
    known, unfinished = _read(folder)
    if not force:
        for name, digest in before.items():
            # Who was killed had no time to say what they wrote anew.
            if known.get(name) != digest and not (unfinished and name not in known):
                raise NotOurs(folder / name)
    known |= before
    made = not folder.exists()
    _write(folder, known, unfinished=True)
    try:
        yield
    finally:
        if written := known | _digests(folder, names):
            _write(folder, written, unfinished=False)
        else:
            (folder / RECORD).unlink(missing_ok=True)
            if made:
                with suppress(OSError):
                    folder.rmdir()


def _digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    found = sorted({path for name in names for path in folder.glob(name) if path.is_file()})
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def _read(folder: Path) -> tuple[dict[str, str], bool]:
    try:
        record = json.loads((folder / RECORD).read_bytes())
        return dict(record["files"]), bool(record["unfinished"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}, False


def _write(folder: Path, files: dict[str, str], *, unfinished: bool) -> None:
    record = {"files": dict(sorted(files.items())), "unfinished": unfinished}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / RECORD, json.dumps(record, indent=1).encode() + b"\n")
    except OSError as error:
        matter = (error.strerror or str(error)).lower()
        raise Hinted(f"{folder}: cannot be written to ({matter})", "name another folder") from error
