"""What other weights change in the signed sessions of an archive: each judged somewhere, all compared here."""

from collections.abc import Callable, Iterator
from pathlib import Path

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.tasks.over_archive import Outcome, Request
from smearwatch.models import checkpoint
from smearwatch.train.changes.archived import ARCHIVED_TASK, answers_from
from smearwatch.train.changes.report import WeightsChange
from smearwatch.train.changes.run import Judgements, check_differ, compare_answers
from smearwatch.train.data.sources import ReportLine


class NothingSigned(Hinted):
    """An archive without a signed session that can be judged."""


def find_archived_changes(
    archive: Path,
    results: Path,
    old: Path,
    new: Path,
    device: str,
    do: Callable[[Request], Outcome],
    report_line: ReportLine,
) -> tuple[WeightsChange, bool]:
    """Have every signed session of an archive judged under both weights, and compare.

    Returns
    -------
    WeightsChange, bool
        And whether a session could not be judged; the account names it.

    Raises
    ------
    WeightsUnusable, NothingToCompare
        See `smearwatch.train.changes.run.find_changes`.
    NothingSigned
        No session is signed.
    """
    check_differ(old, new)
    identities = {
        f"{side}_weights": checkpoint.load(folder).manifest.weights_id()
        for side, folder in (("old", old), ("new", new))
    }
    # Different processors and cards round otherwise: what is not said is the one that every computer has.
    decides = {**identities, "device": "cpu" if device == "auto" else device}
    places = {"old": str(old), "new": str(new)}
    outcome = do(Request(archive, results, ARCHIVED_TASK, decides, places))
    unsigned = [name for name in outcome.done if not outcome.results.read(name)["signed"]]
    if len(unsigned) == len(outcome.done) and not outcome.failed:
        hint = "sign some with `smearwatch sessions sign`, and archive them again"
        raise NothingSigned(f"no session in {archive} is signed", hint)
    if unsigned:
        sessions = "1 session" if len(unsigned) == 1 else f"{len(unsigned)} sessions"
        report_line(f"{sessions} left out, which nobody has signed")

    def judged() -> Iterator[Judgements]:
        for name in sorted({*outcome.done, *outcome.failed} - set(unsigned)):
            if name in outcome.failed:
                yield name, outcome.failed[name]
                continue
            result = outcome.results.read(name)
            for line in result["notes"]:
                report_line(line)
            yield name, answers_from(result["answers"], name)

    return compare_answers(old, new, judged(), report_line), bool(outcome.failed)
