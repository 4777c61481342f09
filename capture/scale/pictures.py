"""The scale of single pictures: who claims what, picture by picture, and whether their red cells agree."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from smearwatch.capture.formats.metadata import MetadataOdd, scale_from_metadata, side_file_for
from smearwatch.capture.scale.claims import (
    REFUSE_APART,
    WARN_APART,
    ScaleClaim,
    ScaleDisputed,
    ScaleMissing,
    ScaleSource,
    apart,
    believed,
    dispute,
    worst,
)

_ENOUGH_PICTURES = 3


@dataclass(slots=True)
class PictureScales:
    """Decides each picture's scale.

    Attributes
    ----------
    configured
        What the command line says, None where it says nothing.
    trusted
        The only source to be believed, None for all in their order.
    warn
        Takes one line, without its end.
    """

    configured: ScaleClaim | None
    trusted: ScaleSource | None
    warn: Callable[[str], None]
    _warned: set[tuple[str, str]] = field(default_factory=set)
    _seen: list[tuple[ScaleClaim, float]] = field(default_factory=list)

    def of(self, file: Path, data: bytes) -> ScaleClaim | None:
        """Return the claim to search a picture by; None where its red cells have to tell.

        Parameters
        ----------
        file
            Where it lies, for the file that Zeiss's software writes beside it.
        data
            Its bytes.

        Raises
        ------
        ScaleDisputed, ScaleMissing
            When a person has to settle it.
        """
        claims = [claim for claim in (self._metadata(file, data), self.configured) if claim is not None]
        pair = worst(claims)
        if pair is not None:
            if self.trusted is None and apart(*pair) > REFUSE_APART:
                raise ScaleDisputed(str(file), *pair)
            self._once(f"{file}: {dispute(*pair)}", (pair[0].source, pair[1].source))
        if self.trusted == "red_cells":
            return None
        chosen = believed(claims, self.trusted)
        if chosen is None and self.trusted is not None:
            raise ScaleMissing(str(file), self.trusted)
        return chosen

    @property
    def wants_red_cells(self) -> bool:
        """Whether another picture's red cells would still say something."""
        return len(self._seen) < _ENOUGH_PICTURES

    def hear(self, claim: ScaleClaim, red_cells_um_per_px: float) -> None:
        """Compare what pictures were searched by with what their red cells say, once there are enough.

        Parameters
        ----------
        claim
            What the picture was searched by.
        red_cells_um_per_px
            What its red cells say.
        """
        self._seen.append((claim, red_cells_um_per_px))
        if len(self._seen) == _ENOUGH_PICTURES:
            ratio = median(said / used.um_per_px for used, said in self._seen)
            red_cells = ScaleClaim("red_cells", claim.um_per_px * ratio, f"{_ENOUGH_PICTURES} pictures")
            if apart(claim, red_cells) > WARN_APART:
                self._once(dispute(claim, red_cells), (claim.source, "red_cells"))

    def _metadata(self, file: Path, data: bytes) -> ScaleClaim | None:
        beside = side_file_for(file)
        told = scale_from_metadata(data, None if beside is None else beside.read_bytes())
        if isinstance(told, MetadataOdd):
            self._once(f"{file}: scale in its metadata not used: {told.message} ({told.hint})", (told.origin, "odd"))
            return None
        return None if told is None else ScaleClaim("metadata", told.um_per_px, told.detail)

    def _once(self, line: str, kind: tuple[str, str]) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            self.warn(line)
