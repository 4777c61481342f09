"""The secret under which tokens are made: one for each state folder, which its owner alone reads."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

KEY_FILE: Final = "deidentify.key"
_BYTES: Final = 32


class KeyUnusable(OSError):
    """The secret is damaged, or others may read it."""

    def __init__(self, path: Path, what: str, hint: str) -> None:
        super().__init__(f"{path}: {what}")
        self.hint = hint


def read_key(state_dir: Path) -> bytes:
    """Return the secret of a state folder, made with the first question; raises `KeyUnusable`."""
    path = state_dir / KEY_FILE
    try:
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
                file.flush()
                os.fsync(file.fileno())
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise KeyUnusable(path, "may be read by others", f"chmod 600 {path}")
            key = file.read(_BYTES + 1)
    except KeyUnusable:
        raise
    except OSError as error:
        raise KeyUnusable(path, error.strerror or str(error), "give this user the right to use that file") from error
    if len(key) != _BYTES:
        hint = "restore it from a copy, or remove it: later files then have other tokens than earlier ones"
        raise KeyUnusable(path, f"holds {len(key)} bytes and not {_BYTES}", hint)
    return key
