"""Ways to do the same thing, in turn: one that is measured, and its floor or its peer, in every round both."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import quantiles
from typing import Any, Literal, TypeVar

Result = TypeVar("Result")
Quartiles = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Taken:
    """What one turn took, by the clock on the wall and of the processor."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure is to be: the ratio, that of processor time (of one thread's work), or what was measured itself."""

    kind: Literal["at most", "at least"]
    value: float
    of: Literal["ratio", "cpu_ratio", "ours"] = "ratio"

    def is_reached(self, value: float) -> bool:
        return value <= self.value if self.kind == "at most" else value >= self.value


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the page: three quartiles of what was measured, of what stands beside it, and of their ratio by round.

    ``ratio`` is ours by theirs. ``n`` is how many rounds there were; ``cpu_ratio`` is that of processor time.
    """

    what: str
    unit: str
    n: int
    ours: Quartiles
    beside: str = ""
    theirs: Quartiles | None = None
    ratio: Quartiles | None = None
    cpu_ratio: Quartiles | None = None
    aim: Aim | None = None

    def json(self) -> dict[str, Any]:
        """Return it with whether its aim is reached, None where there is none."""
        row = _rounded(asdict(self))
        # Held against what is written, so that a row never says otherwise than its own number.
        reached = None if self.aim is None else self.aim.is_reached(row[self.aim.of][1])
        return {**row, "reached": reached}


def quartiles(values: Sequence[float]) -> Quartiles:
    """Return the three quartiles."""
    if len(values) == 1:
        return (values[0],) * 3
    first, middle, third = quantiles(values, n=4, method="inclusive")
    return first, middle, third


def percentile_95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def timed(way: Callable[[], Result]) -> tuple[Result, Taken]:
    """Do something once; the processor's time is that of all threads of this process."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    result = way()
    return result, Taken(time.perf_counter() - wall_s, time.process_time() - cpu_s)


def in_turn(ways: Mapping[str, Callable[[], object]], rounds: int, *, discarded: int = 1) -> dict[str, list[Taken]]:
    """Do each way once a round. The first rounds, which find cold caches, are left out."""
    taken: dict[str, list[Taken]] = {name: [] for name in ways}
    for turn in range(discarded + rounds):
        for name, way in ways.items():
            _, once = timed(way)
            if turn >= discarded:
                taken[name].append(once)
    return taken


def compared(
    what: str,
    beside: str,
    ours: Sequence[Taken],
    theirs: Sequence[Taken],
    *,
    each: int = 1,
    aim: Aim | None = None,
) -> Figure:
    """Return the milliseconds of two ways, for one of ``each`` pieces, and their ratio round by round."""
    both = list(zip(ours, theirs, strict=True))
    cpu = [a.cpu_s / b.cpu_s for a, b in both if b.cpu_s > 0]
    return Figure(
        what,
        "ms",
        len(both),
        quartiles([1000.0 * one.wall_s / each for one in ours]),
        beside,
        quartiles([1000.0 * one.wall_s / each for one in theirs]),
        quartiles([a.wall_s / b.wall_s for a, b in both]),
        quartiles(cpu) if len(cpu) == len(both) else None,
        aim,
    )


def paired(
    what: str, unit: str, beside: str, ours: Sequence[float], theirs: Sequence[float], *, aim: Aim | None = None
) -> Figure:
    """Return two rows of numbers, and their ratio number by number."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return Figure(what, unit, len(ratios), quartiles(ours), beside, quartiles(theirs), quartiles(ratios), None, aim)


def alone(what: str, unit: str, values: Sequence[float], *, aim: Aim | None = None) -> Figure:
    """Return a row of numbers beside which nothing stands."""
    return Figure(what, unit, len(values), quartiles(values), aim=aim)


def _rounded(value: Any) -> Any:
    """Return figures to four digits: more than the spread ever leaves."""
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
