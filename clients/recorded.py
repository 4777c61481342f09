"""A session as it stands on disk: for one that has ended, and for what a client no longer hears from the daemon."""

from dataclasses import replace
from pathlib import Path

from smearwatch.clients.corrections import Corrections
from smearwatch.clients.elsewhere import Elsewhere
from smearwatch.clients.follower import Follower
from smearwatch.clients.standing import kept_standing
from smearwatch.clients.view import View
from smearwatch.daemon.names import NameUnusable
from smearwatch.daemon.record.corrected import WITHIN
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import session_folder


def recorded_view(
    state_dir: Path, session: str, *, pictures: bool = False, recent: int = 24, within: float = WITHIN
) -> View:
    """Return the last state of a recorded session.

    Parameters
    ----------
    state_dir : Path
        Where sessions live.
    session : str
        The session's name.
    pictures : bool
        Whether the last cells come with their thumbnails.
    within : float
        How near each share is to be known, in percentage points to either side.

    Raises
    ------
    LedgerUnusable
        There is no such ledger, or it is damaged.
    """
    record = RecordedSession(state_dir, session, pictures=pictures, recent=recent, within=within)
    record.read()
    return record.view()


class RecordedSession:
    """A session that nobody counts: as it stands on disk, which labels may change.

    Parameters
    ----------
    state_dir : Path
        Where sessions live.
    session : str
        The session's name.
    pictures : bool
        Whether the last cells come with their thumbnails.
    within : float
        How near each share is to be known, in percentage points to either side.
    """

    def __init__(
        self, state_dir: Path, session: str, *, pictures: bool = False, recent: int = 24, within: float = WITHIN
    ) -> None:
        self._folder = session_folder(state_dir, session)
        self._session = session
        self._follower = Follower(clock=lambda: 0.0, recent=recent, pictures=pictures)
        self._corrections = Corrections(state_dir, within)
        self._elsewhere = Elsewhere(state_dir)
        self._event: int | None = None

    def read(self) -> bool:
        """Take in what was recorded since; returns whether there is anything new, and true the first time.

        Raises
        ------
        LedgerUnusable
            There is no such ledger, or it is damaged.
        """
        with Ledger.read(self._folder) as ledger:
            if self._event == ledger.last_number:
                return self._corrections.behind
            if self._event is None:
                _begin(self._follower, ledger)
            _fold(self._follower, ledger)
            self._session, self._event = self._folder.name, ledger.last_number
        return True

    def view(self) -> View:
        """Return its state."""
        view = replace(self._follower.view(), connection="done", ended="recorded", session=self._session)
        return self._elsewhere.add(self._corrections.add(view))


def catch_up(follower: Follower, state_dir: Path) -> None:
    """Bring a follower to the end of its session's ledger, as far as the ledger can be read from here."""
    if follower.session is None:
        return
    try:
        with Ledger.read(session_folder(state_dir, follower.session)) as ledger:
            _fold(follower, ledger)
    except (LedgerUnusable, NameUnusable):
        # The daemon may keep its sessions elsewhere; what was heard of it stays on the screen.
        follower.counters["ledger_unreadable"] += 1


def _begin(follower: Follower, ledger: LedgerReader) -> None:
    """Begin with what the hub kept, where that is sure, so that not all events are to be read."""
    with ledger.at_one_moment():
        kept = kept_standing(ledger)
        if kept is not None and kept.number:
            last = next(ledger.events(after=kept.number - 1, limit=1))
            follower.begin(last, kept.tally, kept.recent or (), session=ledger.session, closed=not ledger.is_open)


def _fold(follower: Follower, ledger: LedgerReader) -> None:
    for recorded in ledger.events(after=follower.event):
        if not follower.take(recorded):
            break
    asked = follower.pictures_wanted
    pictures = {key: jpeg for key in asked if (jpeg := ledger.thumbnail(*key)) is not None}
    follower.give_pictures(asked, pictures)
