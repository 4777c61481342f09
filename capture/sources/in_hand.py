"""What a source is at, noted where its next process finds it: so one picture cannot end a source for ever.

A picture may end the process that reads it: a fault in a decoder's library, no memory left, a computation without an
end. The next process takes the same picture first. So the name of each is noted before it is touched, and the note is
taken back after it; what is still noted when a process begins, ended the one before.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from smearwatch.capture.frame import SourceFrame
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.events import POISONED

ATTEMPTS: Final = 3
"""A picture that ended or hung its source so often is not touched again."""

REFUSAL: Final = (
    POISONED,
    f"reading it ended or hung the source {ATTEMPTS} times; to try again, copy it in by another name",
)
_MOST_NOTES: Final = 64


class InHand:
    """The pictures that a source is at, and how often each ended a process before.

    Parameters
    ----------
    path
        The note; a file that can be lost with the machine's start, for no process outlives that.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._notes = _read(path)
        self._held: set[str] = set()

    @classmethod
    def of(cls, plan: RunPlan, what: str) -> "InHand":
        """Return what the source of a plan notes of one kind of work; another session's pictures are others."""
        return cls(plan.settings.runtime_dir / f"in-hand-{plan.session}-{what}.json")

    def is_worn_out(self, name: str, size_bytes: int, at_ns: int) -> bool:
        """Return whether a picture, as written at that time, ended its process so often that it is left alone."""
        worn_out = self._notes.get(_key(name, size_bytes, at_ns), 0) >= ATTEMPTS
        if worn_out:
            get_logger().error("picture set aside: it ended or hung its source each time", file=name)
        return worn_out

    @contextmanager
    def holding(self, name: str, size_bytes: int, at_ns: int) -> Iterator[None]:
        """Note a picture while the body is at it.

        An error that tells a person what to do is no fault of the picture; any other ends the process, and counts.
        """
        key = _key(name, size_bytes, at_ns)
        self._notes[key] = self._notes.get(key, 0) + 1
        self._held.add(key)
        self._write()
        try:
            yield
        except Exception as error:
            if not isinstance(error, OSError) and getattr(error, "hint", None) is None:
                raise
            self._forget(key)
            raise
        self._forget(key)

    def let_go(self) -> None:
        """Take back what is held: the source is stopped by somebody, and no picture is to be blamed for that."""
        for key in tuple(self._held):
            self._forget(key)

    def _forget(self, key: str) -> None:
        self._held.discard(key)
        self._notes.pop(key, None)
        self._write()

    def _write(self) -> None:
        # Not brought to the disk: it has to outlive this process, not this machine's power.
        partial = self._path.with_suffix(".partial")
        with suppress(OSError):  # the hub has its sockets in this folder, and says what is wrong with it
            partial.touch(mode=0o600)  # others may pass through the folder
            partial.write_text(json.dumps(self._notes))
            os.replace(partial, self._path)


def set_aside(frame: SourceFrame) -> SourceFrame:
    """Return the frame that stands for a picture which is not touched again."""
    return SourceFrame(frame.name, None, frame.captured_at_ns, refusal=REFUSAL, size_bytes=frame.size_bytes)


def _key(name: str, size_bytes: int, at_ns: int) -> str:
    return f"{size_bytes} {at_ns} {name}"


def _read(path: Path) -> dict[str, int]:
    try:
        notes = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(notes, dict):
        return {}
    kept = [(key, tries) for key, tries in notes.items() if isinstance(tries, int)]
    return dict(kept[-_MOST_NOTES:])
