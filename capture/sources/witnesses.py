"""Who is asked about a frame's scale in a run."""

from smearwatch.capture.scale_claims import ScaleClaim
from smearwatch.capture.sources.frame import SourceFrame
from smearwatch.capture.sources.scales import ScaleDesk, Witness
from smearwatch.daemon.plan import RunPlan


def scale_desk(plan: RunPlan) -> ScaleDesk:
    """Set up the desk that scales a run's frames.

    Parameters
    ----------
    plan
        The run.
    """
    witnesses: list[Witness] = [of_source]
    if (um_per_px := plan.um_per_px) is not None:
        claim = ScaleClaim("configured", um_per_px, "um_per_px of the settings")
        witnesses.append(lambda _: claim)
    settings = plan.settings
    trusted = None if settings.scale_from == "auto" else settings.scale_from
    return ScaleDesk(witnesses, trusted=trusted, max_pixels=settings.max_frame_pixels)


def of_source(frame: SourceFrame) -> ScaleClaim | None:
    """Say what a camera's own software told with the picture.

    Parameters
    ----------
    frame
        As its source gave it.
    """
    if frame.um_per_px is None:
        return None
    return ScaleClaim("metadata", frame.um_per_px, frame.um_per_px_source or "the source")
