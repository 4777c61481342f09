"""What C libraries write of a picture to standard error is withheld: what is wrong with it, its decoding tells."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Final

# libpng and libjpeg, as OpenCV has them; libtiff; OpenCV itself.
_THEIRS: Final = re.compile(
    rb"libpng (warning|error): |Corrupt JPEG data: |Premature end of JPEG file|Inconsistent progression sequence"
    rb"|Unknown Adobe color transform code|Warning: unknown JFIF revision|Invalid SOS parameters for sequential JPEG"
    rb"|Application transferred too many scanlines|TIFF\w*: (Warning|Error)[,:] |\[ ?(WARN|ERROR|INFO|DEBUG):\d+"
)
_MOST_BYTES: Final = 1 << 20

_lock = Lock()
_within = 0
_real, _aside = -1, -1


@contextmanager
def withheld_lines() -> Iterator[None]:
    """Let no line of a library reach standard error; what others write there meanwhile comes a little later."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _within, _real, _aside
    with _lock:
        _within += 1
        if _within > 1:
            return
        with suppress(OSError):  # no file may be opened any more, or there is no standard error
            _flush()
            _aside = os.memfd_create("lines of libraries", os.MFD_CLOEXEC)
            _real = os.dup(2)
            os.dup2(_aside, 2)


def _leave() -> None:
    global _within, _real, _aside
    with _lock:
        _within -= 1
        if _within:
            return
        if _real >= 0:
            _flush()
            os.dup2(_real, 2)
            written = os.pread(_aside, _MOST_BYTES, 0)
            if others := b"".join(line for line in written.splitlines(keepends=True) if not _THEIRS.match(line)):
                with suppress(OSError):
                    os.write(2, others)
        for each in (_real, _aside):
            if each >= 0:
                os.close(each)
        _real, _aside = -1, -1


def _flush() -> None:
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
