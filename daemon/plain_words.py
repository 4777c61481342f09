"""What a value fails by, in a technician's words: the checks' own sentences speak of inputs, integers and parsing."""

import difflib
import re
from collections.abc import Iterable
from typing import Final

_INSTEAD: Final = (
    (re.compile(r"Input should be a valid (?:integer|int)\b.*"), "{typed} is not a whole number"),
    (re.compile(r"Input should be a valid (?:number|float)\b.*"), "{typed} is not a number"),
    (re.compile(r"Input should be a finite number.*"), "{typed} is not a finite number"),
    (re.compile(r"Input should be a valid boolean\b.*"), "{typed} is neither true nor false"),
    (re.compile(r"Input should be greater than or equal to (\S+)"), "{typed} is below {0}, the least that can be"),
    (re.compile(r"Input should be less than or equal to (\S+)"), "{typed} is above {0}, the most that can be"),
    (re.compile(r"Input should be greater than (\S+)"), "{typed} is not above {0}"),
    (re.compile(r"Input should be less than (\S+)"), "{typed} is not below {0}"),
    (re.compile(r"Input should be a valid string\b.*"), "{typed} is no text: write it in quotes"),
    (re.compile(r"Input should be a valid dictionary\b.*"), "{typed} is no table of names"),
    (re.compile(r"Input should be ('.+)"), "{typed} is none of {0}"),
)


def in_plain_words(message: str, typed: str) -> str | None:
    """Return a check's message in plain words, None for one that is plain already.

    Parameters
    ----------
    message : str
        The check's own sentence, such as "Input should be a valid integer, ...".
    typed : str
        The value, as it is to be shown.
    """
    for pattern, words in _INSTEAD:
        if (match := pattern.fullmatch(message.rstrip("."))) is not None:
            named = [group.replace("'", "").replace(" or ", ", ") for group in match.groups()]
            return words.format(*named, typed=typed)
    return None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, None where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return near[0] if near else None
