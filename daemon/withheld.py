"""Names that a log may not have: what people call sessions, specimens and files is withheld from it.

A session's name is taken for one that may hold a specimen's number, for people put it there.
"""

import os
import re
from collections.abc import Iterable
from typing import Final, TextIO

WITHHELD: Final = "(withheld)"
_FOLDER: Final = "(folder withheld)"
_words: dict[str, re.Pattern[str]] = {}


def withhold(*words: str | None) -> None:
    """Withhold words from this process's log from now on; None and what is empty change nothing.

    One that begins with a slash is a folder: with it goes what follows it in a path.
    """
    for word in words:
        if word and word.strip() and word not in _words:
            _words[word] = _pattern(word)


def _pattern(word: str) -> re.Pattern[str]:
    if word.startswith("/"):
        return re.compile(re.escape(word.rstrip("/")) + r"(?:/[^'\":]*|(?![\w.-]))")
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")


def without_names(text: str, also: Iterable[str] = ()) -> str:
    """Return a text without the words that are withheld, and without others."""
    known = sorted({**_words, **{word: _pattern(word) for word in also if word.strip()}}.items(), key=_longest_first)
    for word, pattern in known:
        text = pattern.sub(_FOLDER if word.startswith("/") else WITHHELD, text)
    return text


def _longest_first(item: tuple[str, re.Pattern[str]]) -> int:
    return -len(item[0])


def is_journal(stream: TextIO) -> bool:
    """Return whether what is written to a stream goes to systemd's journal, which names it by JOURNAL_STREAM."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # it is closed, or no file
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def for_stream(stream: TextIO, text: str) -> str:
    """Return a line as it may go into a stream: whole for a person who reads it, without names for the journal."""
    return without_names(text) if is_journal(stream) else text
