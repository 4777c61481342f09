"""One page of a TIFF as a file of its own: its tags and its coded pixels as they are, nothing decoded.

Source: TIFF 6.0 (Aldus, 1992), section 2.
"""

import io
import struct
from typing import Final

import tifffile

from smearwatch.capture.formats.ome import description_of
from smearwatch.capture.formats.tiff_structure import (
    DESCRIPTION,
    NEW_SUBFILE_TYPE,
    RESOLUTION_UNIT,
    STRIP_BYTES,
    STRIP_OFFSETS,
    SUBFILE_TYPE,
    TILE_BYTES,
    TILE_OFFSETS,
    X_RESOLUTION,
    Y_RESOLUTION,
    TiffPage,
    TiffStructure,
    read_tiff,
)

# What speaks of the other pages, or leads to a place in the old file: pixels, directories of their own.
_LEFT_OUT: Final = frozenset({
    NEW_SUBFILE_TYPE, SUBFILE_TYPE, STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES, 330, 34665, 34853, 40965,
})  # fmt: skip
_RESOLUTION: Final = (X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT)
_NO_UNIT, _INCH = 1, 2
_TEXT, _LONG = 2, 4
_LARGEST_KIND: Final = 13  # above it the types of BigTIFF alone
_HEAD_BYTES: Final = 8


def page_at(tiff: tifffile.TiffFile, page: TiffPage, index: int) -> tifffile.TiffPage:
    """Return tifffile's view of a page, be it one of the file's chain or hung below another."""
    tiff.filehandle.seek(page.at)
    return tifffile.TiffPage(tiff, index)


def page_alone(data: bytes | memoryview, index: int) -> bytes:
    """Write one page of a TIFF or BigTIFF file as a TIFF file of its own.

    Parameters
    ----------
    data
        The file's bytes; whole, as `smearwatch.capture.formats.header.probe` found.
    index
        The page, from 0.

    Returns
    -------
    bytes
        The same bytes for the same page of the same file: pixels as they were coded, in the same byte order. Where the
        page has no description or no resolution, it is that of the first page of its size which has; OME-XML is what
        it says of the page's image.
    """
    view = memoryview(data).cast("B")
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tiff:
        order = tiff.byteorder
        structure = read_tiff(view)
        page = page_at(tiff, structure.pages[index], index)
        tags = {tag.code: tag for tag in page.tags if tag.code not in _LEFT_OUT}
        if not _states_resolution(structure.pages[index]) and (other := _with_resolution(structure, index)) is not None:
            tags |= {
                tag.code: tag for tag in page_at(tiff, structure.pages[other], other).tags if tag.code in _RESOLUTION
            }
        kept: dict[int, tuple[int, int, bytes]] = {
            code: (tag.dtype, tag.count, bytes(view[tag.valueoffset : tag.valueoffset + tag.valuebytecount]))
            for code, tag in tags.items()
            if tag.dtype <= _LARGEST_KIND
        }
        if (description := description_of(structure, index)) != structure.pages[index].description:
            kept[DESCRIPTION] = (_TEXT, len(description) + 1, description + b"\0")
        chunks = [view[at : at + size] for at, size in zip(page.dataoffsets, page.databytecounts, strict=True)]
        places = (TILE_OFFSETS, TILE_BYTES) if page.is_tiled else (STRIP_OFFSETS, STRIP_BYTES)
    offsets, at = [], _HEAD_BYTES
    for chunk in chunks:
        offsets.append(at)
        at += chunk.nbytes
    for code, numbers in zip(places, (offsets, [chunk.nbytes for chunk in chunks]), strict=True):
        kept[code] = (_LONG, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers))
    directory_at = at + at % 2
    padding = bytes(directory_at - at)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, directory_at)
    return b"".join((head, *chunks, padding, _directory(kept, directory_at, order)))


def _with_resolution(structure: TiffStructure, index: int) -> int | None:
    """Return the first page of the same size that states its resolution."""
    size_px = structure.pages[index].size_px
    pages = enumerate(structure.pages)
    return next((number for number, page in pages if page.size_px == size_px and _states_resolution(page)), None)


def _states_resolution(page: TiffPage) -> bool:
    """Return whether resolution tags say anything; programs write one pixel to no unit where they know none."""
    nothing = page.first(RESOLUTION_UNIT, _INCH) == _NO_UNIT and set(page.resolution.values()) <= {1.0}
    return bool(page.resolution) and not nothing


def _directory(kept: dict[int, tuple[int, int, bytes]], at: int, order: str) -> bytes:
    """Return a directory that lies at an offset, and behind it the values that are too long for it."""
    entries, behind = [], b""
    values_at = at + 2 + 12 * len(kept) + 4
    for code, (kind, count, value) in sorted(kept.items()):
        if len(value) <= _LONG:
            inline = value.ljust(_LONG, b"\0")
        else:
            inline = struct.pack(f"{order}I", values_at + len(behind))
            behind += value + bytes(len(value) % 2)
        entries.append(struct.pack(f"{order}HHI", code, kind, count) + inline)
    return struct.pack(f"{order}H", len(kept)) + b"".join(entries) + bytes(4) + behind
