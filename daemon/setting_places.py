"""Where a setting was given: the line of a file that has it, and what was typed as ``--set KEY=VALUE``."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from smearwatch.daemon.regular_file import read_text

_PART: Final = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_KEY: Final = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")
_TABLE: Final = re.compile(rf"\s*\[\[?\s*({_PART}(?:\s*\.\s*{_PART})*)\s*\]")


class SetUnusable(ValueError):
    """What was typed after ``--set`` is no setting."""

    wrongly_typed = True
    hint = "write it as --set KEY=VALUE; `smearwatch config check` shows the keys"


def line_of(file: Path, path: Sequence[str]) -> int | None:
    """Return the number of the line that gives a setting, or the nearest that it belongs to; None where none does.

    Parameters
    ----------
    file
        A TOML file, which may be one that cannot be read.
    path
        The setting, and what in it is meant: ``("places", "bench", "um_per_px")``.
    """
    try:
        lines = read_text(file).splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    best, at = 0, None
    table: tuple[str, ...] = ()
    for number, line in enumerate(lines, start=1):
        if (heading := _TABLE.match(line)) is not None:
            table = _parts(heading[1])
            given = table
        elif (key := _KEY.match(line)) is not None:
            given = (*table, *_parts(key[1]))
        else:
            continue
        if (common := _common(given, path)) > best:
            best, at = common, number
    return at


def typed_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Return the settings that were typed as ``KEY=VALUE``, values as a TOML file has them, or as plain words.

    Raises
    ------
    SetUnusable
        One is no pair, or a key is given twice.
    """
    typed: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key:
            raise SetUnusable(f"--set {pair!r} gives no value")
        if key in typed:
            raise SetUnusable(f"--set {key} is given twice")
        try:
            typed[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            typed[key] = text.strip()
    return typed


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_PART, text))


def _common(given: Sequence[str], path: Sequence[str]) -> int:
    """Return how many parts of a path a line has, 0 for a line about something else."""
    both = list(zip(given, path, strict=False))
    return len(both) if all(a == b for a, b in both) else 0
