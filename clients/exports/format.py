"""What a format of exports is, how those that are installed are found, and what one gets to write from."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from smearwatch.clients.exports.result import SessionResult
from smearwatch.clients.progress import Advance, progress
from smearwatch.daemon.plugin_options import Options, OptionUnusable, validated_options
from smearwatch.daemon.plugins import PluginGroup, PluginUnusable
from smearwatch.daemon.record.reading import LedgerReader

__all__ = ["Export", "Format", "FormatUnusable", "Options", "Written", "find_format", "format_lines", "read_options"]

GROUP: Final = "smearwatch.exports"
"""The group of entry points; each names a `Format`."""

Makes: TypeAlias = Literal["text", "bytes", "folder"]
"""One file of text, one that is none, or a folder."""


class FormatUnusable(PluginUnusable):
    """A format that is not installed, is offered twice, or cannot be loaded."""

    wrongly_typed = True


class FormatOptionUnusable(OptionUnusable):
    """An option that a format does not have, or cannot use."""

    wrongly_typed = True


@dataclass(frozen=True, slots=True)
class Export:
    """What a format writes from.

    Attributes
    ----------
    result
        The session's result. Whatever counts or shares a file has, it has from here.
    ledger
        The session, to be read as it was when the result was folded; ``ledger.folder`` is its folder.
    state_dir
        Where all sessions are.
    progress
        Shows how far something is: ``with export.progress("cells", n) as advance: advance(done)``.
    """

    result: SessionResult
    ledger: LedgerReader
    state_dir: Path
    progress: Callable[[str, int], AbstractContextManager[Advance]] = progress


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, as a person is told: ``86 cells``; and whole sentences about what is not in it, or to heed."""

    what: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """A format of exports; an entry point of the group `GROUP` names one.

    Attributes
    ----------
    summary
        One line for the help, without a full stop.
    write
        Writes at a path that does not exist yet: one file, or a folder where `makes` says so. It is put in its place
        only when this has returned, so it is written whole or not at all. What the person can mend is raised as an
        exception with an attribute ``hint``.
    options
        The model of its options; its values are what was typed.
    makes
        What it writes with these options.
    """

    summary: str
    write: Callable[[Export, Path, Any], Written]
    options: type[Options] = Options
    makes: Callable[[Any], Makes] = field(default=lambda options: "text")


_FORMATS: Final = PluginGroup(
    GROUP, "format", "export format", "export format", lambda loaded: isinstance(loaded, Format), FormatUnusable
)


def find_format(name: str) -> Format:
    """Return the format of a name; raises `FormatUnusable`, with a near guess."""
    found = _FORMATS.load(_FORMATS.find(name))
    assert isinstance(found, Format)
    return found


def format_lines() -> Iterator[str]:
    """Yield for each format that is installed its name and what it is; of one that cannot be loaded, that."""
    for known in _FORMATS.known():
        try:
            summary = find_format(known.name).summary
        except FormatUnusable as unusable:
            summary = f"cannot be used: {unusable.hint}"
        yield f"{known.name}: {summary}"


def read_options(name: str, found: Format, given: dict[str, str]) -> Options:
    """Return the options of a format as they were typed; raises `FormatOptionUnusable`."""
    return validated_options(
        found.options, given, whose=f"format {name!r}", option="--option", error=FormatOptionUnusable
    )
