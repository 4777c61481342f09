"""How much memory graphics cards have in use, where there are some: their driver's tool is asked now and then."""

import shutil
import subprocess
import threading
from typing import Final, Self

_EVERY_S: Final = 15.0
_LONGEST_S: Final = 10.0
_ASK: Final = ("--query-gpu=index,memory.used,memory.total", "--format=csv,noheader,nounits")


class Cards:
    """Asks in a thread of its own, so that a driver that hangs holds up nobody. Use as a context manager."""

    def __init__(self, tool: str | None = None, every_s: float = _EVERY_S) -> None:
        self._tool = tool or shutil.which("nvidia-smi")
        self._every_s = every_s
        self._over = threading.Event()
        self._memory: dict[str, tuple[int, int]] = {}
        self._thread = threading.Thread(target=self._ask, daemon=True, name="cards")

    def __enter__(self) -> Self:
        if self._tool is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._tool is not None:
            self._thread.join(_LONGEST_S)

    def memory(self) -> dict[str, tuple[int, int]]:
        """Return for each card the bytes in use and in all; empty where there is none, or it is not known."""
        return self._memory

    def _ask(self) -> None:
        while True:
            self._memory = self._asked()
            if self._over.wait(self._every_s):
                return

    def _asked(self) -> dict[str, tuple[int, int]]:
        assert self._tool is not None
        try:
            done = subprocess.run([self._tool, *_ASK], capture_output=True, text=True, timeout=_LONGEST_S, check=True)
            rows = [[part.strip() for part in line.split(",")] for line in done.stdout.splitlines() if line.strip()]
            return {number: (int(used) << 20, int(size) << 20) for number, used, size in rows}
        except (OSError, ValueError, subprocess.SubprocessError):
            return {}
