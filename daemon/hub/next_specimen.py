"""The next specimen on the same folder or camera: the line is drawn at the source, and written before it is agreed to.

A client asks; the source names what has come by then and is not read yet; that goes into the ledger, and only then is
the client told. From there on the session takes what was named and nothing else, and ends once all of it is counted.
"""

import time
from collections.abc import Callable
from dataclasses import astuple, dataclass

from smearwatch.daemon.hub.control import RunControl
from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.hub.peers import Peers, PeerState
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.names import NameUnusable
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.description import DescriptionUnusable, checked
from smearwatch.daemon.record.earlier import followed_in
from smearwatch.daemon.record.events import Followed, Seen, WaitingFile, flaw_of
from smearwatch.daemon.record.page_names import file_of_page
from smearwatch.daemon.record.schema import LEDGER_FILE, LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.wire.control import FileOnWire
from smearwatch.daemon.wire.messages import (
    Agreed,
    BeginNext,
    DrawLine,
    HoldLine,
    LineDrawn,
    Message,
    PauseReading,
    Refused,
    SourceState,
)
from smearwatch.daemon.withheld import withhold

ANSWER_S = 12.0
"""A source that has not answered by then cannot look through its folder: nothing is changed."""

_NO_PAUSE = "; the count was paused, and reads on: what came before is to be read"


@dataclass(frozen=True, slots=True)
class _Asked:
    client: bytes
    message: BeginNext
    next_session: str
    said: dict[str, str]
    source: bytes
    until_s: float


class NextSpecimen:
    """Whether the run goes over to the next specimen.

    Parameters
    ----------
    send : callable
        Takes an identity and a message for it.
    """

    def __init__(
        self,
        plan: RunPlan,
        journal: Journal,
        peers: Peers,
        control: RunControl,
        send: Callable[[bytes, Message], object],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._peers = peers
        self._control = control
        self._send = send
        self._clock = clock
        self._asked: _Asked | None = None
        self._followed = followed_in(journal.ledger)
        self._names = _names(self._followed)

    @property
    def begun(self) -> bool:
        """Whether the line is in the ledger."""
        return self._followed is not None

    @property
    def state(self) -> str | None:
        """What a person is told of it, None before the line is drawn."""
        if self._followed is None:
            return None
        return f"finishing this specimen, then session {self._followed.next_session}"

    def refuses(self, name: str) -> bool:
        """Return whether something that a source offers came after the line."""
        return self._followed is not None and self._names.isdisjoint((name, file_of_page(name)))

    def all_is_read(self) -> bool:
        """Return whether the sources have brought all that came before the line."""
        sources = list(self._peers.of("source"))
        states = [peer.source for peer in sources if peer.source is not None]
        return bool(sources) and len(states) == len(sources) and all(_is_empty(state) for state in states)

    def hold(self, source: bytes) -> None:
        """Tell a source that has just come where the line is, if there is one.

        A file that grew until it was taken stands there as it was taken: it is accounted for.
        """
        if self._followed is None:
            self._send(source, HoldLine(None))
            return
        files = {file.name: FileOnWire(*astuple(file)) for file in self._followed.waiting}
        for recorded in self._journal.ledger.seen_frames():
            seen = recorded.event
            if isinstance(seen, Seen) and seen.name in files:
                files[seen.name] = FileOnWire(seen.name, seen.size_bytes, seen.captured_at_ns)
        self._send(source, HoldLine(tuple(files.values())))

    def take(self, client: bytes, message: BeginNext) -> Refused | None:
        """Have the line drawn; the client is answered once it is in the ledger."""
        try:
            said = {name: text for name, given in message.said.items() if (text := checked(name, given)) is not None}
            name = message.next_session or time.strftime("%Y-%m-%dT%H-%M-%S")
            withhold(name, *said.values())
            folder = session_folder(self._plan.settings.state_dir, name)
        except KeyError as error:
            return Refused("bad_body", f"nothing can be said of a session under {error}"[:400])
        except (DescriptionUnusable, NameUnusable) as error:
            return Refused("bad_body", f"{error} ({error.hint})"[:600])
        sources = list(self._peers.of("source"))
        if (why := self._why_not(message, said)) is not None:
            return Refused("not_now", why)
        if (folder / LEDGER_FILE).exists():
            return Refused("not_now", f"there is a session {name} already; give another name")
        if len(sources) != 1:
            return Refused("not_now", "the source of frames is not there just now; ask again")
        said = self._stays_the_same() | said
        self._asked = _Asked(client, message, name, said, sources[0].identity, self._clock() + ANSWER_S)
        self._send(sources[0].identity, DrawLine(message.request))
        return None

    def drawn(self, peer: PeerState, message: LineDrawn) -> None:
        """Write the line that a source has drawn, and agree; where that fails, the source is to forget it."""
        asked = self._asked
        if asked is None or (peer.identity, message.request) != (asked.source, asked.message.request):
            self.hold(peer.identity)
            return
        self._asked = None
        if message.why is not None:
            self._send(asked.client, Refused("not_drawn", f"no next specimen: {message.why}"[:600]))
            return
        waiting = tuple(WaitingFile(*astuple(file)) for file in message.files)
        try:
            who, now_ns = asked.message.by, time.time_ns()
            event = Followed(who, now_ns, asked.next_session, asked.said, asked.message.target, waiting)
            self._journal.commit(event)
        except (LedgerUnusable, SessionSigned, ValueError) as error:
            get_logger().error("next specimen not begun", why=flaw_of(error))
            self.hold(peer.identity)
            self._send(asked.client, Refused("not_drawn", f"no next specimen: {flaw_of(error)}"[:600]))
            return
        self._followed, self._names = event, _names(event)
        paused, self._control.paused = self._control.paused, False  # what came before the line is to be read
        self._send(peer.identity, PauseReading(False))
        peer.source = None  # what it said before it drew the line says nothing of what it still has to bring
        self._send(asked.client, Agreed(asked.message.request, self._agreed(event) + (_NO_PAUSE if paused else "")))

    def expire(self) -> None:
        """Give up on a source that does not answer."""
        if self._asked is None or self._clock() < self._asked.until_s:
            return
        asked, self._asked = self._asked, None
        self.hold(asked.source)
        text = f"no next specimen: the source of frames has not answered for {ANSWER_S:.0f} s; ask again"
        self._send(asked.client, Refused("not_drawn", text))

    def _why_not(self, message: BeginNext, said: dict[str, str]) -> str | None:
        session = self._journal.ledger.session
        if message.session not in (None, session):
            return f"the session {session} is being counted, not {message.session}"
        if "specimen" not in said:
            return "name the number of the specimen or order"
        if self._plan.subfolder is not None:
            return "each subfolder is a specimen of its own: make another subfolder"
        if self._plan.replay_of is not None:
            return "this is a replay"
        if self._control.stopping:
            return f"session {session} is being stopped"
        if self._followed is not None:
            return f"session {session} ends already, and {self._followed.next_session} comes next"
        if self._asked is not None:
            return "somebody asks for the next specimen just now"
        states = [peer.source for peer in self._peers.of("source")]
        empty = bool(states) and all(state is not None and _is_empty(state) for state in states)
        if not self._journal.fold.frames["seen"] and empty:
            hint = f"correct what it is of: smearwatch sessions describe {session} --specimen {said['specimen']}"
            return f"session {session} has no picture yet; {hint}"
        return None

    def _stays_the_same(self) -> dict[str, str]:
        """Return what holds for the next specimen, too, unless something else is said: who counts."""
        last = self._journal.ledger.description()
        return {"operator": last.operator} if last is not None and last.operator is not None else {}

    def _agreed(self, event: Followed) -> str:
        left = len(event.waiting) + self._journal.fold.frames["pending"]
        first = f"{left} {'picture is' if left == 1 else 'pictures are'} finished first; " if left else ""
        return (
            f"specimen {event.said['specimen']} comes next, as session {event.next_session}: {first}"
            "what comes from now on is counted there"
        )


def _is_empty(state: SourceState) -> bool:
    return state.scanned and not state.waiting


def _names(followed: Followed | None) -> frozenset[str]:
    return frozenset() if followed is None else frozenset(file.name for file in followed.waiting)
