"""The hash chain: each event carries a hash over itself and everything before it."""

import hashlib
import struct
from typing import Final

_POSITION: Final = struct.Struct(">QQQ")


def genesis(session: str) -> bytes:
    """Return the 32 bytes before the first event; two sessions never share a chain."""
    return hashlib.sha256(b"smearwatch ledger 1\n" + session.encode("utf-8")).digest()


def link(previous: bytes, number: int, epoch: int, recorded_at_ns: int, kind: str, body: bytes) -> bytes:
    """Return an event's chain value.

    Parameters
    ----------
    previous : bytes
        The 32 bytes of the event before, or of `genesis`.
    number, epoch, recorded_at_ns : int
        The event's position; 8 bytes each, big-endian.
    kind : str
        The event's kind, followed by a zero byte.
    body : bytes
        The event's canonical bytes.

    Returns
    -------
    bytes
        SHA-256 over all of it, 32 bytes.
    """
    position = _POSITION.pack(number, epoch, recorded_at_ns)
    return hashlib.sha256(b"".join((previous, position, kind.encode("ascii"), b"\0", body))).digest()
