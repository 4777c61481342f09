"""The directories of a TIFF file, read without decoding a pixel: sizes, pages, tags, and whether all of it is there.

Sources: TIFF 6.0 (Aldus, 1992), section 2; the BigTIFF design (Joris Van Damme, AWare Systems).
"""

import struct
from dataclasses import dataclass, field

MOST_PAGES = 256
"""Directories read at the most; a longer stack is judged by its beginning."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}

NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, HEIGHT, BITS_PER_SAMPLE, COMPRESSION = 254, 255, 256, 257, 258, 259
PHOTOMETRIC, DESCRIPTION, STRIP_OFFSETS, ORIENTATION, SAMPLES, STRIP_BYTES = 262, 270, 273, 274, 277, 279
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, EXTRA_SAMPLES = 322, 323, 324, 325, 338
PLANAR, SUB_DIRECTORIES = 284, 330
GREATEST_SAMPLE, DEPTH = 341, 32997
PALETTE = 3
"""What tag 262 says of a picture whose samples are places in a table of colours."""
_LARGE_ENOUGH = 2
JXR_WIDTH, JXR_HEIGHT = 0xBC80, 0xBC81  # a JPEG XR file has a directory of the same build
_WANTED = frozenset({
    NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, HEIGHT, BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS,
    ORIENTATION, SAMPLES, STRIP_BYTES, RESOLUTION_UNIT, PLANAR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES,
    EXTRA_SAMPLES, GREATEST_SAMPLE, DEPTH, JXR_WIDTH, JXR_HEIGHT, SUB_DIRECTORIES,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class TiffPage:
    """One directory of a TIFF file.

    Attributes
    ----------
    integers
        The whole-number tags that are wanted here, by tag number.
    resolution
        Tags 282 and 283, pixels per unit.
    description
        Tag 270 as written, without its closing zeros.
    at
        Where the directory lies in the file.
    """

    integers: dict[int, tuple[int, ...]] = field(default_factory=dict)
    resolution: dict[int, float] = field(default_factory=dict)
    description: bytes = b""
    at: int = 0

    def first(self, tag: int, default: int = 0) -> int:
        """Return the first value of a tag, or the default where it is absent."""
        return (self.integers.get(tag) or (default,))[0]

    @property
    def width_px(self) -> int:
        """Width as stated."""
        return self.first(WIDTH)

    @property
    def height_px(self) -> int:
        """Height as stated."""
        return self.first(HEIGHT)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height as stated."""
        return self.width_px, self.height_px

    @property
    def in_colour(self) -> bool:
        """Whether a pixel has three samples or more, or a place in a table of colours."""
        return self.first(SAMPLES, 1) >= 3 or self.first(PHOTOMETRIC) == PALETTE

    @property
    def reduced(self) -> bool:
        """Whether the page is a smaller copy or a mask of another (TIFF 6.0, tags 254 and 255)."""
        return bool(self.first(NEW_SUBFILE_TYPE) & 0b101) or self.first(SUBFILE_TYPE) == 2

    @property
    def bits(self) -> int:
        """Bits of a sample that carry something, as stated: by its size, or by its greatest possible value."""
        container = self.first(BITS_PER_SAMPLE, 1)
        greatest = max(self.integers.get(GREATEST_SAMPLE, (0,)))
        return min(container, max(8, greatest.bit_length())) if greatest else container

    def chunks(self) -> list[tuple[int, int]]:
        """Return offset and length of every strip or tile; empty where they are not stated properly."""
        offsets = self.integers.get(STRIP_OFFSETS) or self.integers.get(TILE_OFFSETS) or ()
        lengths = self.integers.get(STRIP_BYTES) or self.integers.get(TILE_BYTES) or ()
        return list(zip(offsets, lengths, strict=True)) if len(offsets) == len(lengths) else []


@dataclass(frozen=True, slots=True)
class TiffStructure:
    """The directories of a file.

    Attributes
    ----------
    pages
        In the order of the file, and behind them those that are hung below a page and are no reduced copies.
    complete
        True where every directory and every strip or tile lies inside the file.
    """

    pages: tuple[TiffPage, ...]
    complete: bool

    @property
    def page_used(self) -> int:
        """The page that is the picture: the largest that is no smaller copy of another, the first of equals.

        One in colour is that also beside a grey one, a mask say, that is up to twice as large.
        """
        whole = [index for index, page in enumerate(self.pages) if not page.reduced]
        candidates = whole or list(range(len(self.pages)))
        areas = {index: self.pages[index].width_px * self.pages[index].height_px for index in candidates}
        in_colour = [index for index in candidates if self.pages[index].in_colour]
        if any(_LARGE_ENOUGH * areas[index] >= max(areas.values()) for index in in_colour):
            candidates = in_colour
        return max(candidates, key=lambda index: (areas[index], -index))


def read_tiff(view: memoryview) -> TiffStructure:
    """Read the chain of directories of a TIFF or BigTIFF file.

    Parameters
    ----------
    view
        The file's bytes, uint8, as far as they have been written.

    Returns
    -------
    TiffStructure
        A chain that breaks off gives the pages before the break, and complete False.

    Raises
    ------
    struct.error, IndexError
        Where not even the first offset is there.
    """
    reader = _Reader(view)
    offset = reader.number("Q", 8) if reader.big else reader.number("I", 4)
    pages: list[TiffPage] = []
    below: list[int] = []
    complete = True
    seen: set[int] = set()
    while offset and offset not in seen and len(seen) < MOST_PAGES:
        seen.add(offset)
        try:
            page, offset = reader.directory(offset)
        except (struct.error, IndexError):
            return TiffStructure(tuple(pages), False)
        pages.append(page)
        below += page.integers.get(SUB_DIRECTORIES, ())
        complete = complete and _is_inside(page, len(view))
    for offset in below[: max(0, MOST_PAGES - len(pages))]:
        try:
            page, _ = reader.directory(offset)
        except (struct.error, IndexError):
            return TiffStructure(tuple(pages), False)
        if not page.reduced:
            pages.append(page)
            complete = complete and _is_inside(page, len(view))
    return TiffStructure(tuple(pages), complete and bool(pages))


def _is_inside(page: TiffPage, size_bytes: int) -> bool:
    chunks = page.chunks()
    return bool(chunks) and all(0 < at and at + size <= size_bytes for at, size in chunks)


class _Reader:
    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.order = "<" if view[0] == 0x49 else ">"
        self.big = view[2] == 43 or view[3] == 43

    def number(self, code: str, at: int) -> int:
        size = struct.calcsize(code)
        return int(struct.unpack(self.order + code, self.view[at : at + size])[0])

    def directory(self, offset: int) -> tuple[TiffPage, int]:
        """Read one directory, and where the next one is (0: none)."""
        word = "Q" if self.big else "I"
        count = self.number("Q" if self.big else "H", offset)
        first = offset + (8 if self.big else 2)
        entry = 20 if self.big else 12
        end = first + count * entry
        following = self.number(word, end)  # raises where the directory is cut off
        integers: dict[int, tuple[int, ...]] = {}
        resolution: dict[int, float] = {}
        description = b""
        for at in range(first, end, entry):
            tag, kind, values = self.number("H", at), self.number("H", at + 2), self.number(word, at + 4)
            span = self.span(tag, kind, values, at)
            if tag in _WANTED and kind in _INTEGERS:
                integers[tag] = struct.unpack(f"{self.order}{values}{_INTEGERS[kind]}", span)
            elif tag in (X_RESOLUTION, Y_RESOLUTION) and kind == 5 and values >= 1:
                upper, lower = struct.unpack(self.order + "II", span[:8])
                resolution[tag] = upper / lower if lower else 0.0
            elif tag == DESCRIPTION and kind in (2, 7) and not description:
                description = bytes(span).rstrip(b"\0")
        return TiffPage(integers, resolution, description, offset), following

    def span(self, tag: int, kind: int, values: int, at: int) -> memoryview:
        """Return the bytes that hold a tag's values."""
        size = _SIZES.get(kind, 1) * values
        start = at + (12 if self.big else 8)
        if size > (8 if self.big else 4):
            start = self.number("Q" if self.big else "I", start)
        if start + size > len(self.view):
            raise IndexError(f"values of tag {tag} lie outside the file")
        return self.view[start : start + size]
