"""The segments of a Zeiss CZI file, read without decoding a pixel: tiles, planes, metadata, and whether all is there.

Source: the segment layout as published with ZEISS's libCZI (ZISRAW file format, "DV" directory entries).
"""

import struct
from dataclasses import dataclass
from typing import TypeAlias

MAGIC = b"ZISRAWFILE"
CZI_PIXELS = {0: (8, 1), 1: (16, 1), 3: (8, 3), 4: (16, 3), 9: (8, 4)}
"""Bits a sample and samples a pixel of the pixel types that are read: Gray8, Gray16, Bgr24, Bgr48, Bgra32."""

SEGMENT = struct.Struct("<16sqq")
FILE_PLACES_AT = 48  # in the file's head, after version and GUIDs
FILE_PLACES = struct.Struct("<iqqiq")  # part, directory, metadata, update pending, attachments
_ENTRY = struct.Struct("<2siqiiB5xi")
_DIMENSION = struct.Struct("<4siifi")
_ENTRY_ROOM = 240  # a sub-block keeps so many bytes for its entry, more where it needs more
DIRECTORY_HEAD, METADATA_HEAD, _ATTACHMENTS_HEAD, _ATTACHMENT = 128, 256, 256, 128


Plane: TypeAlias = tuple[tuple[str, int], ...]
"""A plane's place along every axis but X, Y and the tile number: ((`C`, 0), (`Z`, 3), …)."""


@dataclass(frozen=True, slots=True)
class CziTile:
    """One sub-block at full resolution.

    Attributes
    ----------
    plane
        The plane that it is a part of.
    x_px, y_px, width_px, height_px
        Its place in the plane; the origin may lie anywhere.
    number
        The tile's number; a higher one lies above a lower one.
    pixel_type, compression
        Zeiss's numbers.
    data_at, data_bytes
        Where its pixels lie in the file.
    segment_at, entry
        Where its sub-block begins in the file, and what the directory says of it.
    """

    plane: Plane
    x_px: int
    y_px: int
    width_px: int
    height_px: int
    number: int
    pixel_type: int
    compression: int
    data_at: int
    data_bytes: int
    segment_at: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class CziStructure:
    """What a CZI file holds.

    Attributes
    ----------
    tiles
        All sub-blocks at full resolution, of all planes.
    metadata
        Offset and length of the XML; None where there is none.
    """

    tiles: tuple[CziTile, ...]
    metadata: tuple[int, int] | None

    def xml(self, view: memoryview) -> memoryview | None:
        """Return the bytes of the file's XML; None where there is none."""
        if self.metadata is None:
            return None
        at, size = self.metadata
        return view[at : at + size]

    @property
    def planes(self) -> list[Plane]:
        """The planes (focal planes, channels, times, scenes), the first one first."""
        return sorted({tile.plane for tile in self.tiles})

    def tiles_of(self, plane: Plane) -> list[CziTile]:
        """Return the tiles of a plane, the lowest first."""
        return sorted((tile for tile in self.tiles if tile.plane == plane), key=lambda tile: tile.number)

    def box(self, plane: Plane) -> tuple[int, int, int, int]:
        """Return x, y, width and height in px of a plane; all 0 for one without tiles."""
        tiles = self.tiles_of(plane)
        if not tiles:
            return (0, 0, 0, 0)
        left, top = min(tile.x_px for tile in tiles), min(tile.y_px for tile in tiles)
        right = max(tile.x_px + tile.width_px for tile in tiles)
        bottom = max(tile.y_px + tile.height_px for tile in tiles)
        return (left, top, right - left, bottom - top)


def read_czi(view: memoryview) -> CziStructure:
    """Read the directory of a CZI file and check that everything it names is inside the file.

    The file header gets the directory's place only when the writer closes the file, so a file that is still
    being written is known by it.

    Parameters
    ----------
    view
        The file's bytes, uint8.

    Returns
    -------
    CziStructure
        Of a whole file.

    Raises
    ------
    struct.error, IndexError
        Where something is missing or lies outside the file.
    """
    at, _ = _segment(view, 0, MAGIC)
    part, directory_at, metadata_at, pending, attachments_at = FILE_PLACES.unpack_from(view, at + FILE_PLACES_AT)
    if pending or part or directory_at <= 0:
        raise IndexError("the file was not closed by its writer, or is a part of several")
    metadata = None
    if metadata_at > 0:
        at, _ = _segment(view, metadata_at, b"ZISRAWMETADATA")
        length = struct.unpack_from("<i", view, at)[0]
        metadata = (at + METADATA_HEAD, length)
        _inside(view, *metadata)
    if attachments_at > 0:
        _check_attachments(view, attachments_at)
    return CziStructure(tuple(_tiles(view, directory_at)), metadata)


def _inside(view: memoryview, at: int, size: int) -> None:
    if at < 0 or size < 0 or at + size > len(view):
        raise IndexError("a segment lies outside the file")


def _segment(view: memoryview, at: int, name: bytes) -> tuple[int, int]:
    """Return where a segment's data begin, and their length."""
    _inside(view, at, SEGMENT.size)
    found, allocated, used = SEGMENT.unpack_from(view, at)
    size = used or allocated
    if found.rstrip(b"\0") != name:
        raise IndexError(f"no {name.decode()} where one is stated to be")
    _inside(view, at + SEGMENT.size, size)
    return at + SEGMENT.size, size


def _check_attachments(view: memoryview, directory_at: int) -> None:
    at, _ = _segment(view, directory_at, b"ZISRAWATTDIR")
    count = struct.unpack_from("<i", view, at)[0]
    _inside(view, at + _ATTACHMENTS_HEAD, count * _ATTACHMENT)
    for index in range(count):
        where = struct.unpack_from("<q", view, at + _ATTACHMENTS_HEAD + index * _ATTACHMENT + 12)[0]
        _segment(view, where, b"ZISRAWATTACH")


def _tiles(view: memoryview, directory_at: int) -> list[CziTile]:
    at, _ = _segment(view, directory_at, b"ZISRAWDIRECTORY")
    count = struct.unpack_from("<i", view, at)[0]
    at += DIRECTORY_HEAD
    tiles = []
    for _ in range(count):
        _inside(view, at, _ENTRY.size)
        schema, pixel_type, where, part, compression, _, dimensions = _ENTRY.unpack_from(view, at)
        if schema != b"DV" or part:
            raise IndexError("a sub-block of another kind or in another file")
        size = _ENTRY.size + dimensions * _DIMENSION.size
        _inside(view, at, size)
        axes: dict[str, tuple[int, int, int]] = {}
        for index in range(dimensions):
            name, start, extent, _, stored = _DIMENSION.unpack_from(view, at + _ENTRY.size + index * _DIMENSION.size)
            axes[name.rstrip(b"\0").decode("ascii", "replace")] = (start, extent, stored or extent)
        data_at, data_bytes = _sub_block(view, where, size)
        entry = bytes(view[at : at + size])
        at += size
        if tile := _tile(axes, pixel_type, compression, (data_at, data_bytes), (where, entry)):
            tiles.append(tile)
    return tiles


def _sub_block(view: memoryview, where: int, entry_size: int) -> tuple[int, int]:
    at, _ = _segment(view, where, b"ZISRAWSUBBLOCK")
    metadata_bytes, _, data_bytes = struct.unpack_from("<iiq", view, at)
    data_at = at + 16 + max(_ENTRY_ROOM, entry_size) + metadata_bytes
    _inside(view, data_at, data_bytes)
    return data_at, data_bytes


def _tile(
    axes: dict[str, tuple[int, int, int]],
    pixel_type: int,
    compression: int,
    data: tuple[int, int],
    found: tuple[int, bytes],
) -> CziTile | None:
    """Return a tile at full resolution; None for one of the pyramid, which is stored smaller than it stands for."""
    if "X" not in axes or "Y" not in axes or any(axes[name][1] != axes[name][2] for name in "XY"):
        return None
    plane = tuple(sorted((name, start) for name, (start, _, _) in axes.items() if name not in ("X", "Y", "M")))
    (x, width, _), (y, height, _) = axes["X"], axes["Y"]
    number = axes.get("M", (0, 0, 0))[0]
    return CziTile(plane, x, y, width, height, number, pixel_type, compression, *data, *found)
