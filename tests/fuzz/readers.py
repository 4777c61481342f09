"""What reads bytes from outside, each as one function of the bytes: it takes them, or refuses them as it should.

Whatever else comes out of one, or takes too long, is a fault of the program.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest import mock

import msgpack

from smearwatch.capture.formats.decode import decode, decode_whole, describe, probe
from smearwatch.capture.formats.metadata import scale_from_metadata
from smearwatch.capture.scale.calibration import list_calibrations
from smearwatch.capture.sources.in_hand import InHand
from smearwatch.clients.exports.fold import read_result
from smearwatch.clients.label_table import read_table
from smearwatch.clients.progress import progress
from smearwatch.clients.quality.draft import FILE as LOCATION_FILE
from smearwatch.clients.quality.draft import read_draft
from smearwatch.clients.tallying.draft import FILE as TALLY_FILE
from smearwatch.clients.tallying.draft import Draft
from smearwatch.clients.web.accounts import Accounts
from smearwatch.clients.web.logins import Logins
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.folds import FOLDS_FILE, Folds, NotKept
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.record.deletions import DELETED_FILE, deletions
from smearwatch.daemon.record.events import event_from_bytes, event_to_bytes
from smearwatch.daemon.record.imported import IMPORTED_FILE, read_imported
from smearwatch.daemon.record.importing import import_session
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_names
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.record.writing import key_of
from smearwatch.daemon.wire import codec
from smearwatch.daemon.wire.messages import Refused

MOST_PIXELS = 2_000_000
MOST_BYTES = 1 << 20
CUT = b"\n--8<--\n"
"""Parts two files in one input."""


@contextmanager
def _refusals() -> Iterator[None]:
    """Let pass what a person is told in one line with a hint."""
    try:
        yield
    except Exception as error:
        line = one_line(error)
        if line is None:
            raise
        line.encode("utf-8", "surrogateescape")


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="smearwatch-fuzz-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def message(data: bytes) -> None:
    """Read a message of the wire; one that is read goes out again as it came in."""
    for parts in ([data], [data, *_announced(data)]):
        try:
            read, buffers = codec.decode(parts, max_bytes=MOST_BYTES)
        except codec.Unreadable as flaw:
            codec.encode(Refused(flaw.flaw, str(flaw)[:400]))
            continue
        again, _ = codec.decode([bytes(part) for part in codec.encode(read, buffers)], max_bytes=MOST_BYTES)
        assert again == read


def _announced(data: bytes) -> list[bytes]:
    """Return buffers of the lengths that a header names, where these are few and small."""
    try:
        sizes = msgpack.unpackb(data)["n"]
        return [bytes(size) for size in sizes[:64] if size <= MOST_BYTES // 64]
    except Exception:  # noqa: BLE001  # no header, so no buffers
        return []


def event(data: bytes) -> None:
    """Read an event of a ledger; one that is read has one spelling."""
    with _refusals():
        read = event_from_bytes(data)
        key_of(read)
        spelt = event_to_bytes(read)
        assert event_to_bytes(event_from_bytes(spelt)) == spelt


def ledger(data: bytes) -> None:
    """Read a ledger's file in all ways in which it is read."""
    with _folder() as folder:
        session = folder / "sessions" / "monday"
        session.mkdir(parents=True)
        (session / "ledger.sqlite").write_bytes(data)
        for read in (_verified, _counted, _asked):
            with _refusals(), LedgerReader.read(session) as reader:
                read(reader, folder)


def folds(data: bytes) -> None:
    """Read what a hub kept of its counts, from a file whose digest fits, beside its ledger."""
    from tests.fuzz.seeds import recorded_ledger  # which needs this module

    with _folder() as session:
        (session / "ledger.sqlite").write_bytes(recorded_ledger())
        (session / FOLDS_FILE).write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
        with _refusals(), suppress(NotKept), LedgerReader.read(session) as reader:
            Folds.kept(reader)


def _verified(reader: LedgerReader, _: Path) -> None:
    for fault in verify(reader):
        assert fault.what


def _counted(reader: LedgerReader, state_dir: Path) -> None:
    read_result(reader, state_dir)


def _asked(reader: LedgerReader, _: Path) -> None:
    reader.summary()
    reader.answered()
    reader.openings()
    reader.descriptions()
    for waiting in reader.pending_frames():
        reader.labels(waiting.seen.frame)
    for found in reader.found_frames():
        for cell in found.cells:
            reader.standing(found.frame, cell.index)
            reader.thumbnail(found.frame, cell.index)


def picture(data: bytes) -> None:
    """Read a picture, its head and what it says of its scale; memory stays within what its size needs."""
    probe(data)
    describe(data)
    scale_from_metadata(data)
    for read in (decode, decode_whole):
        with _refusals():
            bgr = read(data, max_pixels=MOST_PIXELS)
            assert bgr.ndim == 3
            assert bgr.shape[0] * bgr.shape[1] <= MOST_PIXELS


def side_file(data: bytes) -> None:
    """Read what Zeiss's software writes beside a picture."""
    scale_from_metadata(b"", data)


def settings(data: bytes) -> None:
    """Read a settings file and, behind a cut, a variable in JSON of the same name as its first setting."""
    text, _, variable = data.partition(CUT)
    given = variable.replace(b"\0", b"").decode("utf-8", "surrogateescape")
    names = ("KEYS", "EXTRA_CLASSES", "PLACES", "MESSAGES", "UM_PER_PX", "CAMERA_SIZE", "BAND_RULE", "REVIEW")
    environment = {f"SMEARWATCH_{names[len(given) % len(names)]}": given} if variable else {}
    with _folder() as folder, mock.patch.dict(os.environ, environment):
        file = folder / "config.toml"
        file.write_bytes(text)
        with _refusals():
            load_settings(file)


def labels(data: bytes) -> None:
    """Read a table of labels."""
    with _folder() as folder, _refusals():
        file = folder / "labels.csv"
        file.write_bytes(data)
        for line, row in read_table(file):
            assert line > 0
            assert all(isinstance(value, str) for value in row.values())


def archive(data: bytes) -> None:
    """Take in an archived session: whole or not at all, and nothing is written elsewhere."""
    with _folder() as folder:
        file, state = folder / "monday.smearwatch", folder / "state"
        file.write_bytes(data)
        with _refusals():
            import_session(state, file, None, "A", progress)
        assert {each.name for each in folder.iterdir()} <= {"monday.smearwatch", "state"}
        assert all("partial" not in name for name in session_names(state))


def notes(data: bytes) -> None:
    """Read the small files that the program keeps for itself, which somebody may have altered."""
    reads: tuple[tuple[str, Callable[[Path], object]], ...] = (
        ("calibrations/home.json", list_calibrations),
        (DELETED_FILE, deletions),
        (IMPORTED_FILE, read_imported),
        (LOCATION_FILE, read_draft),
        (TALLY_FILE, lambda folder: Draft.open(folder, by="A", target=None).close()),
        ("accounts.json", lambda folder: list(Accounts(folder))),
        ("logins.json", lambda folder: Logins(folder / "logins.json", 1.0).of("x")),
        ("in-hand.json", lambda folder: InHand(folder / "in-hand.json")),
    )
    with _folder() as folder:
        for name, read in reads:
            file = folder / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(data)
            file.chmod(0o600)
            with _refusals():
                read(folder)


READERS: dict[str, Callable[[bytes], None]] = {
    read.__name__: read
    for read in (message, event, ledger, folds, picture, side_file, settings, labels, archive, notes)
}
