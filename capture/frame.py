"""A frame as a source delivers it."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A frame as a source delivers it.

    Attributes
    ----------
    name : str
        What a person knows it by, such as the file's name.
    data : bytes or None
        The file's bytes; None when it could not be taken, for the reason in `refusal`.
    captured_at_ns : int
        When the picture was complete (a file's modification time), nanoseconds since 1970.
    um_per_px, um_per_px_source
        Its scale where the source knows it; the delivery weighs it against other claims.
    side_file : bytes or None
        What the camera's software wrote beside the picture (Zeiss: `<name>_metadata.xml`).
    refusal : tuple of str or None
        (reason, detail) where it could not be taken.
    size_bytes : int
        The file's size.
    digest : str or None
        The SHA-256 of what could not be taken, where it is known.
    """

    name: str
    data: bytes | None
    captured_at_ns: int
    um_per_px: float | None = None
    um_per_px_source: str | None = None
    refusal: tuple[str, str] | None = None
    side_file: bytes | None = None
    size_bytes: int = 0
    digest: str | None = None

    @property
    def refused_as(self) -> str:
        """The identity of a frame that could not be taken: its content's, or else its name's, size's and time's."""
        described = f"{self.name}\0{self.size_bytes}\0{self.captured_at_ns}"
        return self.digest or hashlib.sha256(described.encode("utf-8", "replace")).hexdigest()
