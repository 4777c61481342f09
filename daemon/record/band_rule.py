"""Rules between band and segmented neutrophils, and what they say of a measured nucleus. They change no verdict."""

from collections import Counter
from collections.abc import Callable
from dataclasses import astuple
from typing import Any, Final, Literal, TypeAlias

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.band_rules import BandRule, rule_named
from smearwatch.daemon.record.classes import NEUTROPHILS
from smearwatch.daemon.record.events import Counted, Event, Found, Opened, Replaced
from smearwatch.daemon.record.nucleus import Nucleus
from smearwatch.daemon.record.values import Count, Ordinal, Sha256

RuleSays: TypeAlias = Literal["band", "segmented", "unclear"]

NucleusOf: TypeAlias = Callable[[str, int], Nucleus | None]
_Says: TypeAlias = tuple[RuleSays | None, RuleSays | None, RuleSays | None]
_SAYING: Final[tuple[BandRule, ...]] = ("filament", "one-third", "japan-2013")
"""The rules that say something."""

_PRECISION_UM: Final = 0.22  # the pixel in which outlines are drawn: no width is known better
_FILAMENT_UM: Final = 0.66  # three such pixels; the outlines follow nothing thinner
_COMPACT: Final = 2.0  # shorter than so many widths, lobes may lie upon each other
_LONG: Final = 3.0


def rule_says(rule: BandRule | None, nucleus: Nucleus | None) -> RuleSays | None:
    """Return what a rule says of a nucleus.

    Parameters
    ----------
    rule : str or None
        None for one that cannot be applied.
    nucleus : Nucleus or None
        None where it was not measured.

    Returns
    -------
    str or None
        ``unclear`` where the measure cannot tell; None without a rule or without a measure.
    """
    if rule is None or rule == "none" or nucleus is None:
        return None
    third_um = nucleus.widest_um / 3.0
    narrow = nucleus.narrowest_um == 0.0 or nucleus.narrowest_um + _PRECISION_UM < third_um
    broad = nucleus.narrowest_um - _PRECISION_UM >= third_um
    if rule == "japan-2013":
        beyond_um = nucleus.length_um - _LONG * nucleus.widest_um
        # What is too short for a band counts as segmented there, lobes that lie upon each other among it.
        if narrow or beyond_um < -_LONG * _PRECISION_UM:
            return "segmented"
        return "band" if broad and beyond_um >= _LONG * _PRECISION_UM else "unclear"
    if narrow if rule == "one-third" else nucleus.narrowest_um <= _FILAMENT_UM:
        return "segmented"
    return "band" if broad and nucleus.long_to_short >= _COMPACT else "unclear"


@dataclass(slots=True, config=ConfigDict(extra="forbid", allow_inf_nan=False, defer_build=True))
class _Kept:
    """A snapshot: the rule, the nuclei of cells that wait, and of how many neutrophils the rules say what."""

    rule: BandRule | None
    waiting: dict[Sha256, list[tuple[Count, tuple[float, float, float, Ordinal] | None]]]
    said: list[tuple[Literal["band", "segmented"], _Says, Ordinal]]


_STATE: Final = TypeAdapter(_Kept)


class BandRuleFold:
    """What the session's band rule says of its counted neutrophils, beside their verdicts.

    Apply a session's events in the ledger's order, each once. The last rule stands for all. Memory is bounded by the
    cells that wait for their verdict.

    Parameters
    ----------
    nucleus_of : callable
        Returns the measured nucleus of a cell that has its verdict, by frame and index; None where there is none.
    """

    def __init__(self, nucleus_of: NucleusOf) -> None:
        self._nucleus_of = nucleus_of
        self._rule: BandRule | None = None
        self._waiting: dict[str, dict[int, Nucleus | None]] = {}
        self._said: Counter[tuple[str, _Says]] = Counter()

    def apply(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case Opened():
                self._rule = rule_of(event)
            case Found():
                judged = {cell.index: cell.nucleus for cell in event.cells if cell.is_judged}
                if judged:
                    self._waiting[event.frame] = judged
            case Counted():
                self._counted(event)
            case _:
                pass

    def _counted(self, event: Counted) -> None:
        before = event.instead_of
        if before is not None and _is_neutrophil(before):
            self._said[before.cls, _says(self._nucleus_of(before.frame, before.index))] -= 1
        waiting = self._waiting.get(event.frame, {})
        waits = event.index in waiting
        nucleus = waiting.pop(event.index, None)
        if not waiting:
            self._waiting.pop(event.frame, None)
        if _is_neutrophil(event):
            nucleus = nucleus if waits else self._nucleus_of(event.frame, event.index)
            self._said[event.cls, _says(nucleus)] += 1

    @property
    def neutrophils(self) -> int:
        """How many are counted."""
        return self._said.total()

    def json(self) -> dict[str, Any]:
        """Return the rule's name, None for one in own words, and of how many neutrophils it says what."""
        at = _SAYING.index(self._rule) if self._rule in _SAYING else None
        said = [(cls, None if at is None else says[at], n) for (cls, says), n in self._said.items()]
        disagree = sum(n for cls, says, n in said if says in NEUTROPHILS and says != cls)
        unclear = sum(n for _, says, n in said if says == "unclear")
        silent = sum(n for _, says, n in said if says is None)
        return {
            "rule": self._rule,
            "neutrophils": self.neutrophils,
            "agree": self.neutrophils - disagree - unclear - silent,
            "disagree": disagree,
            "unclear": unclear,
            "not_judged": silent,
        }

    def snapshot(self) -> dict[str, Any]:
        """Return everything that the fold remembers as plain dictionaries, lists, strings and numbers."""
        return {
            "rule": self._rule,
            "waiting": {
                frame: [(index, None if each is None else astuple(each)) for index, each in cells.items()]
                for frame, cells in self._waiting.items()
            },
            "said": [(cls, says, n) for (cls, says), n in self._said.items() if n],
        }

    @classmethod
    def restore(cls, snapshot: Any, nucleus_of: NucleusOf) -> "BandRuleFold":
        """Make a fold that goes on where `snapshot` was taken; raises pydantic's ``ValidationError``."""
        kept = _STATE.validate_python(snapshot)
        fold = cls(nucleus_of)
        fold._rule = kept.rule
        fold._waiting = {
            frame: {index: None if each is None else Nucleus(*each) for index, each in cells}
            for frame, cells in kept.waiting.items()
        }
        fold._said = Counter({(cls_, says): n for cls_, says, n in kept.said})
        return fold


def _says(nucleus: Nucleus | None) -> _Says:
    """Return what each rule says of a nucleus."""
    filament, one_third, japan = (rule_says(rule, nucleus) for rule in _SAYING)
    return filament, one_third, japan


def _is_neutrophil(verdict: Counted | Replaced) -> bool:
    return verdict.verdict != "rejected" and verdict.cls in NEUTROPHILS


def rule_of(opened: Opened) -> BandRule | None:
    """Return the rule that a session was opened under."""
    return rule_named(str(opened.settings.get("band_rule", opened.band_rule)))
