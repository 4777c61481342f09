"""Whether a picture that could be decoded is whole: decoders fill what is missing, and say so at most in passing.

A transfer that broke, a file that was only half copied into its full size, a bad sector: such a picture decodes, part
of it is grey, black or shifted, and the cells that were there are not found. A damaged one is refused instead.
"""

import io
import re
from typing import Final

import numpy as np
import numpy.typing as npt
import simplejpeg
import tifffile
from PIL import Image as PillowImage

from smearwatch.capture.arrays import Image
from smearwatch.capture.formats.colour_jump import flaw_of_colours
from smearwatch.capture.formats.header import probe
from smearwatch.capture.formats.holes import flaw_of_tiles
from smearwatch.capture.formats.interlaced import flaw_of_stripes
from smearwatch.capture.formats.tiff_structure import COMPRESSION, ORIENTATION, TILE_HEIGHT, TILE_WIDTH, read_tiff
from smearwatch.capture.formats.torn import flaw_of_seam
from smearwatch.capture.formats.unusable import FrameUnusable

_JPEG_IN_TIFF: Final = 7
# What is about how a file is written, or about what is asked for here, and not about pixels that are missing.
_HARMLESS: Final = (
    "subsampling",
    "colorspace",
    "SOS parameters",
    "JFIF",
    "Adobe",
    "not supported",
    "unsupported color",
)
_BEFORE_END: Final = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_ENDS: Final = re.compile(rb"\xff\xd9")
_FEW_BYTES: Final = 4  # before the end marker; some programs write so many too many
_FEWEST_ROWS, _SHARE_OF_ROWS = 8, 0.01
_FEWEST_IN_BLOCKS: Final = 24  # strong compression makes all rows of a JPEG's block alike, 8 or 16
_EVERY, _BESIDE, _BESIDE_BLOCKS = 8, 4, 20  # a block of JPEG has 16 rows at the most
_OF_ONE_COLOUR, _OF_MANY = 0.05, 0.25  # of a row's pixels in the next ones; noise alone makes few of them alike
_BLACK, _GREY = 3, (125, 131)  # what is never written is, and what decoders fill in
TOO_MUCH_AT_END: Final = "it has bytes before its end that belong to nothing"
"""What a file's flaw holds where all of the pixels may be there: a camera may write so with every picture."""

_PLAIN: Final = (
    (("extraneous bytes before marker 0xd9",), TOO_MUCH_AT_END),
    (("premature end", "exhausted", "runcated"), "its data ends too early, or a part of it is missing"),
    (("checksum", "CRC"), "a part of its data was changed: its checksum is wrong"),
)
"""What decoders say, and what of it is to be told."""
_DRAWN: Final = 0.5  # of the other rows alike: that is no photograph


def check_file(data: bytes | memoryview) -> None:
    """Refuse a picture in whose file a part is missing.

    Raises
    ------
    FrameUnusable
        `damaged`, with what the decoder finds.
    """
    if (flaw := _flaw_of_file(data)) is not None:
        raise FrameUnusable("damaged", flaw)


def check_rows(bgr: Image, *, in_blocks: bool) -> None:
    """Refuse a field of which rows are missing; around single cells at the edge of their field they are often filled.

    Raises
    ------
    FrameUnusable
        `damaged`, with the rows; see `flaw_of_rows`.
    """
    if (flaw := flaw_of_rows(bgr, in_blocks=in_blocks)) is not None:
        raise FrameUnusable("damaged", flaw)


def check_seam(bgr: Image) -> None:
    """Refuse a field of which the lower part is another picture.

    Raises
    ------
    FrameUnusable
        `damaged`, with the row; see `torn.flaw_of_seam`.
    """
    if (flaw := flaw_of_seam(bgr)) is not None:
        raise FrameUnusable("damaged", flaw)


def check_stripes(bgr: Image) -> None:
    """Refuse a field that is mixed of two.

    Raises
    ------
    FrameUnusable
        `damaged`; see `interlaced.flaw_of_stripes`.
    """
    if (flaw := flaw_of_stripes(bgr)) is not None:
        raise FrameUnusable("damaged", flaw)


def check_colours(bgr: Image, data: bytes | memoryview) -> None:
    """Refuse a JPEG of which all colours are off from one block on.

    Raises
    ------
    FrameUnusable
        `damaged`, with the place; see `colour_jump.flaw_of_colours`.
    """
    if (flaw := flaw_of_colours(bgr, bytes(data))) is not None:
        raise FrameUnusable("damaged", flaw)


def check_tiles(bgr: Image, data: bytes | memoryview) -> None:
    """Refuse a field in a tiled TIFF of which tiles were never written.

    Raises
    ------
    FrameUnusable
        `damaged`, with the place; see `holes.flaw_of_tiles`.
    """
    structure = read_tiff(memoryview(data).cast("B"))
    page = structure.pages[structure.page_used]
    across, down = page.first(TILE_WIDTH), page.first(TILE_HEIGHT)
    if across and down and page.first(ORIENTATION, 1) == 1 and (flaw := flaw_of_tiles(bgr, across, down)) is not None:
        raise FrameUnusable("damaged", flaw)


def _flaw_of_file(data: bytes | memoryview) -> str | None:
    kind = probe(data).format
    if kind == "jpeg":
        return flaw_of_jpeg(bytes(data))
    if kind == "png":
        return _flaw_of_png(bytes(data))
    return _flaw_of_tiff(data) if kind == "tiff" else None


def flaw_of_jpeg(data: bytes, colours: str = "GRAY") -> str | None:
    """Return what libjpeg-turbo finds missing. All of the data is read, at an eighth of the size."""
    try:
        simplejpeg.decode_jpeg(
            data, colours, fastdct=True, fastupsample=True, min_height=1, min_width=1, min_factor=8, strict=True
        )
    except ValueError as error:
        said = str(error)
        before_end = _BEFORE_END.search(said)
        if any(word in said for word in _HARMLESS):
            return None
        if before_end is not None and (int(before_end[1]) <= _FEW_BYTES or _is_padded(data)):
            return None
        return f"jpeg: {_plain(said)}"
    return None


def _plain(said: str) -> str:
    """Return what a decoder says in plain words: where it stopped does not show what happened to the file."""
    for words, plain in _PLAIN:
        if any(word in said for word in words):
            return plain
    return "a part of its data is broken"


def _is_padded(data: bytes) -> bool:
    """Return whether nothing but filling stands before an end marker; more may follow behind it."""
    return any(data[max(0, at.start() - 16) : at.start()] in (bytes(16), b"\xff" * 16) for at in _ENDS.finditer(data))


def _flaw_of_png(data: bytes) -> str | None:
    try:
        with PillowImage.open(io.BytesIO(data)) as picture:
            picture.verify()
    except (SyntaxError, OSError, ValueError) as error:
        return f"png: {_plain(str(error))}"
    return None


def _flaw_of_tiff(data: bytes | memoryview) -> str | None:
    """Return what is missing in the JPEG strips or tiles of a TIFF; what else there is has digests or no doubt."""
    view = memoryview(data).cast("B")
    structure = read_tiff(view)
    page = structure.pages[structure.page_used]
    if page.first(COMPRESSION, 1) != _JPEG_IN_TIFF:
        return None
    with tifffile.TiffFile(io.BytesIO(bytes(view))) as tiff:
        tables: bytes = tiff.pages[structure.page_used].aspage().jpegtables or b""
    for at, size in page.chunks():
        strip = bytes(view[at : at + size])
        flaw = flaw_of_jpeg(tables[:-2] + strip[2:] if tables else strip, "RGB")
        if flaw is not None:
            return f"tiff: {flaw}"
    return None


def flaw_of_rows(bgr: Image, *, in_blocks: bool = False) -> str | None:
    """Return which rows no photograph has: alike to the last pixel, one below the other, and unlike those beside them.

    A frame around the picture, the surround of a round field, and a drawn background go on in the rows beside; bars of
    a window have colours. What is black, or the grey of decoders, was never written; what repeats was written twice.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    in_blocks
        Whether it was stored in blocks of pixels, as JPEG does.
    """
    height = len(bgr)
    fewest = max(_FEWEST_IN_BLOCKS if in_blocks else _FEWEST_ROWS, round(_SHARE_OF_ROWS * height))
    coarse = bgr[:, ::_EVERY]
    alike = (coarse[1:] == coarse[:-1]).all(axis=(1, 2))
    runs = _runs(alike, fewest - 1)
    others = alike.copy()
    for first, last in runs:
        others[first:last] = False
    outside = len(alike) - sum(last - first for first, last in runs)
    if outside < _FEWEST_ROWS or others.sum() > _DRAWN * outside:
        return None  # the other rows are alike as well: that is no photograph
    for first, last in runs:
        rows = bgr[first : last + 1]
        if (rows == rows[:1]).all() and not _goes_on(bgr, first, last, _BESIDE_BLOCKS if in_blocks else _BESIDE):
            said = f"rows {first + 1} to {last + 1} of {height} are alike"
            if (first == 0 or last == height - 1) and bool((rows == rows[0, 0]).all()):
                said += ": never written, or a bar of one colour"
            return said
    return None


def _runs(alike: npt.NDArray[np.bool_], fewest: int) -> list[tuple[int, int]]:
    """Return the first and the last row of each run of at least so many steps at which nothing changes."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], alike, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= fewest]


def _goes_on(bgr: Image, first: int, last: int, away: int) -> bool:
    """Return whether rows that are alike can be of the picture: they go on, or frame it, or have a colour."""
    height, row = len(bgr), bgr[first]
    one_colour = bool((row == row[0]).all())
    if one_colour and not (row.max() <= _BLACK or (_GREY[0] <= row.min() and row.max() <= _GREY[1])):
        return True
    beside = [bgr[at] for at in (first - away, last + away) if 0 <= at < height]
    if first == 0 or last == height - 1:
        beside.append(bgr[-1 if first == 0 else 0])  # a frame is at the other edge, too
    most = max((float((each == row).all(axis=1).mean()) for each in beside), default=1.0)
    return most >= (_OF_ONE_COLOUR if one_colour else _OF_MANY)
