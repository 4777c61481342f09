"""Which program this is: what decides a result beside record and weights, so that computers can be compared."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import smearwatch.daemon

# What computes; other versions of these may round otherwise.
_LIBRARIES: Final = ("numpy", "opencv-python", "opencv-python-headless", "scipy", "torch")
_ROOMS: Final = ("capture", "daemon", "models", "train")


@cache
def program() -> dict[str, str]:
    """Return the versions of smearwatch and of what it computes with, and the SHA-256 of its own source.

    The source tells apart what a version does not: two states of one that is being worked on.
    """
    digest = hashlib.sha256()
    above = Path(str(smearwatch.daemon.__file__)).parent.parent
    for path in sorted(path for room in _ROOMS for path in (above / room).rglob("*.py")):
        digest.update(f"{path.relative_to(above)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    found = {name: _version(name) for name in ("smearwatch", *_LIBRARIES)}
    return {**{name: each for name, each in found.items() if each}, "source": digest.hexdigest()[:16]}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
