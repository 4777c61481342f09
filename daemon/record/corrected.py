"""The differential corrected by how the machine errs, as the cells say that were drawn at random and named."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from smearwatch.daemon.record.classes import CLASSES, NEUTROPHILS, UNDIVIDED, is_leukocyte
from smearwatch.daemon.record.intervals import clopper_pearson
from smearwatch.daemon.record.machine_error import share_limits

if TYPE_CHECKING:
    from smearwatch.daemon.record.draw import DrawFold, ReviewedCell, Sample

WITHIN: Final = 5.0
"""How near the shares are to be known, in percentage points to either side, where nobody says."""

NAMES: Final[dict[str, tuple[str, ...]]] = {**{name: (name,) for name in CLASSES}, "neutrophils": NEUTROPHILS}
"""What has a share: each class, and the neutrophils together, by the classes that it is made of."""

ENOUGH: Final = 20
"""Below so many cells named at random no screen shows the shares: with ten the limits are 39 points wide."""

_ADVICE_DRAWS: Final = 1000
_STEPS: Final = 12
_NEARLY: Final = 1.25

Kind: TypeAlias = Literal["settled", "drawn", "left"]
Case: TypeAlias = tuple[list[float], list[list[float]]]
"""What is settled and what is not, as `share_limits` takes them."""


def corrected_json(fold: "DrawFold", within: float = WITHIN) -> dict[str, Any] | None:
    """Return the corrected differential, None where nothing was drawn and named: then there is nothing to say.

    Parameters
    ----------
    fold : DrawFold
        The session's.
    within : float
        How near each share is to be known, in percentage points to either side.

    Returns
    -------
    dict
        ``percent`` holds the share of each class and of the neutrophils with limits for sampling and the machine's
        errors together, in percent; ``drawn`` how many cells of the random review it stands on, ``waiting`` how many
        more were named and count once those are named that come before them, ``labelled`` all cells that a person
        named, ``left`` those that nobody has. With fewer drawn than ``needed`` people are not shown the shares.
        ``more`` says for each share what would bring it within ``within``:
        ``review`` so many more drawn cells, 0 where it is so near already. Where sampling alone is wider ``count`` is
        about how many leukocytes would do, and ``review`` brings the limits to a quarter more than sampling alone.
    """
    sample = fold.sample()
    named_all = not sample.left and sample.settled
    if not named_all and not (fold.began and (sample.drawn or sample.ahead)):
        return None
    corrected = Corrected(sample)
    left = sum(cell.label is None for cell in sample.left)
    return {
        "drawn": len(sample.drawn),
        "needed": min(ENOUGH, len(sample.drawn) + left),
        "waiting": sample.ahead,
        "labelled": sample.labelled,
        "left": left,
        "percent": corrected.percent,
        "within": within,
        "more": corrected.more(within),
    }


@dataclass(frozen=True)
class Corrected:
    """What a sample says of the session's shares."""

    sample: "Sample"

    @cached_property
    def _cells(self) -> Counter[tuple[Kind, str, str | None]]:
        """How many cells there are by what is known of them, the machine's word, and the person's."""
        kinds: tuple[tuple[Kind, tuple[ReviewedCell, ...]], ...] = (
            ("settled", self.sample.settled),
            ("drawn", self.sample.drawn),
            ("left", self.sample.left),
        )
        return Counter((kind, _word(cell), cell.label) for kind, cells in kinds for cell in cells)

    @cached_property
    def values(self) -> dict[str, float]:
        """Each share: who was named counts so, and the rest as the drawn cells of the same machine's word were."""
        shared: defaultdict[str, float] = defaultdict(float)
        for (_, word, label), n in self._cells.items():
            if label is not None:
                shared[_name(word, label)] += n
        for word in {word for kind, word, _ in self._cells if kind == "left"}:
            for name, cells in self._unnamed(word).items():
                shared[name] += cells
        leukocytes = sum(n for name, n in shared.items() if is_leukocyte(name))
        shares = {}
        for name, classes in NAMES.items():
            cells = sum(shared[each] for each in classes) + (shared[UNDIVIDED] if classes == NEUTROPHILS else 0)
            shares[name] = cells / leukocytes if leukocytes else 0.0
        return shares

    def _unnamed(self, word: str) -> dict[str, float]:
        """Share out the cells of one machine's word that nobody named."""
        drawn: Counter[str] = Counter()
        known: Counter[str] = Counter()
        for (kind, said, label), n in self._cells.items():
            if said == word and label is not None and kind != "settled":
                (drawn if kind == "drawn" else known)[_name(word, label)] += n
        unnamed = self._cells["left", word, None]
        if not drawn:
            return {word: float(unnamed)}
        # Of all that were not drawn, less those that were picked and are known.
        left = unnamed + known.total()
        expected = {name: max(left * n / drawn.total() - known[name], 0.0) for name, n in drawn.items()}
        total = sum(expected.values())
        return {name: unnamed * n / total for name, n in expected.items()} if total else {}

    @cached_property
    def percent(self) -> dict[str, dict[str, float]]:
        """Each share in percent with its 95 % limits."""
        limits = _limits([self._case(name, upper=upper) for upper in (False, True) for name in NAMES])
        percent = {}
        for at, (name, value) in enumerate(self.values.items()):
            low, high = limits[at][0], limits[len(NAMES) + at][1]
            percent[name] = {
                "value": round(100 * value, 4),
                "low": round(100 * min(low, value), 2),
                "high": round(100 * max(high, value), 2),
            }
        return percent

    def _case(self, name: str, *, upper: bool, of_all: float | None = None) -> Case:
        """Count for one share: what is settled, and the parts by the machine's word, the share's own and any other.

        A neutrophil of which nobody said whether it is a band counts as whatever makes the limit wider. With `of_all`
        more is drawn, until that share of all that could be is drawn, and found to be like what was drawn before.
        """
        classes = NAMES[name]
        settled, parts = [0.0, 0.0], [[0.0] * 7, [0.0] * 7]
        for (kind, word, label), n in self._cells.items():
            part = parts[word not in classes]
            what = None if label is None else _what(label, classes, upper=upper)
            if kind != "left" and what is not None and what < 2:
                settled[what] += n
            if kind == "drawn" and what is not None:
                part[1 + what] += n
            if kind == "left":
                part[0] += n
                if what is not None:
                    part[4 + what] += n
        if of_all is not None:
            for own, part in zip((True, False), parts, strict=True):
                _draw_on(settled, part, of_all, own=own)
        return settled, parts

    def more(self, within: float) -> dict[str, dict[str, int | None]]:
        """Return what would bring each share within so many percentage points; see `corrected_json`."""
        wanted, counts = {}, {}
        for name, share in self.percent.items():
            if share["high"] - share["low"] > 2 * within:
                sampling = 100 * self._width_of_sampling(name)
                counts[name] = math.ceil(self._leukocytes * (sampling / within) ** 2 / 10) * 10
                wanted[name] = within if sampling <= within else _NEARLY * sampling
                if sampling <= within:
                    del counts[name]
        review = self._to_draw(wanted)
        return {name: {"review": review.get(name, 0), "count": counts.get(name)} for name in NAMES}

    def _to_draw(self, wanted: dict[str, float]) -> dict[str, int]:
        """Return how many more drawn cells bring each share within so many points."""
        asked, drawn = len(self.sample.asked), len(self.sample.drawn)
        if not asked:
            return dict.fromkeys(wanted, 0)
        steps = sorted({round(asked * (at / _STEPS) ** 2) for at in range(1, _STEPS + 1)})
        every = drawn + len(self.sample.left)
        cases = [
            self._case(name, upper=upper, of_all=(drawn + more) / every)
            for name in wanted
            for more in steps
            for upper in (False, True)
        ]
        limits = iter(_limits(cases, draws=_ADVICE_DRAWS))
        found = {}
        for name, points in wanted.items():
            share, goal, before = self.percent[name], _narrowness(2 * points), 0
            last = _narrowness(share["high"] - share["low"])
            found[name] = 0 if last >= goal else asked
            for more in steps:
                (low, _), (_, high) = next(limits), next(limits)
                now = max(_narrowness(100 * (high - low)), last)
                if last < goal <= now:
                    found[name] = before + math.ceil((goal - last) / (now - last) * (more - before))
                before, last = more, now
        return found

    @cached_property
    def _leukocytes(self) -> int:
        """About how many leukocytes there are."""
        return sum(
            n for (_, word, label), n in self._cells.items() if is_leukocyte(_name(word, label) if label else word)
        )

    def _width_of_sampling(self, name: str) -> float:
        """Return half the width of the limits were every cell named."""
        low, high = clopper_pearson(round(self.values[name] * self._leukocytes), self._leukocytes)
        return (high - low) / 2


def _narrowness(width: float) -> float:
    """Return what grows about as the number of drawn cells does."""
    return 1 / max(width, 1e-9) ** 2


def _draw_on(settled: list[float], part: list[float], of_all: float, *, own: bool) -> None:
    """Draw on in a part until so much of it is drawn, and find what was found; nothing found: the machine is right."""
    left, *seen = part
    drawn, known = seen[:3], seen[3:]
    before = sum(drawn)
    now = max(round((left + before) * of_all), round(before))
    shares = [n / before for n in drawn] if before else [1.0, 0.0, 0.0] if own else [0.0, 1.0, 0.0]
    for what in (0, 1):
        settled[what] += (now - before) * shares[what]
    fewer = (left + before - now) / left if left else 0.0
    part[:] = [left + before - now, *(now * share for share in shares), *(math.floor(n * fewer) for n in known)]


def _limits(cases: Sequence[Case], **options: int) -> list[list[float]]:
    import numpy as np

    if not cases:
        return []
    settled, parts = (np.array(each) for each in zip(*cases, strict=True))
    limits: list[list[float]] = share_limits(settled, parts, **options).tolist()
    return limits


def _word(cell: "ReviewedCell") -> str:
    """Return what the machine says of a cell."""
    return "rejected" if cell.verdict == "rejected" or cell.cls is None else cell.cls


def _name(word: str, label: str) -> str:
    """Return what a labelled cell is called in the reviewed result; see `smearwatch.daemon.record.review.name_of`."""
    return word if label == UNDIVIDED and word in NEUTROPHILS else label


def _what(label: str, classes: tuple[str, ...], *, upper: bool) -> int:
    """Return what a label makes of a cell: 0 of the classes, 1 another leukocyte, 2 neither."""
    if label == UNDIVIDED:
        return 0 if classes == NEUTROPHILS or (upper and classes[0] in NEUTROPHILS) else 1
    return 0 if label in classes else 1 if is_leukocyte(label) else 2
