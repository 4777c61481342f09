"""Rules between band and segmented neutrophils, and what they say of a measured nucleus. They change no verdict."""

from typing import Any, Final, Literal, TypeAlias, get_args

from smearwatch.daemon.record.classes import NEUTROPHILS
from smearwatch.daemon.record.events import Counted, Event, Found, Opened
from smearwatch.daemon.record.nucleus import Nucleus

BandRule: TypeAlias = Literal["filament", "one-third", "japan-2013", "none"]
RuleSays: TypeAlias = Literal["band", "segmented", "unclear"]

BAND_RULES: Final[tuple[BandRule, ...]] = get_args(BandRule)
WORDS: Final[dict[BandRule, str]] = {
    "filament": "filament rule: a filament without chromatin inside means segmented",
    "one-third": "one-third rule: narrowest place below a third of the widest means segmented",
    "japan-2013": "Japanese rule of 2013: a band is at least 3 times as long as wide, its narrowest place at least a "
    "third of the widest",
    "none": "no band rule: read band and segmented together, as neutrophils",
}
"""Each rule as a session's record says it."""

_PRECISION_UM: Final = 0.22  # the pixel in which outlines are drawn: no width is known better
_FILAMENT_UM: Final = 0.66  # three such pixels; the outlines follow nothing thinner
_COMPACT: Final = 2.0  # shorter than so many widths, lobes may lie upon each other
_LONG: Final = 3.0


def rule_named(text: str) -> BandRule | None:
    """Return the rule of that name or of those words, None for another one, which cannot be applied."""
    return next((rule for rule in BAND_RULES if text in (rule, WORDS[rule])), None)


def in_words(text: str) -> str:
    """Return a rule as a session's record says it, whether it is given by its name or in own words."""
    named = rule_named(text)
    return text if named is None else WORDS[named]


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


class BandRuleFold:
    """What the session's band rule says of its counted neutrophils, beside their verdicts.

    Apply a session's events in the ledger's order. The last rule stands for all. Memory grows with the cells.
    """

    def __init__(self) -> None:
        self._rule: BandRule | None = None
        self._nuclei: dict[tuple[str, int], Nucleus | None] = {}
        self._neutrophils: dict[tuple[str, int], tuple[str, Nucleus | None]] = {}

    def apply(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case Opened():
                self._rule = rule_of(event)
            case Found():
                judged = (cell for cell in event.cells if cell.is_judged)
                self._nuclei |= {(event.frame, cell.index): cell.nucleus for cell in judged}
            case Counted():
                nucleus = self._nuclei.get((event.frame, event.index))
                if event.instead_of is not None:
                    self._neutrophils.pop((event.instead_of.frame, event.instead_of.index), None)
                if event.verdict != "rejected" and event.cls in NEUTROPHILS:
                    self._neutrophils[event.frame, event.index] = (event.cls, nucleus)
            case _:
                pass

    def json(self) -> dict[str, Any]:
        """Return the rule's name, None for one in own words, and of how many neutrophils it says what."""
        said = [(cls, rule_says(self._rule, nucleus)) for cls, nucleus in self._neutrophils.values()]
        disagree = sum(says in NEUTROPHILS and says != cls for cls, says in said)
        unclear = sum(says == "unclear" for _, says in said)
        silent = sum(says is None for _, says in said)
        return {
            "rule": self._rule,
            "neutrophils": len(said),
            "agree": len(said) - disagree - unclear - silent,
            "disagree": disagree,
            "unclear": unclear,
            "not_judged": silent,
        }


def rule_of(opened: Opened) -> BandRule | None:
    """Return the rule that a session was opened under."""
    return rule_named(str(opened.settings.get("band_rule", opened.band_rule)))
