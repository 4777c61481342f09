"""A session of an archive, laid where a task can work with it, for as long as it does."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from smearwatch.daemon.atomic_write import make_folder
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.record.importing import import_session
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import check_name, session_folder, sessions_root

_BY = "replay"


class SessionWithoutFrames(Hinted):
    """A session whose frames are not there."""


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield the folder of a session, an archive's file or a recorded folder, under its name in a state folder alone.

    A file is checked as `smearwatch sessions import` checks it; a folder is not copied, and not written to.

    Raises
    ------
    ArchiveUnusable, ImportFailed, AuditUnusable
        It cannot be unpacked.
    SessionWithoutFrames
        The session was archived without its frames.
    """
    with tempfile.TemporaryDirectory(prefix="smearwatch-", ignore_cleanup_errors=True) as folder:
        state_dir = Path(folder) / "state"
        if path.is_file():
            name, imported = import_session(state_dir, path, None, _BY, _quietly)
            if imported.frames == "none":
                raise SessionWithoutFrames(f"{path}: archived without its frames", "export it with them")
        else:
            with LedgerReader.read(path) as ledger:
                name = check_name(ledger.session)
            make_folder(sessions_root(state_dir))
            session_folder(state_dir, name).symlink_to(path, target_is_directory=True)
        yield session_folder(state_dir, name)


@contextmanager
def _quietly(_what: str, _total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _done: None
