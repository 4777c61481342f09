"""From two weights and recorded sessions to what the one would have changed in the reports of the other."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import find_session, session_names
from smearwatch.daemon.record.views import CellKey
from smearwatch.models import checkpoint, memory
from smearwatch.models.classes import CLASSES
from smearwatch.models.engine import Engine
from smearwatch.models.memory import Memory
from smearwatch.train.changes.answers import Answer, CellAnswers, SessionAnswers, judge_session
from smearwatch.train.changes.figures import figures_of, read_otherwise
from smearwatch.train.changes.report import MachineChange, Renamed, SessionChange, WeightsChange
from smearwatch.train.data.copies import Shown
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.sources import ReportLine
from smearwatch.train.evaluation.judged import Judged
from smearwatch.train.evaluation.seen_in_training import part
from smearwatch.train.promotion.compare import Comparison, compare
from smearwatch.train.statistics import Paired


class NothingToCompare(Hinted):
    """There is no session to judge."""


@dataclass(frozen=True, slots=True)
class ChangesRequest:
    """Which weights, and which sessions by their folders."""

    old: Path
    new: Path
    sessions: tuple[Path, ...]
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A session's labelled cells: which one of the weights was trained on, and which stand beside such a one."""

    trained_on: frozenset[CellKey]
    near: frozenset[CellKey]


_Compared = tuple[Sample, CellAnswers]
_Pair = tuple[Answer, Answer]
Judgements = tuple[str, SessionAnswers | str]
"""A session's name, and its answers or why there are none."""


def signed_sessions(state_dir: Path) -> tuple[Path, ...]:
    """Return the folders of the sessions that are signed.

    Raises
    ------
    NothingToCompare
        None is.
    """
    found = []
    for name in session_names(state_dir):
        folder = find_session(state_dir, name)
        try:
            with LedgerReader.read(folder) as ledger:
                if ledger.signature() is not None:
                    found.append(folder)
        except LedgerUnusable:
            continue  # one that cannot be read cannot be compared; whoever names it is told why
    if not found:
        hint = "sign some with `smearwatch sessions sign`, or name sessions"
        raise NothingToCompare(f"no session under {state_dir} is signed", hint)
    return tuple(found)


def find_changes(request: ChangesRequest, progress: Progress, report_line: ReportLine) -> WeightsChange:
    """Judge every session under both weights, and compare.

    Raises
    ------
    WeightsUnusable, DeviceMissing
        One of the weights cannot be used.
    NothingToCompare
        No session can be judged.
    """
    check_differ(request.old, request.new)
    old, new = (Engine.load(folder, device=request.device) for folder in (request.old, request.new))

    def judged() -> Iterator[Judgements]:
        for folder in dict.fromkeys(request.sessions):
            try:
                yield folder.name, judge_session(folder, old, new, progress, report_line)
            except (DataUnusable, LedgerUnusable) as error:
                yield folder.name, f"{error} ({getattr(error, 'hint', '')})"

    return compare_answers(request.old, request.new, judged(), report_line)


def check_differ(old: Path, new: Path) -> None:
    """Refuse to compare weights with themselves.

    Raises
    ------
    WeightsUnusable
        One of the weights cannot be used.
    NothingToCompare
        They are the same.
    """
    if checkpoint.load(old).manifest.weights_id() == checkpoint.load(new).manifest.weights_id():
        raise NothingToCompare("both are the same weights", "name two that differ")


def compare_answers(old: Path, new: Path, judged: Iterable[Judgements], report_line: ReportLine) -> WeightsChange:
    """Compare what both weights answered, wherever it was judged; raises as `find_changes` does.

    Parameters
    ----------
    judged
        Each session's name, and its answers or why there are none.
    """
    manifests = [checkpoint.load(folder).manifest for folder in (old, new)]
    before, after = ({"weights": each.weights_id(), "name": each.name} for each in manifests)
    memories = [memory.load(folder) for folder in (old, new)]
    for who, known in zip(("old", "new"), memories, strict=True):
        if known is None:
            report_line(f"what the {who} weights were trained on is not known: some of these cells may be among it")
    sessions, left_out = [], {}
    checked: list[_Compared] = []
    learnt: list[_Compared] = []
    unlabelled: Counter[_Pair] = Counter()
    shown: Shown[str] = Shown()
    for name, answers in judged:
        if isinstance(answers, str):
            left_out[name] = answers
            continue
        if (other := shown.earlier(answers.known_by, name)) is not None:
            left_out[name] = f"its cells are of session {other} too, so they would count twice"
            continue
        seen = _seen(answers, memories)
        fresh = [(sample, answers.cells[key]) for key, sample in answers.samples.items() if key not in seen.near]
        checked += fresh
        learnt += [(sample, answers.cells[key]) for key, sample in answers.samples.items() if key in seen.near]
        unlabelled.update(_pairs(answers))
        sessions.append(_session(answers, seen, fresh, before["weights"]))
    if not sessions:
        name, why = next(iter(left_out.items()))
        raise NothingToCompare(f"no session can be compared: {name}: {why}", "name others")
    return WeightsChange(
        old=before,
        new=after,
        sessions=sessions,
        left_out=left_out,
        check=_compare(checked),
        learnt=_compare(learnt),
        machine=_machine(unlabelled),
    )


def _seen(answers: SessionAnswers, memories: Sequence[Memory | None]) -> _Seen:
    """Find what is no check: cells of frames that were trained on or chosen by, and all of the same run of frames."""
    every = list(answers.samples.values())
    trained = {
        key
        for key, sample in answers.samples.items()
        if any(known is not None and known.seen_in_training(sample.digest) for known in memories)
    }
    kept = [{sample.sample_id for sample in part(every, known, "test").kept} for known in memories]
    near = {key for key, sample in answers.samples.items() if any(sample.sample_id not in each for each in kept)}
    return _Seen(frozenset(trained), frozenset(near | trained))


def _session(answers: SessionAnswers, seen: _Seen, fresh: list[_Compared], old: str) -> SessionChange:
    before, after = _sides(answers.cells)
    one, two = figures_of(before, answers.labels), figures_of(after, answers.labels)
    mine = [cell for cell in answers.cells.values() if cell.recorded_by == old]
    as_recorded = [sum(cell.recorded == cell.before for cell in mine), len(mine)] if mine else None
    return SessionChange(
        session=answers.name,
        signed=answers.signed,
        cells=len(answers.cells),
        labelled=len(answers.labels),
        trained_on=len(seen.trained_on),
        near_trained_on=len(seen.near - seen.trained_on),
        as_recorded=as_recorded,
        check=_compare(fresh),
        machine=_machine(Counter(_pairs(answers))),
        before=one,
        after=two,
        changed=one != two,
        otherwise=list(read_otherwise(one, two, before, after)),
    )


def _sides(cells: Mapping[CellKey, CellAnswers]) -> tuple[dict[CellKey, Answer], dict[CellKey, Answer]]:
    return {key: cell.before for key, cell in cells.items()}, {key: cell.after for key, cell in cells.items()}


def _compare(cells: Sequence[_Compared]) -> Comparison | None:
    if not cells:
        return None
    samples = [sample for sample, _ in cells]
    return compare(samples, _judged([cell.before for _, cell in cells]), _judged([cell.after for _, cell in cells]))


def _judged(answers: Sequence[Answer]) -> Judged:
    names: tuple[str, ...] = CLASSES
    return Judged(
        np.array([names.index(answer.cls) for answer in answers], dtype=np.int64),
        np.array([answer.verdict for answer in answers], dtype=np.str_),
    )


def _pairs(answers: SessionAnswers) -> Iterator[_Pair]:
    """Yield both answers to each cell without a label."""
    return ((cell.before, cell.after) for key, cell in answers.cells.items() if key not in answers.labels)


def _machine(cells: Mapping[_Pair, int]) -> MachineChange:
    pairs: Counter[tuple[str, str]] = Counter()
    confirmed: Counter[tuple[bool, bool]] = Counter()
    for (before, after), count in cells.items():
        pairs[_name(before), _name(after)] += count
        confirmed[before.verdict == "confirmed", after.verdict == "confirmed"] += count
    renamed = [Renamed(one, two, count) for (one, two), count in pairs.most_common() if one != two]
    same = pairs.total() - sum(pair.cells for pair in renamed)
    both, gained, lost = confirmed[True, True], confirmed[False, True], confirmed[True, False]
    return MachineChange(pairs.total(), same, renamed, Paired(pairs.total(), both, gained, lost))


def _name(answer: Answer) -> str:
    return "rejected" if answer.verdict == "rejected" else answer.cls
