"""Lines on stdout as one role of a run."""

import sys
from collections.abc import Callable

from smearwatch.clients.feed import Feed
from smearwatch.clients.idling import Idling
from smearwatch.clients.lines import follow
from smearwatch.clients.stdout import close_stdout, to_stdout
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.withheld import is_journal, withhold, without_names


def main(plan: RunPlan, role: Role) -> None:
    """Follow the run's own session until it is finished or the parent asks for the end."""

    def stop() -> bool:
        role.beat()
        return role.stopping

    settings = plan.settings
    try:
        with Feed(settings.runtime_dir, settings.state_dir, session=plan.session, recent=0) as feed:
            write = _nameless(feed) if is_journal(sys.stdout) else to_stdout()
            follow(feed, write, stop, as_json=plan.as_json, idling=_idling(plan))
    except BrokenPipeError:
        close_stdout()


def _nameless(feed: Feed) -> Callable[[str], None]:
    """Return a writer for a log: it has no names, also none that a person gave the session meanwhile."""
    out = to_stdout()

    def write(line: str) -> None:
        view = feed.view()
        said = (view.tally or {}).get
        withhold(view.session, *(said(name) for name in ("title", "specimen", "operator", "note")))
        out(without_names(line))

    return write


def _idling(plan: RunPlan) -> Idling | None:
    """Return what says that all is counted, where a person ends the run; one that ends by itself needs no word."""
    if plan.watch_dir is None or plan.until_idle_s is not None or plan.subfolder is not None:
        return None
    return Idling(str(plan.watch_dir))
