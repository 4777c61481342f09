"""Who is who: a person's name is typed each time anew, with other letters and blanks."""

import unicodedata
from collections.abc import Iterable
from typing import Final

_UNSEEN: Final = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0") | {chr(code) for code in range(0xFE00, 0xFE10)}
"""What shows nothing, and counts as a letter or as a mark on one."""


def person_key(name: str) -> str:
    """Return what two spellings of a person's name have in common: its letters, without case, blanks and points."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    letters = [each for each in plain if unicodedata.category(each)[0] not in "PZC" and each not in _UNSEEN]
    return "".join(letters) or plain


def is_same_person(one: str, other: str) -> bool:
    """Return whether two names are one person's, as far as a name can tell."""
    return person_key(one) == person_key(other)


def distinct_persons(names: Iterable[str]) -> list[str]:
    """Return each person once, under the first of the spellings in alphabetical order."""
    spelt: dict[str, str] = {}
    for name in sorted(names):
        spelt.setdefault(person_key(name), name)
    return sorted(spelt.values())
