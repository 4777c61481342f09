"""Which session is counted now, as the daemon says it on its feed."""

import threading
import time
from pathlib import Path
from typing import Final, Self

from smearwatch.clients.health import Health, alive
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import Pulse
from smearwatch.daemon.wire.sockets import Listener, context

_PULSE_HOLDS_S: Final = 5.0


class CountedNow:
    """Hears on the daemon's feed which session is counted. Use as a context manager."""

    def __init__(self, runtime_dir: Path) -> None:
        self._endpoints = Endpoints.to(runtime_dir)
        self._over = threading.Event()
        self._heard: tuple[str, float] | None = None
        self._thread = threading.Thread(target=self._listen, daemon=True, name="counted-now")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def session(self) -> str | None:
        """The session whose daemon was heard within the last seconds, None where none was."""
        heard = self._heard
        return heard[0] if heard is not None and time.monotonic() - heard[1] < _PULSE_HOLDS_S else None

    def is_alive(self) -> Health:
        """Return whether the daemon turns, whatever it counts."""
        heard = self._heard
        return alive(None if heard is None else heard[1], time.monotonic())

    def _listen(self) -> None:
        with context() as owner:
            listener = Listener(owner, self._endpoints)
            try:
                while not self._over.is_set():
                    try:
                        message = listener.receive(0.25)
                    except Unreadable:
                        continue
                    if isinstance(message, Pulse):
                        self._heard = message.session, time.monotonic()
            finally:
                listener.close()
