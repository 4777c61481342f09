"""One hub for a runtime folder: ZeroMQ would let a second one take over its socket without a word."""

import fcntl
import os
from pathlib import Path
from typing import Self


class EndpointBusy(OSError):
    """Another hub listens in this runtime folder."""

    def __init__(self, runtime_dir: Path, pid: str) -> None:
        super().__init__(f"another smearwatch (process {pid or 'unknown'}) already runs in {runtime_dir}")
        self.hint = "stop it first, or start this one with another SMEARWATCH_RUNTIME_DIR"


class RuntimeLock:
    """Held from entering to leaving; the kernel lets go of it when the process dies."""

    def __init__(self, runtime_dir: Path) -> None:
        self._runtime_dir = runtime_dir
        self._descriptor = -1

    def __enter__(self) -> Self:
        path = self._runtime_dir / "hub.lock"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._descriptor, 32).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise EndpointBusy(self._runtime_dir, pid) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
