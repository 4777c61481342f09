"""What the end of a run left: files that were there, and were not counted."""

from typing import Final, Literal, TypeAlias

from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.values import STRICT, Count, Name

NOT_READ: Final = "not_read_"
"""So begin the counters of pictures of kinds that are not read; what follows is how their files' names end."""

LeftWhy: TypeAlias = Literal["incomplete", "being_written", "unreadable", "waiting"]
"""Why a file was not taken: its bytes end too early; its writer had it open; it could not be read; not read yet."""


@dataclass(frozen=True, slots=True, config=STRICT)
class LeftFile:
    """A file that was waited for when the run ended, so that no frame came of it; the time is that of its frame."""

    name: Name
    size_bytes: Count
    captured_at_ns: Count
    why: LeftWhy
