"""Who is asked about a frame's scale in a run."""

from smearwatch.capture.formats.header import probe
from smearwatch.capture.formats.metadata import MetadataOdd, scale_from_metadata
from smearwatch.capture.frame import SourceFrame
from smearwatch.capture.scale.calibration import DEFAULT_NAME, Calibration, CalibrationUnusable, load
from smearwatch.capture.scale.claims import ScaleClaim, ScaleMissing
from smearwatch.capture.scale.resolver import ScaleProvider, ScaleResolver
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.scale_rule import USABLE, is_usable


def scale_resolver(plan: RunPlan) -> ScaleResolver:
    """Set up the desk that scales a run's frames.

    Parameters
    ----------
    plan
        The run.

    Raises
    ------
    CalibrationUnusable
        The calibration that the run names is not there, or damaged.
    ScaleMissing
        The one source that the run trusts can have nothing to say.
    """
    providers: list[ScaleProvider] = [MetadataProvider()]
    named = plan.settings.calibration
    calibration = load(plan.settings.state_dir, named or DEFAULT_NAME)
    if calibration is not None:
        providers.insert(0, MicrometerProvider(calibration))
    elif named is not None:
        hint = f"`smearwatch calibrate --name {named}` first, or name one that `smearwatch calibrate --list` shows"
        raise CalibrationUnusable(f"no calibration {named!r}", hint)
    if (um_per_px := plan.um_per_px) is not None:
        claim = ScaleClaim("configured", um_per_px, "um_per_px of the settings")
        providers.append(lambda _: claim)
    settings = plan.settings
    trusted = None if settings.scale_from == "auto" else settings.scale_from
    if (trusted == "micrometer" and calibration is None) or (trusted == "configured" and plan.um_per_px is None):
        raise ScaleMissing("settings", trusted)
    return ScaleResolver(providers, trusted=trusted, max_pixels=settings.max_frame_pixels)


class MicrometerProvider:
    """Says what a stored calibration says, for pictures of the size that it was made with."""

    def __init__(self, calibration: Calibration) -> None:
        self._calibration = calibration
        self._told = False

    def __call__(self, frame: SourceFrame) -> ScaleClaim | None:
        """Compare sizes; a picture of another size is said once, for its scale is not known.

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
        if header.format is not None and not self._told:
            self._told = True
            detail = f"it is of {kept.width_px}x{kept.height_px}, the picture of {header.width_px}x{header.height_px}"
            hint = "calibrate with pictures as the camera writes them now"
            get_logger().warning("calibration not used", calibration=kept.name, frame=frame.name, why=detail, hint=hint)
        return None


class MetadataProvider:
    """Says what a camera's own software told with the picture: through its source, in the file or beside it."""

    def __init__(self) -> None:
        self._odd: set[str] = set()

    def __call__(self, frame: SourceFrame) -> ScaleClaim | None:
        """Read a frame's metadata; what makes no sense there is said once for each kind of it.

        Parameters
        ----------
        frame
            As its source gave it.
        """
        if frame.um_per_px is not None:
            who = frame.um_per_px_source or "the source"
            if is_usable(frame.um_per_px):
                return ScaleClaim("metadata", frame.um_per_px, who)
            self._tell_odd("source", frame, f"{who} says {frame.um_per_px:g} um/px, not {USABLE}", "correct it there")
            return None
        told = scale_from_metadata(frame.data or b"", frame.side_file)
        if isinstance(told, MetadataOdd):
            self._tell_odd(told.origin, frame, told.message, told.hint)
            return None
        return None if told is None else ScaleClaim("metadata", told.um_per_px, told.detail)

    def _tell_odd(self, kind: str, frame: SourceFrame, why: str, hint: str) -> None:
        if kind not in self._odd:
            self._odd.add(kind)
            get_logger().warning("scale in metadata not used", frame=frame.name, why=why, hint=hint)
