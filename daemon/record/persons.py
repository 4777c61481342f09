"""Who is who: a person's name is typed each time anew, with other letters and blanks."""

import unicodedata
from collections.abc import Iterable


def person_key(name: str) -> str:
    """Return what two spellings of a person's name have in common: letters and signs without case and blanks."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def is_same_person(one: str, other: str) -> bool:
    """Return whether two names are one person's, as far as a name can tell."""
    return person_key(one) == person_key(other)


def distinct_persons(names: Iterable[str]) -> list[str]:
    """Return each person once, under the first of the spellings in alphabetical order."""
    spelt: dict[str, str] = {}
    for name in sorted(names):
        spelt.setdefault(person_key(name), name)
    return sorted(spelt.values())
