"""The differential adjusted for the machine's errors in words: for command line, page and terminal alike."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from smearwatch.daemon.share_text import fine_limits_text, percent_text

NONE: Final = (
    "no random review: the limits above hold sampling alone, and not how often the machine errs "
    "(`smearwatch review`, random review)"
)

_TITLE: Final = "adjusted"

SIGNED: Final = "the session is signed, so nothing more is asked for; the signature is under the result as reviewed"


def corrected_lines(shown: Mapping[str, Any], only: str | None = None) -> list[str]:
    """Return the adjusted result with a heading of its own, and what would bring it nearer; of few cells only that.

    Parameters
    ----------
    shown : mapping
        What ``sessions show --json`` prints.
    only : str, optional
        The one share that is cared for; every one unless given.
    """
    corrected = shown["corrected"]
    if corrected is None:
        return [NONE]
    signed = bool(shown["signed"])
    if adjusted(shown) is None:
        return [f"{_TITLE}: {line}" for line in adjusted_says(corrected, only, signed=signed)]
    rows = [
        f"  {name:<12}{percent_text(share):>14} %   95 % interval {fine_limits_text(share):>12}"
        for name, share in corrected["percent"].items()
    ]
    return [f"{_TITLE}: {holds_text(corrected)}:", *rows, *advice_lines(corrected, only, signed=signed)]


def adjusted(tally: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the adjusted result where enough cells were named at random to show it, else None."""
    corrected: Mapping[str, Any] | None = tally.get("corrected")
    return None if corrected is None or corrected["drawn"] < corrected["needed"] else corrected


def adjusted_says(corrected: Mapping[str, Any], only: str | None = None, *, signed: bool = False) -> list[str]:
    """Return what the adjusted result holds and what would bring it nearer; or that it stands on too few cells yet."""
    drawn, needed = corrected["drawn"], corrected["needed"]
    if drawn >= needed:
        return [holds_text(corrected), *advice_lines(corrected, only, signed=signed)]
    return [f"too few cells reviewed at random yet ({drawn} of {needed}) to show percentages"]


def holds_text(corrected: Mapping[str, Any]) -> str:
    """Return what the adjusted limits hold, and what they stand on."""
    if not corrected["left"]:
        return "a person named every cell, so that these limits hold sampling alone"
    drawn = _several(corrected["drawn"], "cell")
    waiting = f", {corrected['waiting']} more when those before them are named" if corrected["waiting"] else ""
    return f"limits hold sampling and the machine's errors, as {drawn} drawn at random show them{waiting}"


def review_numbers(corrected: Mapping[str, Any] | None, only: str | None = None) -> list[int]:
    """Return how many more drawn cells each share asks for, 0 where it is near enough; nothing before the first.

    Before there are enough to show shares, as many as are missing to that: a forecast from fewer says little.
    """
    if corrected is None:
        return []
    if (missing := corrected["needed"] - corrected["drawn"]) > 0:
        return [missing]
    return [each["review"] for name, each in corrected["more"].items() if only in (None, name)]


def advice_lines(corrected: Mapping[str, Any], only: str | None = None, *, signed: bool = False) -> list[str]:
    """Return what would bring the shares as near as wanted: more drawn cells, or more blood; nothing once signed."""
    if signed:
        return [SIGNED]
    more = {name: each for name, each in corrected["more"].items() if only in (None, name)}
    near = f"\N{PLUS-MINUS SIGN}{corrected['within']:g} points"
    review = {name: each["review"] for name, each in more.items() if each["review"] and not each["count"]}
    count = {name: each["count"] for name, each in more.items() if each["count"]}
    allowed = {name: more[name]["review"] for name in count if more[name]["review"]}
    lines = []
    if review:
        lines.append(f"to know to {near}, name more cells of the random review: {_by_number(review)}")
    if count:
        lines.append(
            f"to know to {near}, count more cells, for sampling alone is wider and naming cannot mend that; leukocytes "
            f"in all: about {_by_number(count)}"
        )
    if allowed:
        lines.append(f"to know nearly as well as these cells allow, name more of them: {_by_number(allowed)}")
    return lines or [f"known to {near}: nothing more is asked for"]


def _by_number(numbers: Mapping[str, int]) -> str:
    """Name what has the same number together, the largest number last."""
    names: defaultdict[int, list[str]] = defaultdict(list)
    for name, number in numbers.items():
        names[number].append(name)
    return ", ".join(f"{number} for {_and(names[number])}" for number in sorted(names))


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _several(number: int, what: str) -> str:
    return f"{number} {what if number == 1 else f'{what}s'}"
