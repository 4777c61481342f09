"""Strongly coloured pictures, and TIFF files of kinds that no library at hand writes."""

import io
import struct
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from smearwatch.capture.formats.decode import FrameUnusable, decode

HEIGHT, WIDTH = 48, 64
QUARTERS_BGR = ((0, 0, 255), (0, 255, 0), (255, 0, 0), (150, 40, 90))
MIDDLES = ((12, 16), (12, 48), (36, 16), (36, 48))


def quarters() -> np.ndarray:
    """Red, green above blue, violet; uint8 [48, 64, 3], blue first. Any exchange of channels or places shows."""
    bgr = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for (y, x), colour in zip(MIDDLES, QUARTERS_BGR, strict=True):
        bgr[y - 12 : y + 12, x - 16 : x + 16] = colour
    return bgr


def grey() -> np.ndarray:
    """Four greys and a fine slope; uint8 [48, 64]."""
    picture = np.zeros((HEIGHT, WIDTH), np.uint8)
    for (y, x), value in zip(MIDDLES, (10, 90, 170, 250), strict=True):
        picture[y - 12 : y + 12, x - 16 : x + 16] = value
    return picture


def pillow(pixels: np.ndarray, kind: str, mode: str | None = None, **options: Any) -> bytes:
    """Write with Pillow; colour pixels are blue first."""
    out = io.BytesIO()
    image = Image.fromarray(pixels[..., ::-1] if pixels.ndim == 3 and pixels.shape[2] == 3 else pixels)
    (image if mode is None else image.convert(mode)).save(out, kind, **options)
    return out.getvalue()


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    """Write with tifffile; pixels red first."""
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, **options)
    return out.getvalue()


def tiff_pages(*pages: tuple[np.ndarray, dict[str, Any]], **options: Any) -> bytes:
    """Write pages that differ."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out, **options) as writer:
        for pixels, kept in pages:
            writer.write(pixels, **kept)
    return out.getvalue()


def raw_tiff(width: int, height: int, bits: int, data: bytes, **tags: int) -> bytes:
    """One strip of one sample a pixel, with any tags (t262=1 is tag 262): packed bits, or sizes that lie."""
    entries = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 0, 277: 1, 278: height, 279: len(data)}
    entries |= {int(name[1:]): value for name, value in tags.items()}
    start = 8 + 2 + 12 * len(entries) + 4
    entries[273] = start
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + struct.pack("<I", 0) + data


def packed_12_bits(values: np.ndarray) -> bytes:
    """Two samples in three bytes, upper bits first (TIFF 6.0, FillOrder 1)."""
    pairs = values.astype(np.uint32).reshape(-1, 2)
    both = pairs[:, 0] << 12 | pairs[:, 1]
    return np.stack([both >> 16, both >> 8 & 255, both & 255], axis=1).astype(np.uint8).tobytes()


def refusal(data: bytes | memoryview) -> FrameUnusable | None:
    """Why a file is refused; None where it is taken. Anything else that goes wrong is raised."""
    try:
        decode(data)
    except FrameUnusable as refused:
        return refused
    return None
