"""The next specimen on the same folder or camera: the line between two sessions, as the first of them records it."""

from typing import Any, Final, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.description import checked
from smearwatch.daemon.record.values import STRICT, Count, Frozen, Name, Ordinal, Person, Sha256, Word, without_none

FOLLOWS: Final = "follows"
"""Under this name the settings with which a session was opened have the session that it follows."""


@dataclass(frozen=True, slots=True, config=STRICT)
class WaitingFile:
    """What had come before the line and was not read yet, as it was then; the time is that of its frame.

    ``begins`` is the SHA-256 of what stood in it, where its writer may have gone on: what begins otherwise later on is
    another picture under its name.
    """

    name: Name
    size_bytes: Count
    captured_at_ns: Count
    begins: Sha256 | None = None

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "begins")


@dataclass(frozen=True, slots=True, config=STRICT)
class Followed:
    """A person began the next specimen. What had come by then is of this session, what comes later is of the next.

    From here on the session takes ``waiting`` and nothing else. ``said`` is what is said of the next session, by the
    names of `smearwatch.daemon.record.description`; ``target`` is how many cells it is to reach, None for as many as
    this one.
    """

    by: Person
    asked_at_ns: Count
    next_session: Word
    said: Frozen[str]
    target: Ordinal | None
    waiting: tuple[WaitingFile, ...]
    kind: Literal["followed"] = "followed"

    @model_validator(mode="after")
    def _can_be_said(self) -> "Followed":
        if any(checked(name, text) != text for name, text in self.said.items()):
            raise ValueError("blanks around what is said of the next specimen, or nothing")
        return self
