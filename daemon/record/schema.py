"""The ledger's file: its tables, how it is opened, and the errors when it cannot be used."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

LEDGER_FILE: Final = "ledger.sqlite"
APPLICATION_ID: Final = 0x534D5257  # "SMRW": the file says what it is
LABELS_FORM, PLACES_FORM, LOOKS_FORM, VIEWS_FORM, STAINS_FORM, UNFAMILIAR_FORM = 2, 3, 4, 5, 6, 7
SIZES_FORM, NUCLEI_FORM, REVIEW_FORM, SIGNED_FORM, FOLLOWED_FORM, GROWING_FORM = 8, 9, 10, 11, 12, 13
POISONED_FORM = SCALE_FORM = SEARCHED_FORM = THUMBNAILS_FORM = ENGINES_FORM = LEFT_FORM = 14
STATISTICS_FORM = DRAW_FORM = TARGETS_FORM = SIGNED_FORM
LOCATION_FORM = EXTRA_FORM = ANEW_FORM = STRANGE_FORM = FOLLOWED_FORM
"""Forms of a ledger that holds labels, of one whose frames are registered, of one whose cells have appearance features,
of one where a better view of a leukocyte is judged again, of one whose cells have their stain, of one that names
unfamiliar cells, of one that has the size of the red cells around, of one whose cells have the shape of their nucleus,
of one whose labels say what the machine had said, and of one that was signed or read a second time, whose cells were
judged by the session's statistics or named out of the random review, or that has targets beside the number of cells, a
specimen, or other counts beside it; of one with a cell-location test, with extra classes of a laboratory, of one of
several specimens on one folder or camera, one after the other, of one whose first cells were judged anew, or that are
strange to the first layers alone, of one that says how a picture began that was still being written when the next
specimen was begun, and of one with a cell that nobody could judge, with the digests of its cells' small pictures, with
verdicts by another engine than the reference, that was signed although the red cells contradict its scale, with a frame
whose own red cells do not surely support it, or that names files which the end of a run left. The tables are those of
form 1, in which every ledger begins, ``better`` from form 5 on and ``moments`` from form 11 on; a program that knows
less refuses it."""

VERSION: Final = POISONED_FORM
FIRST_FORM: Final = 1

# `events` is the truth. The other tables are derived from it, in the same transaction, so that what is waiting can be
# asked for without reading the whole session. A cell's `at_edge` says why it is not counted: 0 it is, 1 it is cut by
# the edge, 2 it was counted in an earlier frame, 3 so it was, and this better view is judged again. The triggers keep
# the log append-only and gapless even for a hand-typed statement; INSERT OR REPLACE would otherwise slip past those on
# UPDATE and DELETE.
_TABLES: Final = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE events (
  number INTEGER PRIMARY KEY CHECK (number > 0),
  epoch INTEGER NOT NULL CHECK (epoch > 0),
  recorded_at_ns INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL UNIQUE,
  body TEXT NOT NULL,
  chain BLOB NOT NULL CHECK (length(chain) = 32)
) STRICT;
CREATE TABLE frames (
  frame TEXT PRIMARY KEY,
  seen_number INTEGER NOT NULL UNIQUE REFERENCES events (number),
  outcome_number INTEGER UNIQUE REFERENCES events (number),
  waiting INTEGER NOT NULL DEFAULT 0 CHECK (waiting >= 0),
  um_per_px_estimate REAL
) STRICT, WITHOUT ROWID;
CREATE INDEX frames_pending ON frames (seen_number) WHERE outcome_number IS NULL OR waiting > 0;
CREATE VIEW pending AS SELECT * FROM frames WHERE outcome_number IS NULL OR waiting > 0;
CREATE INDEX frames_estimate ON frames (outcome_number) WHERE um_per_px_estimate IS NOT NULL;
CREATE TABLE cells (
  frame TEXT NOT NULL REFERENCES frames (frame),
  cell INTEGER NOT NULL,
  at_edge INTEGER NOT NULL,
  counted_number INTEGER UNIQUE REFERENCES events (number),
  PRIMARY KEY (frame, cell)
) STRICT, WITHOUT ROWID;
CREATE TABLE thumbnails (
  frame TEXT NOT NULL,
  cell INTEGER NOT NULL,
  jpeg BLOB NOT NULL,
  PRIMARY KEY (frame, cell),
  FOREIGN KEY (frame, cell) REFERENCES cells (frame, cell)
) STRICT;
CREATE TRIGGER events_keep_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER events_keep_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER events_in_order BEFORE INSERT ON events
WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM events)
  OR EXISTS (SELECT 1 FROM events WHERE key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""

# Which view of the leukocyte counted as (counted_frame, counted_cell) is better than which; each is replaced only once.
_BETTER: Final = """
CREATE TABLE IF NOT EXISTS better (
  frame TEXT NOT NULL,
  cell INTEGER NOT NULL,
  than_frame TEXT NOT NULL,
  than_cell INTEGER NOT NULL,
  counted_frame TEXT NOT NULL,
  counted_cell INTEGER NOT NULL,
  PRIMARY KEY (frame, cell),
  UNIQUE (than_frame, than_cell),
  FOREIGN KEY (frame, cell) REFERENCES cells (frame, cell),
  FOREIGN KEY (than_frame, than_cell) REFERENCES cells (frame, cell)
) STRICT, WITHOUT ROWID
"""

# What a counted cell shows of the first stages of the networks that judged it: little-endian float16. The same weights
# measure it again, so the chain leaves it out.
_MOMENTS: Final = """
CREATE TABLE IF NOT EXISTS moments (
  frame TEXT NOT NULL,
  cell INTEGER NOT NULL,
  half BLOB NOT NULL,
  PRIMARY KEY (frame, cell),
  FOREIGN KEY (frame, cell) REFERENCES cells (frame, cell)
) STRICT
"""


class LedgerUnusable(Exception):
    """The ledger cannot be opened, read or written.

    Parameters
    ----------
    path : Path
        The ledger's file.
    what : str
        What is wrong with it.
    hint : str
        How to mend it.
    may_pass : bool
        Whether it may be over in a while without anybody touching the file.
    """

    def __init__(self, path: Path, what: str, hint: str, *, may_pass: bool = False) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path
        self.what = what
        self.hint = hint
        self.may_pass = may_pass


_MENDS: Final = {
    "SQLITE_FULL": "free space on that disk; everything acknowledged so far is safe",
    "SQLITE_BUSY": "another program holds the file open for writing; close it",
    "SQLITE_LOCKED": "another program holds the file open for writing; close it",
    "SQLITE_READONLY": "give this user the right to write in that folder",
    "SQLITE_PERM": "give this user the right to read that folder",
    "SQLITE_CANTOPEN": "check that the folder is there and that this user may use it",
    "SQLITE_IOERR": "check the disk; everything acknowledged so far is safe",
}
_LEAST_FREE_BYTES: Final = 64 * 1024
RESTORE: Final = "restore the session from a copy, or begin another one under a new name"


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn what SQLite raises inside into one `LedgerUnusable` with its hint."""
    try:
        yield
    except UnicodeDecodeError as error:  # a damaged file, in a name or a text of it
        raise LedgerUnusable(path, "damaged: a text in it is none", RESTORE) from error
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        what = str(error)
        if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")) and _is_full(path.parent):
            name, what = "SQLITE_FULL", "the disk is full"  # SQLite may not get as far as to notice
        hint = next((hint for code, hint in _MENDS.items() if name.startswith(code)), None)
        raise LedgerUnusable(path, what, hint or RESTORE, may_pass=hint is not None) from error


def _is_full(folder: Path) -> bool:
    """Return whether there is no room for SQLite's files beside a ledger."""
    try:
        return shutil.disk_usage(folder).free < _LEAST_FREE_BYTES
    except OSError:
        return False


def connect_to_write(path: Path, session: str) -> sqlite3.Connection:
    """Open a ledger for writing, and make it where there is none.

    Every commit is on the disk when it returns (``synchronous=FULL``).

    Raises
    ------
    LedgerUnusable
        The file is not a ledger, damaged, of a later version, or of another session.
    """
    _make_blank(path)
    with reported(path):
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            _set_up(connection, path, session)
            _check(connection, path)
            held = session_of(connection)
            if held != session:
                raise LedgerUnusable(path, f"holds the session {held!r}, not {session!r}", "name the folder as it was")
        except BaseException:
            connection.close()
            raise
    return connection


def _make_blank(path: Path) -> None:
    """Make the file, where it is missing, with what umask and the folder's access list allow; SQLite allows less."""
    with suppress(OSError):  # SQLite then says what is in the way
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666))


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a ledger for reading, also while it is being written, also on a read-only disk.

    Raises
    ------
    LedgerUnusable
        There is no file, or it is not a ledger, damaged, or of a later version.
    """
    if not path.is_file():
        raise LedgerUnusable(path, "no ledger there", "name a session that `smearwatch sessions list` shows")
    # Without the right to write its folder SQLite cannot share a file that somebody may be writing; then nobody is.
    alone = not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()
    uri = f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if alone else ''}"
    with reported(path):
        connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            connection.execute("PRAGMA busy_timeout = 5000")
            _check(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def session_of(connection: sqlite3.Connection) -> str:
    """Return the name that the session was opened under; raises `sqlite3.Error` where a damaged file has none."""
    row = connection.execute("SELECT value FROM about WHERE name = 'session'").fetchone()
    if row is None:
        raise sqlite3.DatabaseError("it does not say which session it is of")
    return str(row[0])


def has_better_views(connection: sqlite3.Connection) -> bool:
    """Return whether the ledger has the table ``better``, which came with form 5."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'better'").fetchone() is not None


def has_moments(connection: sqlite3.Connection) -> bool:
    """Return whether the ledger has the table ``moments``, which came with form 11."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'moments'").fetchone() is not None


def make_room_for_moments(connection: sqlite3.Connection) -> None:
    """Make the table ``moments`` where it is not there yet."""
    connection.execute(_MOMENTS)


def make_room_for_better_views(connection: sqlite3.Connection) -> None:
    """Make the table ``better`` where it is not there yet."""
    connection.execute(_BETTER)


def strange_statement(connection: sqlite3.Connection) -> str | None:
    """Return the name of a table, trigger, view or index that no ledger of ours has, or has otherwise, or lacks.

    A ledger from elsewhere may hold what would be carried out when it is read or written.
    """
    own = sqlite3.connect(":memory:")
    ask = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_autoindex_%' OR sql NOT NULL"
    own.executescript(_TABLES)
    needed = set(own.execute(ask))
    own.executescript(f"{_BETTER}; {_MOMENTS}")
    known = set(own.execute(ask))
    own.close()
    there = set(connection.execute(ask))
    return min((str(row[1]) for row in (there - known) | (needed - there)), default=None)


def _set_up(connection: sqlite3.Connection, path: Path, session: str) -> None:
    connection.execute("PRAGMA busy_timeout = 5000")
    if not _is_blank(connection):
        _check(connection, path)  # before anything is changed in a file that may be somebody else's
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA recursive_triggers = ON")
    connection.execute("PRAGMA journal_size_limit = 16777216")
    if _is_blank(connection):
        # In one transaction, header included: killed here, the file is still blank and is set up the next time.
        connection.executescript(
            f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FIRST_FORM}; " + _TABLES
        )
        connection.execute("INSERT INTO about VALUES ('session', ?)", (session,))
        connection.execute("COMMIT")


def _is_blank(connection: sqlite3.Connection) -> bool:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return tables == 0 and _pragma(connection, "application_id") == 0


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if _is_blank(connection):
        raise LedgerUnusable(path, "the ledger is empty", "start the session with `smearwatch run`")
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise LedgerUnusable(path, "not a ledger of smearwatch", "move that file away, or choose another session name")
    version = _pragma(connection, "user_version")
    if not FIRST_FORM <= version <= VERSION:
        raise LedgerUnusable(path, f"written in form {version}, this program knows {VERSION}", "update smearwatch")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)
