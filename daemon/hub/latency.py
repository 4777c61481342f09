"""How long frames take from their files to the verdict on their last cell."""

import time

from smearwatch.daemon.hub.stages import StageTimes


class Latency:
    """The frames whose time runs since the hub started; `stages` is told how long each took."""

    def __init__(self, stages: StageTimes) -> None:
        self._stages = stages
        self.started_at_ns = time.time_ns()
        self._arrived_at_ns: dict[str, int] = {}

    @property
    def waiting(self) -> tuple[str, ...]:
        """The frames whose time runs."""
        return tuple(self._arrived_at_ns)

    def arrived(self, frame: str, captured_at_ns: int) -> None:
        """Note a new frame; a share's clock may be hours off, and an impossible time does not show how long it took."""
        if self.started_at_ns <= captured_at_ns <= time.time_ns():
            self._arrived_at_ns[frame] = captured_at_ns

    def settled(self, frame: str) -> None:
        """Note that a frame's last cell was just counted."""
        if frame in self._arrived_at_ns:
            self._stages.counted(max(0.0, (time.time_ns() - self._arrived_at_ns.pop(frame)) / 1e6))

    def forget(self, frame: str) -> None:
        """Leave out a frame that was rejected."""
        self._arrived_at_ns.pop(frame, None)
