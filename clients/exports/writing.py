"""Writing an export whole or not at all, and never over what somebody may miss."""

import errno
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from smearwatch.clients.auditing import note_export
from smearwatch.clients.exports.fold import read_result
from smearwatch.clients.exports.format import Export, Format, Options, Written
from smearwatch.clients.exports.result import SessionResult
from smearwatch.clients.stdout import close_stdout
from smearwatch.daemon.atomic_write import atomically
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.regular_file import read_regular

MARKER: Final = ".smearwatch-export.json"
"""In a folder that was exported: which files are of the export."""


class ExportFailed(OSError):
    """The exported file could not be written."""

    def __init__(self, where: Path, error: OSError) -> None:
        super().__init__(f"{where}: {error.strerror or error}")
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        other = "give --out a file in an existing folder that you may write in"
        self.hint = "free space on that disk, or give --out a file on another one" if full else other


class ExportRefused(FileExistsError):
    """What is to be written exists: it may hold what a person typed."""

    def __init__(self, path: Path, hint: str) -> None:
        super().__init__(f"{path} exists already and was left as it is")
        self.hint = hint


class NoFolderNamed(ValueError):
    """A format that cannot go to standard output."""

    wrongly_typed = True

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"format {name!r} makes {what}")
        self.hint = "name it with --out"


def check_out(out: Path | None, name: str, found: Format, options: Options, *, overwrite: bool) -> None:
    """Refuse what cannot be written, before anything is read.

    Raises
    ------
    ExportRefused
        Something is there that is not to be replaced.
    NoFolderNamed
        It has to have a name.
    """
    makes = found.makes(options)
    if out is None:
        if makes == "folder":
            raise NoFolderNamed(name, "a folder")
        if makes == "bytes" and sys.stdout.isatty():
            raise NoFolderNamed(name, "a file that no terminal shows")
    elif makes == "folder":
        _check_folder(out, overwrite=overwrite)
    elif out.is_dir():
        raise ExportRefused(out, "it is a folder; name a file in it")
    elif out.is_symlink():
        raise ExportRefused(out, "it is a link; name the file itself")
    elif out.is_file() and not overwrite:
        raise ExportRefused(out, "name another file; --force replaces this one, with any labels typed into it")
    elif (out.exists() or out.is_symlink()) and not out.is_file():
        raise ExportRefused(out, "it is no file; name another one")


def _check_is_elsewhere(out: Path | None, state_dir: Path) -> None:
    """Refuse to write among the program's own records, whatever is forced."""
    own = [state_dir / name for name in ("sessions", "weights", "calibrations", "audit.jsonl")]
    if out is not None and any(out.resolve().is_relative_to(each.resolve()) for each in own):
        raise ExportRefused(out, "smearwatch keeps its own records there; name another place")


def _check_folder(out: Path, *, overwrite: bool) -> None:
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir() or out.is_symlink():
        raise ExportRefused(out, "name a folder")
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir() or path.is_symlink()}
    if not there:
        return
    ours = _files_of(out)
    if ours is None:
        raise ExportRefused(out, "it holds what no export wrote; name another folder")
    if other := sorted(there - ours - {MARKER}):
        raise ExportRefused(out, f"{other[0]} in it is of no export; move it away, or name another folder")
    if not overwrite:
        raise ExportRefused(out, "name another folder; --force replaces this one, with what was changed in it")


def _files_of(out: Path) -> set[str] | None:
    try:
        return set(json.loads(read_regular(out / MARKER))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def export_session(
    folder: Path, state_dir: Path, out: Path | None, name: str, found: Format, options: Options, *, overwrite: bool
) -> tuple[Written, SessionResult]:
    """Write a session in a format.

    Raises
    ------
    ExportRefused, NoFolderNamed
        See `check_out`; nothing was read yet.
    ExportFailed
        The disk refused; what was there is as it was.
    """
    check_out(out, name, found, options, overwrite=overwrite)
    _check_is_elsewhere(out, state_dir)
    with LedgerReader.read(folder) as ledger, ledger.at_one_moment():
        export = Export(read_result(ledger, state_dir), ledger, state_dir)
        if out is None:
            written = _to_stdout(export, found, options)
            return _told(export, name, "standard output", options, written), export.result
        makes = found.makes(options)
        with _reported(out), atomically(out, replace=makes == "folder") as partial:
            written = found.write(export, partial, options)
            if makes == "folder":
                _mark(partial, name, export.result)
            check_out(out, name, found, options, overwrite=overwrite)  # somebody may have been quicker
        return _told(export, name, str(out.absolute()), options, written), export.result


def _told(export: Export, name: str, to: str, options: Options, written: Written) -> Written:
    """Write into the audit journal what was written out; return it with a note where that cannot be told."""
    not_told = note_export(export.ledger, name, to, options.model_dump(mode="json", exclude_defaults=True))
    return replace(written, notes=(*written.notes, not_told)) if not_told else written


def _mark(folder: Path, name: str, result: SessionResult) -> None:
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    about: dict[str, Any] = {"format": name, "session": result.session, "event": result.event, "files": files}
    (folder / MARKER).write_text(json.dumps(about) + "\n", encoding="utf-8")


def _to_stdout(export: Export, found: Format, options: Options) -> Written:
    """Write the whole to a temporary file first: nothing of an export that fails is read by anybody."""
    with tempfile.TemporaryDirectory(prefix="smearwatch-") as folder:
        path = Path(folder) / "export"
        with _reported(Path("standard output")):
            written = found.write(export, path, options)
        sys.stdout.flush()
        try:
            with path.open("rb") as file:
                if sys.stdout.isatty():
                    sys.stdout.writelines(_harmless(line) for line in io.TextIOWrapper(file, "utf-8"))
                else:
                    shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.flush()
        except BrokenPipeError:
            close_stdout()  # the reader has what it wanted
        except OSError as error:
            close_stdout()
            raise ExportFailed(Path("standard output"), error) from error
    return written


def _harmless(line: str) -> str:
    """Return a line that steers no terminal, whatever files were called."""
    return "".join(each if each.isprintable() or each in "\t\n" else "\N{REPLACEMENT CHARACTER}" for each in line)


@contextmanager
def _reported(where: Path) -> Iterator[None]:
    """Raise `ExportFailed` for an error of the disk that does not say itself what to do."""
    try:
        yield
    except OSError as error:
        if getattr(error, "hint", None):
            raise
        raise ExportFailed(where, error) from error
