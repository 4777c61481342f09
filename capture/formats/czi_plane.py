"""One plane of a Zeiss CZI file as a file of its own: its tiles as they are coded, and the metadata.

Source: the segment layout as published with ZEISS's libCZI (ZISRAW file format).
"""

import struct
from collections.abc import Sequence

from smearwatch.capture.formats.czi_structure import (
    DIRECTORY_HEAD,
    FILE_PLACES,
    FILE_PLACES_AT,
    MAGIC,
    METADATA_HEAD,
    SEGMENT,
    read_czi,
)

_POSITION_IN_ENTRY = 6  # after the schema's name and the type of the pixels
_ENTRY_IN_SUB_BLOCK = 16


def plane_alone(data: bytes | memoryview, index: int) -> bytes:
    """Write one plane of a CZI file as a CZI file of its own, without attachments and smaller copies.

    Parameters
    ----------
    data
        The file's bytes; whole, as `smearwatch.capture.formats.header.probe` found.
    index
        The plane, from 0, as `CziStructure.planes` has them.

    Returns
    -------
    bytes
        The same bytes for the same plane of the same file: pixels as they were coded.
    """
    view = memoryview(data).cast("B")
    structure = read_czi(view)
    file_head = _segment(view, 0)
    out = bytearray(file_head)
    entries = []
    for tile in structure.tiles_of(structure.planes[index]):
        entries.append(_moved(tile.entry, len(out), at=_POSITION_IN_ENTRY))
        inside = SEGMENT.size + _ENTRY_IN_SUB_BLOCK + _POSITION_IN_ENTRY
        out += _moved(_segment(view, tile.segment_at), len(out), at=inside)
    metadata_at = 0
    if (xml := structure.xml(view)) is not None:
        metadata_at = len(out)
        out += _new_segment(b"ZISRAWMETADATA", struct.pack("<ii", len(xml), 0).ljust(METADATA_HEAD, b"\0") + xml)
    directory_at = len(out)
    out += _new_segment(b"ZISRAWDIRECTORY", _directory(entries))
    FILE_PLACES.pack_into(out, SEGMENT.size + FILE_PLACES_AT, 0, directory_at, metadata_at, 0, 0)
    assert out.startswith(MAGIC)
    return bytes(out)


def _segment(view: memoryview, at: int) -> bytes:
    _, allocated, used = SEGMENT.unpack_from(view, at)
    return bytes(view[at : at + SEGMENT.size + max(allocated, used)])


def _moved(part: bytes, position: int, *, at: int) -> bytes:
    moved = bytearray(part)
    struct.pack_into("<q", moved, at, position)
    return bytes(moved)


def _new_segment(name: bytes, content: bytes) -> bytes:
    return SEGMENT.pack(name, len(content), len(content)) + content


def _directory(entries: Sequence[bytes]) -> bytes:
    return struct.pack("<i", len(entries)).ljust(DIRECTORY_HEAD, b"\0") + b"".join(entries)
