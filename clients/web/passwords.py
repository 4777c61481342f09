"""Passwords as they are kept: scrypt (RFC 7914), with what it costs beside each, so that it can be raised later."""

import base64
import hashlib
import hmac
import secrets
import unicodedata
from typing import Final

SHORTEST: Final = 8
LONGEST: Final = 1000
# OWASP's password storage cheat sheet: 64 MiB and two passes, about a third of a second.
_N, _R, _P = 1 << 16, 8, 2
_MAX_BYTES: Final = 256 << 20


def nobodys() -> str:
    """Return a line that no password fits, against which an unknown name's is held: so it takes as long."""
    return "$".join(["scrypt", str(_N), str(_R), str(_P), _text(bytes(16)), _text(bytes(32))])


def keep(password: str) -> str:
    """Return the line that stands for a password in the file of accounts."""
    salt = secrets.token_bytes(16)
    return "$".join(["scrypt", str(_N), str(_R), str(_P), _text(salt), _text(_derive(password, salt, _N, _R, _P))])


def is_right(password: str, kept: str) -> bool:
    """Return whether a password is the one that a line stands for; takes the same time either way.

    Raises
    ------
    ValueError
        The line is none of ours.
    """
    name, *costs, salt, key = kept.split("$")
    if name != "scrypt" or len(costs) != 3:
        raise ValueError("no scrypt line")
    n, r, p = (int(each) for each in costs)
    return hmac.compare_digest(_derive(password, base64.b64decode(salt), n, r, p), base64.b64decode(key))


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # However its letters were composed. A lone surrogate, as a request may hold one, is encoded too.
    data = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=n, r=r, p=p, maxmem=_MAX_BYTES, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
