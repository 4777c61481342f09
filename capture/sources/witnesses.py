"""Who is asked about a frame's scale in a run."""

from smearwatch.capture.metadata import MetadataOdd, scale_from_metadata
from smearwatch.capture.scale_claims import ScaleClaim
from smearwatch.capture.sources.frame import SourceFrame
from smearwatch.capture.sources.scales import ScaleDesk, Witness
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan


def scale_desk(plan: RunPlan) -> ScaleDesk:
    """Set up the desk that scales a run's frames.

    Parameters
    ----------
    plan
        The run.
    """
    witnesses: list[Witness] = [MetadataWitness()]
    if (um_per_px := plan.um_per_px) is not None:
        claim = ScaleClaim("configured", um_per_px, "um_per_px of the settings")
        witnesses.append(lambda _: claim)
    settings = plan.settings
    trusted = None if settings.scale_from == "auto" else settings.scale_from
    return ScaleDesk(witnesses, trusted=trusted, max_pixels=settings.max_frame_pixels)


class MetadataWitness:
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
            return ScaleClaim("metadata", frame.um_per_px, frame.um_per_px_source or "the source")
        told = scale_from_metadata(frame.data or b"", frame.side_file)
        if isinstance(told, MetadataOdd):
            if told.origin not in self._odd:
                self._odd.add(told.origin)
                get_logger().warning("scale in metadata not used", frame=frame.name, why=told.message, mend=told.mend)
            return None
        return None if told is None else ScaleClaim("metadata", told.um_per_px, told.detail)
