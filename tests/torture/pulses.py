"""What a hub says of itself each second, heard by a thread of its own."""

import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import Pulse
from smearwatch.daemon.wire.sockets import Listener, context
from tests.torture.desk import Desk


@dataclass(frozen=True)
class Heard:
    """The last that was heard, and how many frames the ledger holds."""

    frames: int
    waiting_files: int
    latency_ms: float | None
    workers: int
    trouble: str


class Pulses:
    """Listens until it is left."""

    def __init__(self, desk: Desk) -> None:
        self._endpoints = Endpoints.under(Path(desk.environment["SMEARWATCH_RUNTIME_DIR"]))
        self._session = desk.session
        self._pulse: Pulse | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self.troubles: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def last(self) -> Heard:
        """Return what was heard last."""
        pulse = self._pulse
        if pulse is None:
            return Heard(self._frames(), 0, None, 0, "")
        return Heard(self._frames(), pulse.waiting_files, pulse.latency_ms, pulse.workers, pulse.trouble)

    def _frames(self) -> int:
        try:
            with LedgerReader.read(self._session) as ledger:
                return ledger.summary().frames
        except LedgerUnusable:
            return 0

    def _listen(self) -> None:
        with context() as owner:
            listener = Listener(owner, self._endpoints)
            while not self._over.is_set():
                if isinstance(message := listener.receive(0.3), Pulse):
                    self._pulse = message
                    if message.trouble and message.trouble not in self.troubles:
                        self.troubles.append(message.trouble)
            listener.close()


def free_port() -> int:
    """Return a port of this computer that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
