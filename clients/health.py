"""Whether the count turns, in a word and one line, for whoever asks over HTTP."""

from dataclasses import dataclass
from typing import Final

from starlette.responses import PlainTextResponse, Response

SILENT_S: Final = 5.0
"""So long without a word, and the daemon does not turn: it speaks every second."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether something is as it should be, and one line on it, without any name."""

    ok: bool
    line: str

    def response(self) -> Response:
        """Return what is answered: 200 or 503, and the line."""
        return PlainTextResponse(f"{self.line}\n", 200 if self.ok else 503, {"cache-control": "no-store"})


def alive(heard_s: float | None, now_s: float) -> Health:
    """Return whether the daemon turns, by when its last pulse came (monotonic; None: never)."""
    if heard_s is None:
        return Health(False, "no count is running: nothing was heard of it")
    silent_s = now_s - heard_s
    if silent_s >= SILENT_S:
        return Health(False, f"the count does not turn: nothing was heard of it for {silent_s:.0f} s")
    return Health(True, "the count is alive")
