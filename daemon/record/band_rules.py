"""The rules between band and segmented neutrophils that a session may be counted under: their names and words."""

from typing import Final, Literal, TypeAlias, get_args

BandRule: TypeAlias = Literal["filament", "one-third", "japan-2013", "none"]

BAND_RULES: Final[tuple[BandRule, ...]] = get_args(BandRule)
WORDS: Final[dict[BandRule, str]] = {
    "filament": "filament rule: a filament without chromatin inside means segmented",
    "one-third": "one-third rule: narrowest place below a third of the widest means segmented",
    "japan-2013": "Japanese rule of 2013: a band is at least 3 times as long as wide, its narrowest place at least a "
    "third of the widest",
    "none": "no band rule: read band and segmented together, as neutrophils",
}
"""Each rule as a session's record says it."""


def rule_named(text: str) -> BandRule | None:
    """Return the rule of that name or of those words, None for another one, which cannot be applied."""
    return next((rule for rule in BAND_RULES if text in (rule, WORDS[rule])), None)


def in_words(text: str) -> str:
    """Return a rule as a session's record says it, whether it is given by its name or in own words."""
    named = rule_named(text)
    return text if named is None else WORDS[named]
