"""Key pairs of CURVE (Curve25519), by which computers know each other: 64 hex digits each, in files of plain text."""

import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import zmq
from zmq.utils import z85

from smearwatch.daemon.hinted import Hinted

_HEX: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST_BYTES: Final = 4096


class KeyUnusable(Hinted):
    """A key, or a file with one, that cannot be used."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A public key, and the secret one that belongs to it, in hex."""

    public: str
    secret: str = field(repr=False)


def make_pair() -> KeyPair:
    """Return a new pair."""
    public, secret = zmq.curve_keypair()
    return KeyPair(z85.decode(public).hex(), z85.decode(secret).hex())


def as_z85(key: str) -> bytes:
    """Return a key as ZeroMQ takes it."""
    return z85.encode(bytes.fromhex(key))


@lru_cache(maxsize=1024)
def from_z85(key: str | bytes) -> str:
    """Return a key in hex that is as ZeroMQ has it."""
    return z85.decode(key).hex()


def checked_key(text: str, what: str) -> str:
    """Return a key that was typed; raises `KeyUnusable`, which names it by ``what`` and never shows it."""
    key = text.strip().lower()
    if not _HEX.fullmatch(key):
        raise KeyUnusable(f"{what} is no key: a key is 64 digits and letters a to f", "see `smearwatch keys list`")
    return key


def write_pair(path: Path, pair: KeyPair) -> None:
    """Write a new file that its owner alone may read; raises `KeyUnusable` where it cannot be made."""
    text = (
        "# A key of smearwatch. The secret half stays on this computer: who has it is taken for it.\n"
        f'public = "{pair.public}"\nsecret = "{pair.secret}"\n'
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KeyUnusable(f"key file {path}: {error.strerror}", "choose a folder that this user may write in") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def check_secret(path: Path, status: os.stat_result) -> None:
    """Raise `KeyUnusable` where a key file is none, belongs to somebody else, or others than its owner may read it."""
    if not stat.S_ISREG(status.st_mode):
        raise KeyUnusable(f"key file {path} is no file", "check the path")
    if status.st_uid not in (os.geteuid(), 0):
        raise KeyUnusable(f"key file {path} belongs to another user", "make one: smearwatch keys make")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyUnusable(f"key file {path} may be read by others", f"chmod 600 {path}; better make a new key")


def read_pair(path: Path) -> KeyPair:
    """Read a key file.

    Raises
    ------
    KeyUnusable
        It is not there, others than its owner may read it, it belongs to somebody else, or it holds no pair.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        hint = "make one: smearwatch keys make" if isinstance(error, FileNotFoundError) else "check its rights"
        raise KeyUnusable(f"key file {path}: {error.strerror}", hint) from None
    with os.fdopen(descriptor, "rb") as file:
        check_secret(path, os.fstat(descriptor))
        data = file.read(_LONGEST_BYTES)
    try:
        held = tomllib.loads(data.decode())
        pair = KeyPair(checked_key(held["public"], "public"), checked_key(held["secret"], "secret"))
        fits = zmq.curve_public(as_z85(pair.secret)) == as_z85(pair.public)
    except (ValueError, KeyError, AttributeError, KeyUnusable):
        fits = False
    if not fits:
        raise KeyUnusable(f"key file {path} holds no pair of keys", "make a new one: smearwatch keys make")
    return pair
