"""Scales every frame of a run before it goes to the hub, and stops the run where claims about the scale contradict."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from smearwatch.capture.formats.decode import FrameUnusable, decode_whole
from smearwatch.capture.frame import SourceFrame
from smearwatch.capture.scale.calibration import DEFAULT_NAME, CalibrationUnusable, load
from smearwatch.capture.scale.claims import ScaleClaim, ScaleMissing
from smearwatch.capture.scale.policy import ENOUGH_FIELDS, ScalePolicy, ScaleProvider, ScaleWarning
from smearwatch.capture.scale.providers import MetadataProvider, MicrometerProvider
from smearwatch.capture.scale.red_cells import estimate_um_per_px
from smearwatch.capture.vision.field_part import find_part
from smearwatch.capture.vision.round_field import around, find_round_field, without_surround
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.picture_size import of_two_kinds

_MOST_FIELDS = 12  # measured for red cells; after that the check ends with what it has
_LONGEST_HELD_S = 3.0


def scale_resolver(plan: RunPlan) -> "ScaleResolver":
    """Return what scales a run's frames.

    Parameters
    ----------
    plan
        The run.

    Raises
    ------
    CalibrationUnusable
        The calibration that the run names is not there, or damaged.
    ScaleMissing
        The one source that the run trusts is not there.
    """
    settings = plan.settings
    providers: list[ScaleProvider] = [MetadataProvider(log_warning)]
    calibration = load(settings.state_dir, settings.calibration or DEFAULT_NAME)
    if calibration is not None:
        providers.insert(0, MicrometerProvider(calibration, log_warning))
    elif (named := settings.calibration) is not None:
        hint = f"`smearwatch calibrate --name {named}` first, or name one that `smearwatch calibrate --list` shows"
        raise CalibrationUnusable(f"no calibration {named!r}", hint)
    if (um_per_px := plan.um_per_px) is not None:
        claim = ScaleClaim("configured", um_per_px, "um_per_px of the settings")
        providers.append(lambda _: claim)
    trusted = None if settings.scale_from == "auto" else settings.scale_from
    if (trusted == "micrometer" and calibration is None) or (trusted == "configured" and plan.um_per_px is None):
        raise ScaleMissing("settings", trusted)
    return ScaleResolver(
        ScalePolicy(providers, trusted=trusted, warn=log_warning), max_pixels=settings.max_frame_pixels
    )


class ScaleResolver:
    """Scales frames, and checks the first of them against their red cells.

    A frame whose red cells speak clearly against its scale is held back, at most `ENOUGH_FIELDS` of them and
    `_LONGEST_HELD_S` long, until others confirm or refute it; so no cell is counted at a scale that is refused a moment
    later. Nothing is lost by a refusal: the frames stay where they came from.

    Parameters
    ----------
    policy
        Chooses the scale.
    max_pixels
        Largest picture that is decoded.
    clock
        Monotonic seconds.
    """

    def __init__(self, policy: ScalePolicy, *, max_pixels: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._max_pixels = max_pixels
        self._clock = clock
        self._held: list[SourceFrame] = []
        self._last_s = clock()
        self._measured = 0
        self._size: tuple[int, int] | None = None  # of the first picture that is compared
        self._checked = policy.trusted == "red_cells"

    @property
    def held(self) -> int:
        """How many frames are held back."""
        return len(self._held)

    @property
    def held_frames(self) -> Sequence[SourceFrame]:
        """The frames that are held back."""
        return tuple(self._held)

    def admit(self, frames: Sequence[SourceFrame]) -> list[SourceFrame]:
        """Take frames in, and return those that may go to the hub now, with their scale.

        Parameters
        ----------
        frames
            As the source gave them; may be empty, and should be called with none while frames are held.

        Raises
        ------
        ScaleDisputed, ScaleMissing
            When nothing can be counted until a person has settled the scale.
        """
        admitted: list[SourceFrame] = []
        for frame in frames:
            self._last_s = self._clock()
            claim = None if frame.data is None else self._policy.choose(frame)
            scaled = frame if frame.data is None else _scaled(frame, claim)
            if self._is_doubtful(scaled, claim):
                self._held.append(scaled)
            else:
                admitted.append(scaled)
        if not self._checked and self._is_time():
            self._decide()
        if self._checked:
            admitted, self._held = [*self._held, *admitted], []
        return admitted

    def _is_doubtful(self, frame: SourceFrame, claim: ScaleClaim | None) -> bool:
        """Measure a frame's red cells, while that is wanted; return whether they speak against its scale."""
        if self._checked or frame.data is None or claim is None:
            return False
        self._measured += 1
        try:
            bgr = decode_whole(frame.data, max_pixels=self._max_pixels)
        except FrameUnusable:
            return False  # the finder will reject it with its reason
        size = (bgr.shape[1], bgr.shape[0])
        if self._size is not None and of_two_kinds(size, self._size):
            return False  # another mode of the camera: the finder asks its own red cells
        self._size = self._size or size
        bgr = find_part(bgr).cut(bgr)
        field = find_round_field(bgr)
        estimate = estimate_um_per_px(around(without_surround(bgr, field), field))
        return self._policy.compare(replace(claim, detail=frame.name), estimate)

    def _is_time(self) -> bool:
        waited = bool(self._held) and self._clock() - self._last_s >= _LONGEST_HELD_S
        return waited or self._policy.measured >= ENOUGH_FIELDS or self._measured >= _MOST_FIELDS

    def _decide(self) -> None:
        """End the check: refuse or warn where the fields' scale and their red cells differ."""
        self._checked = True
        if (pair := self._policy.against_red_cells("field")) is not None:
            self._policy.refuse_or_warn("first frames", *pair)


def _scaled(frame: SourceFrame, claim: ScaleClaim | None) -> SourceFrame:
    if claim is None:
        return replace(frame, um_per_px=None, um_per_px_source=None)
    return replace(frame, um_per_px=claim.um_per_px, um_per_px_source=claim.source)


def log_warning(warning: ScaleWarning) -> None:
    """Write a warning into the log."""
    hint = {} if warning.hint is None else {"hint": warning.hint}
    get_logger().warning(warning.event, file=warning.where, why=warning.why, **hint)
