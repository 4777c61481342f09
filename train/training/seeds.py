"""Seeds from numbers: where each part of a run has its randomness from."""

import hashlib


def derive_seed(*what: int) -> int:
    """Derive the seed that belongs to these numbers: 63 bits of their SHA-256."""
    text = ":".join(str(number) for number in what)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
