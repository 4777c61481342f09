"""What an archived session says of itself: what it is of, and each of its members by size and SHA-256."""

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, TypeAdapter, model_serializer
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.anchor import MOST_CARRIED, Anchor
from smearwatch.daemon.record.values import STRICT, Count, Frozen, Ordinal, Sha256, Word, without_none

FORMAT: Final = 2
"""The form of the file; a program that knows less refuses it. One without anchors is written in form 1 still."""

FORM_WITHOUT_ANCHORS: Final = 1
MANIFEST: Final = "manifest.json"
LEDGER: Final = "ledger.sqlite"

Held: TypeAlias = Literal["all", "none"]
"""Whether the frames' bytes are there."""


@dataclass(frozen=True, slots=True, config=STRICT)
class Member:
    """A member of the archive, by its bytes."""

    size: Count
    sha256: Sha256


@dataclass(frozen=True, slots=True, config=STRICT)
class Manifest:
    """An archived session.

    Attributes
    ----------
    format
        The form of the file, `FORMAT`.
    software
        The version that wrote it.
    session
        What the session is called in its record.
    said
        Its title, specimen, operator and note, as far as they are said.
    events, chain
        How many entries the record has, and the chain's value at the last: whoever knows it knows all of them.
    began_at_ns, last_at_ns
        When the first and the last entry were recorded, None without any.
    complete
        Whether the last count had ended in good order, so that nothing was being written.
    frames
        Whether the frames are in it.
    deidentified
        Whether what names people and specimens was taken out, so that the record is a new one.
    original
        Then: the head of the original's chain under the secret key of whoever holds that (HMAC-SHA256), and nothing
        from which it can be guessed.
    members
        Everything else in the file, by name.
    anchors
        Where the chain stood at earlier moments, as `smearwatch.daemon.record.anchors.carried` gives it.
    """

    format: Ordinal
    software: str
    session: Word
    said: Frozen[str]
    events: Count
    chain: Sha256
    began_at_ns: Count | None
    last_at_ns: Count | None
    complete: bool
    frames: Held
    deidentified: bool
    original: Sha256 | None
    members: Frozen[Member]
    anchors: Annotated[tuple[Anchor, ...], Field(max_length=10 * MOST_CARRIED)] | None = None

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "anchors")


MANIFESTS: Final[TypeAdapter[Manifest]] = TypeAdapter(Manifest)


def frame_member(frame: str) -> str:
    """Return under which name a frame is in an archive: where the frame store has it, too."""
    return f"frames/{frame[:2]}/{frame}"
