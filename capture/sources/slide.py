"""Frames from a simulated slide, without files between: for trying things out, and as an example of a source."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated, Literal

from pydantic import Field as Limits

from smearwatch.capture.slide.mix import Mix
from smearwatch.capture.slide.slide import Field, Slide
from smearwatch.capture.slide.writer import SUFFIXES, Pace, encode
from smearwatch.capture.sources.base import Options, SourceFrame, deliver, read_options, scale_resolver
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.wire.messages import SourceState


class SlideOptions(Options):
    """The source's options, named as those of ``smearwatch slide``."""

    seed: Annotated[int, Limits(ge=0)] = 1
    start: Annotated[int, Limits(ge=0, le=10**9)] = 0
    fields: Annotated[int, Limits(ge=1, le=10**9)] | None = None
    rate: Annotated[float, Limits(ge=0.0, le=1000.0)] = 4.0
    um_per_px: float = 0.09
    size: Annotated[str, Limits(pattern=r"^[0-9]{3,4}x[0-9]{3,4}$")] = "1440x900"
    format: Literal["jpeg", "png", "tiff", "bmp"] = "png"
    quality: Annotated[int, Limits(ge=1, le=100)] = 92
    mix: str | None = None
    variation: Annotated[float, Limits(ge=0.0, le=1.5)] = 0.5
    blurred: Annotated[float, Limits(ge=0.0, le=1.0)] = 0.0

    def slide(self) -> Slide:
        """Lay the slide out.

        Raises
        ------
        SlideError
            A value that is outside the slide's limits.
        """
        width, height = self.size.split("x")
        return Slide(
            self.seed,
            um_per_px=self.um_per_px,
            width_px=int(width),
            height_px=int(height),
            mix=None if self.mix is None else Mix.parse(self.mix),
            variation=self.variation,
            blurred_share=self.blurred,
        )


class SlideSource:
    """The fields of a simulated slide, drawn in a thread of their own. Use as a context manager.

    Parameters
    ----------
    options
        Which slide, how many fields, how fast.
    clock_ns : callable
        Nanoseconds since 1970.
    """

    name = "slide"

    def __init__(self, options: SlideOptions, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._options = options
        self._slide = options.slide()
        self._pace = Pace(options.rate)
        self._clock_ns = clock_ns
        self._next = options.start
        self._drawn: Future[Field] | None = None
        self._due_s = 0.0
        self._known_before = 0

    def __enter__(self) -> "SlideSource":
        self._artist = ThreadPoolExecutor(1, thread_name_prefix="slide")
        return self

    def __exit__(self, *_: object) -> None:
        self._artist.shutdown(wait=True, cancel_futures=True)

    def ready(self, most: int) -> Sequence[SourceFrame]:
        """Return the next field once it is drawn and its time has come; see `Source`."""
        if not most or self._left == 0:
            return []
        if self._drawn is None:
            self._drawn = self._artist.submit(self._slide.field, self._next)
            self._due_s = time.monotonic() + self._pace.next_wait_s()
        if not self._drawn.done() or time.monotonic() < self._due_s:
            return []
        field, self._drawn = self._drawn.result(), None
        self._next += 1
        return [self._frame(field)]

    def taken(self, frame: SourceFrame, *, known: bool) -> None:
        """Count a field that the session had before (the same slide, carried on)."""
        self._known_before += known

    def state(self) -> SourceState:
        """Return how many fields are still to come; without a limit there is always one more."""
        counters = {"fields_drawn": self._next - self._options.start, "files_known_before": self._known_before}
        return SourceState(1 if self._left is None else self._left, True, self._left == 0, counters)

    @property
    def _left(self) -> int | None:
        options = self._options
        return None if options.fields is None else options.start + options.fields - self._next

    def _frame(self, field: Field) -> SourceFrame:
        data = encode(field.bgr, self._options.format, jpeg_quality=self._options.quality)
        name = f"field_{field.index:06d}{SUFFIXES[self._options.format]}"
        return SourceFrame(name, data, self._clock_ns(), field.um_per_px, "simulated slide", size_bytes=len(data))


def check(plan: RunPlan) -> None:
    """Raise what speaks against the plan's slide, before anything is begun."""
    read_options(SlideOptions, plan).slide()
    scale_resolver(plan)


def main(plan: RunPlan, role: Role) -> None:
    """Send the slide's fields, then wait until the role is stopped."""
    with SlideSource(read_options(SlideOptions, plan)) as source:
        deliver(plan, role, source)
