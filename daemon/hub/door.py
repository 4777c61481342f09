"""Who may join the session: sources of its place, workers with its weights; and the welcome that they are given."""

from dataclasses import replace

from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.hub.opening import opened
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.earlier import follows
from smearwatch.daemon.terms import terms_of
from smearwatch.daemon.wire.messages import Hello, Refused, Welcome

OTHER_SESSION, OTHER_WEIGHTS, OTHER_PLACE = "other_session", "other_weights", "other_place"


class Door:
    """Lets in who serves this very session."""

    def __init__(self, plan: RunPlan, journal: Journal) -> None:
        self._plan = plan
        self._journal = journal
        self._terms = terms_of(plan)
        self._told: dict[str, Refused] = {}

    def welcome(self) -> Welcome:
        """Return what everybody who joins is told."""
        ledger = self._journal.ledger
        return Welcome(
            session=ledger.session,
            epoch=ledger.epoch,
            last_event=ledger.last_number,
            terms=self._terms,
            begins_next=not self._journal.fold.frames["seen"] and follows(ledger) is not None,
        )

    def refuses(self, message: Hello) -> Refused | None:
        """Return why somebody may not join, None where it may."""
        refused = self._why_not(message)
        if refused is not None and self._told.get(message.name) != refused:
            self._told[message.name] = refused
            self._journal.counters["not_let_in"] += 1
            get_logger().warning("not let in", peer=message.name, why=refused.detail)
        return refused

    def _why_not(self, message: Hello) -> Refused | None:
        session, weights = self._journal.ledger.session, self._terms.weights_manifest
        if message.session not in (None, session):
            return Refused(OTHER_SESSION, f"the session {session} is being counted, not {message.session}")
        if message.role == "worker" and weights and message.weights_manifest != weights:
            return Refused(OTHER_WEIGHTS, f"session {session} is counted with other weights than the worker's")
        if message.role == "source" and self._plan.source is None:
            return self._place(message)
        return None

    def _place(self, message: Hello) -> Refused | None:
        """Record where frames come from, as a run of its own does at its start; one session is of one place.

        What the ledger cannot take just now raises, as with all that is written, and is asked again.
        """
        ledger = self._journal.ledger
        openings = ledger.openings()
        places = {
            each.settings["origin_of"]: each.settings["origin"] for each in openings if "origin_of" in each.settings
        }
        if message.origin_of in places:
            return None
        if places and not self._plan.carry_on:
            last = list(places.values())[-1]
            where = "another place" if last == message.origin else last
            return Refused(
                OTHER_PLACE, f"session {ledger.session} has pictures of {where}, and not of {message.origin or 'here'}"
            )
        event = opened(self._plan, ledger)
        place = {"source": message.source, "origin": message.origin, "origin_of": message.origin_of}
        if openings and openings[-1].epoch == ledger.epoch:
            ledger.begin_epoch()
        self._journal.commit(replace(event, epoch=ledger.epoch, settings={**event.settings, **place}))
        get_logger().info("the place of the pictures is known", folder=message.origin)
        return None
