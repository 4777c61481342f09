"""JPEG XR, as some CZI files hold it, unpacked in a process of its own.

The one library for it, Microsoft's jxrlib, which every reader of CZI builds on, dies of damaged data (division by
zero, segmentation fault). One frame may fail so, but not the finder and all the frames behind it.
"""

import io
import os
import struct
import subprocess
import sys

import numpy as np
import numpy.typing as npt

from smearwatch.capture.tiff_structure import JXR_HEIGHT, JXR_WIDTH, read_tiff

_LIMIT_S = 120
_CHILD = """
import io, sys, imagecodecs, numpy
out = io.BytesIO()
numpy.save(out, imagecodecs.jpegxr_decode(sys.stdin.buffer.read()), allow_pickle=False)
sys.stdout.buffer.write(out.getbuffer())
"""


def jpeg_xr_size(packed: memoryview) -> tuple[int, int]:
    """Read width and height from the file's directory.

    Source: ITU-T T.832, annex A: a directory like TIFF's, tags BC80 and BC81.

    Parameters
    ----------
    packed
        The JPEG XR file, uint8.

    Returns
    -------
    tuple of int
        Width and height in px; 0, 0 where they are not stated.
    """
    try:
        pages = read_tiff(packed).pages
    except (struct.error, IndexError):
        return (0, 0)
    return (pages[0].first(JXR_WIDTH), pages[0].first(JXR_HEIGHT)) if pages else (0, 0)


def decode_jpeg_xr(packed: bytes) -> npt.NDArray[np.generic]:
    """Decode a JPEG XR file.

    Parameters
    ----------
    packed
        The file.

    Returns
    -------
    numpy.ndarray
        [height, width] or [height, width, samples], red first.

    Raises
    ------
    ValueError
        Where it cannot be decoded.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", _CHILD], input=packed, capture_output=True, timeout=_LIMIT_S, env=environment
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"JPEG XR: not done after {_LIMIT_S} s") from None
    if child.returncode != 0:
        said = child.stderr.decode(errors="replace").strip().splitlines()
        raise ValueError(f"JPEG XR: {said[-1] if said else f'the decoder ended with {child.returncode}'}")
    return np.asarray(np.load(io.BytesIO(child.stdout), allow_pickle=False))
