"""A session as one file, for keeping and for handing on: record, frames, and what says that they are whole."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from smearwatch.clients.exports.archive_key import read_key
from smearwatch.clients.exports.format import Export, Format, Options, Written
from smearwatch.clients.exports.plain_frames import close, plain_frame
from smearwatch.daemon.columns import size_text
from smearwatch.daemon.record.anchor import Anchor
from smearwatch.daemon.record.anchors import anchored_faults, anchors_of, carried, present
from smearwatch.daemon.record.archive import Archive, write_archive
from smearwatch.daemon.record.archive_manifest import FORM_WITHOUT_ANCHORS, LEDGER, Manifest
from smearwatch.daemon.record.archive_manifest import FORMAT as FORM
from smearwatch.daemon.record.audit import AuditUnusable, read_about
from smearwatch.daemon.record.chain import genesis
from smearwatch.daemon.record.deidentifying import Deidentifier, PlainFrame
from smearwatch.daemon.record.frame_store import FrameStore, FrameStoreError
from smearwatch.daemon.record.imported import read_imported
from smearwatch.daemon.record.importing import stored_frames
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.rebuilding import rebuild
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.verifying import verify


class ArchiveOptions(Options):
    """Whether the frames go with it, and whether what names people and specimens stays."""

    frames: bool = True
    deidentify: bool = False


KEPT: Final = (
    "People, specimens, session and files have tokens in it, free text is withheld; times, and whatever is seen in the "
    "pictures, stay."
)


class SessionNotArchived(Exception):
    """A session that is not as it was recorded, or has no frames."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class _Contents:
    """What goes into the file: a ledger, its frames, and what is to be said of them."""

    ledger: Path
    frames: FrameStore
    deidentified: bool = False
    original: str | None = None
    notes: tuple[str, ...] = ()


def _write(export: Export, path: Path, options: ArchiveOptions) -> Written:
    imported = read_imported(export.ledger.folder)
    if options.frames and imported is not None and imported.frames == "none":
        what = f"session {export.ledger.folder.name} was imported without its frames"
        raise SessionNotArchived(what, "add --option frames=no")
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as beside, _named(Path(beside)):
        copy = Path(beside)
        export.ledger.copy_to(copy / LEDGER)
        with LedgerReader.read(copy) as ledger:
            _check(export, ledger)
            for fault in anchored_faults(export.ledger.folder):
                what = f"session {export.ledger.folder.name} is not what it was: {fault}"
                raise SessionNotArchived(what, "look for a later copy; keep the folder as it is")
            if options.deidentify:
                contents = _deidentified(export, ledger, copy / "plain", options)
            elif imported is not None and imported.deidentified and imported.events == ledger.last_number:
                contents = _Contents(copy, export.ledger.frames, True, imported.original)
            else:
                contents = _Contents(copy, export.ledger.frames)
        with LedgerReader.read(contents.ledger) as ledger:
            if options.deidentify:
                _check(export, ledger)
            names = sorted(stored_frames(ledger)) if options.frames else []
            manifest = _manifest(export, ledger, options, contents)
        with export.progress("frames", len(names)) as advance:
            manifest = write_archive(path, manifest, contents.ledger / LEDGER, contents.frames, names, advance)
        with Archive(path) as archive, export.progress("files checked", len(names) + 1) as advance:
            archive.check(advance)
    entries = f"{manifest.events} {'entry' if manifest.events == 1 else 'entries'}"
    held = f"{len(names)} {'frame' if len(names) == 1 else 'frames'}" if options.frames else "no frames"
    return Written(f"{held} and {entries}, {size_text(path.stat().st_size)}, read again and whole", contents.notes)


@contextmanager
def _named(beside: Path) -> Iterator[None]:
    """Name the folder of the archive where a copy beside it cannot be written: nobody will find that copy."""
    try:
        yield
    except (LedgerUnusable, FrameStoreError) as error:
        what = str(error).partition(f"{beside}/")[2].partition(": ")[2]
        if not what:
            raise  # it is of the session
        raise SessionNotArchived(
            f"{beside.parent}: {what}", "free space on that disk, or see that it is sound"
        ) from error


def _check(export: Export, ledger: LedgerReader) -> None:
    """Refuse a record that was changed: a copy of it would say that it is whole."""
    with export.progress("entries checked", ledger.last_number) as advance:
        for fault in verify(ledger, progress=advance, hash_frames=False):
            what = f"session {export.ledger.folder.name} is damaged: {fault.what}"
            raise SessionNotArchived(what, "see `smearwatch sessions verify`; restore it from a copy")


def _deidentified(export: Export, ledger: LedgerReader, made: Path, options: ArchiveOptions) -> _Contents:
    made.mkdir()
    frames = FrameStore(made / "frames")
    plain = _plain_frames(export, ledger, frames) if options.frames else {}
    out = Deidentifier(read_key(export.state_dir), ledger.session, plain)
    renamed = {before: each.frame for before, each in plain.items() if each is not None}
    rebuild(ledger, made, out.session, out.change, renamed)
    notes = [KEPT]
    if out.undrawn:
        picked = "1 name counts" if out.undrawn == 1 else f"{out.undrawn} names count"
        notes.append(f"The random review is not in it ({picked} as picked): it has no adjusted shares.")
    if lacking := sum(each is None for each in plain.values()):
        notes.append(f"Not in it: {lacking} {'frame' if lacking == 1 else 'frames'} that cannot be decoded.")
    return _Contents(made, frames, True, out.original(_head(ledger)), tuple(notes))


def _plain_frames(export: Export, ledger: LedgerReader, frames: FrameStore) -> dict[str, PlainFrame | None]:
    plain: dict[str, PlainFrame | None] = {}
    names = sorted(stored_frames(ledger))
    try:
        with export.progress("frames without metadata", len(names)) as advance:
            for done, name in enumerate(names, start=1):
                written = plain_frame(export.ledger.frames.read(name))
                if written is None and ledger.found(name) is not None:
                    raise SessionNotArchived(
                        f"frame {name} cannot be decoded any more", "restore the session from a copy"
                    )
                plain[name] = None if written is None else PlainFrame(frames.put(written), len(written))
                advance(done)
    finally:
        close()
    if len({each.frame for each in plain.values() if each}) != sum(each is not None for each in plain.values()):
        raise SessionNotArchived("two frames are the same picture without their metadata", "add --option frames=no")
    return plain


def _head(ledger: LedgerReader) -> str:
    rows = ledger.rows("SELECT chain FROM events ORDER BY number DESC LIMIT 1")
    return (rows[0][0] if rows else genesis(ledger.session)).hex()


def _manifest(export: Export, ledger: LedgerReader, options: ArchiveOptions, contents: _Contents) -> Manifest:
    summary, description = ledger.summary(), ledger.description()
    said = {} if description is None else {name: text for name, text in description.said.items() if text}
    anchors = _anchors(export, ledger)
    return Manifest(
        FORM if anchors else FORM_WITHOUT_ANCHORS,
        version("smearwatch"),
        ledger.session,
        said,
        summary.events,
        _head(ledger),
        summary.began_at_ns,
        summary.last_at_ns,
        not ledger.is_open,
        "all" if options.frames else "none",
        contents.deidentified,
        contents.original,
        {},
        anchors or None,
    )


def _anchors(export: Export, ledger: LedgerReader) -> tuple[Anchor, ...]:
    """Return the anchors of this record; one without names is a new record, and has none."""
    name = export.ledger.folder.name
    try:
        entries = read_about(export.state_dir, name)
    except AuditUnusable:  # a session is archived also where the journal is not to be had
        return ()
    found = anchors_of(entries, name, present(ledger).record)
    return carried([each for each in found if each.event <= ledger.last_number])


FORMAT: Final = Format(
    "the whole session in one file, to be kept or handed on; `smearwatch sessions import` takes it in",
    _write,
    ArchiveOptions,
    lambda options: "bytes",
)
