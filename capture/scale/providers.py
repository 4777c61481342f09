"""Scale providers: a stored calibration, and what the camera's software wrote."""

from collections.abc import Callable

from smearwatch.capture.formats.header import probe
from smearwatch.capture.formats.metadata import MetadataOdd, scale_from_metadata
from smearwatch.capture.frame import SourceFrame
from smearwatch.capture.scale.calibration import Calibration
from smearwatch.capture.scale.claims import ScaleClaim
from smearwatch.capture.scale.policy import ScaleWarning
from smearwatch.daemon.scale_rule import USABLE, is_usable


class MicrometerProvider:
    """Claims what a stored calibration holds, for pictures of the size that it was made with.

    Parameters
    ----------
    calibration
        What was measured.
    warn
        Called once, for the first picture of another size.
    """

    def __init__(self, calibration: Calibration, warn: Callable[[ScaleWarning], None]) -> None:
        self._calibration = calibration
        self._warn = warn
        self._warned = False

    def __call__(self, frame: SourceFrame) -> ScaleClaim | None:
        """Return the calibration's scale where the sizes agree; that of a picture of another size is not known.

        Parameters
        ----------
        frame
            As its source gave it.
        """
        header = probe(frame.data or b"")
        kept = self._calibration
        um_per_px = kept.for_picture(header.width_px, header.height_px)
        if um_per_px is not None:
            return ScaleClaim("micrometer", um_per_px, f"calibration {kept.name}, {kept.method}")
        if header.format is not None and not self._warned:
            self._warned = True
            sizes = f"{kept.width_px}x{kept.height_px}, the picture of {header.width_px}x{header.height_px}"
            why = f"calibration {kept.name} is of {sizes}"
            hint = "calibrate with pictures as the camera writes them now"
            self._warn(ScaleWarning("calibration not used", frame.name, why, hint))
        return None


class MetadataProvider:
    """Claims what a camera's own software states: through the source, in the file or beside it.

    Parameters
    ----------
    warn
        Called once for each kind of metadata in which a scale makes no sense.
    """

    def __init__(self, warn: Callable[[ScaleWarning], None]) -> None:
        self._warn = warn
        self._odd: set[str] = set()

    def __call__(self, frame: SourceFrame) -> ScaleClaim | None:
        """Return the scale in a picture's metadata, None where there is none that can be used.

        Parameters
        ----------
        frame
            As its source gave it.
        """
        if frame.um_per_px is not None:
            who = frame.um_per_px_source or "the source"
            if is_usable(frame.um_per_px):
                return ScaleClaim("metadata", frame.um_per_px, who)
            self._warn_once(
                "source", frame, f"{who} states {frame.um_per_px:g} um/px, not {USABLE}", "correct it there"
            )
            return None
        stated = scale_from_metadata(frame.data or b"", frame.side_file)
        if isinstance(stated, MetadataOdd):
            self._warn_once(stated.origin, frame, stated.message, stated.hint)
            return None
        return None if stated is None else ScaleClaim("metadata", stated.um_per_px, stated.detail)

    def _warn_once(self, kind: str, frame: SourceFrame, why: str, hint: str) -> None:
        if kind not in self._odd:
            self._odd.add(kind)
            self._warn(ScaleWarning("scale in metadata not used", frame.name, why, hint))
