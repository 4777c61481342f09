"""CZI files as Zeiss's software writes them, for tests: segments of 32 bytes of head, in the published layout."""

import struct
from dataclasses import dataclass, field

import numpy as np

_PIXEL_TYPES = {("uint8", 1): 0, ("uint16", 1): 1, ("uint8", 3): 3, ("uint16", 3): 4, ("uint8", 4): 9}


@dataclass(frozen=True, slots=True)
class SubBlock:
    """One tile: its samples (blue first) or the packed ones, and its place."""

    pixels: np.ndarray
    at: tuple[int, int] = (0, 0)
    plane: dict[str, int] = field(default_factory=dict)
    number: int | None = None
    compression: int = 0
    packed: bytes | bytearray | None = None
    stands_for: tuple[int, int] | None = None


def scaling_xml(x_m: str | None = "4.4e-08", y_m: str | None = "4.4e-08", bits: int | None = None) -> bytes:
    """The metadata of a file, with the pitch of the sensor, which is no scale."""
    count = "" if bits is None else f"<ComponentBitCount>{bits}</ComponentBitCount>"
    items = "".join(
        f'<Distance Id="{axis}"><Value>{value}</Value><DefaultUnitFormat>µm</DefaultUnitFormat></Distance>'
        for axis, value in (("X", x_m), ("Y", y_m))
        if value is not None
    )
    return (
        "<ImageDocument><Metadata>"
        f"<Information><Image>{count}</Image></Information>"
        "<Scaling><AutoScaling><CameraPixelDistance>2.2,2.2</CameraPixelDistance></AutoScaling>"
        f"<Items>{items}</Items></Scaling></Metadata></ImageDocument>"
    ).encode()


def czi(*blocks: SubBlock, xml: bytes | None = None, attachment: bytes | None = None) -> bytes:
    """A whole file: sub-blocks, metadata, attachment, directories, and the header that is filled in last."""
    out = bytearray(_segment(b"ZISRAWFILE", bytes(512)))
    entries = []
    for block in blocks:
        entry = _entry(block, len(out))
        data = block.packed if block.packed is not None else block.pixels.tobytes()
        head = struct.pack("<iiq", 0, 0, len(data)) + entry
        out += _segment(b"ZISRAWSUBBLOCK", head.ljust(256, b"\0") + data)
        entries.append(entry)
    metadata_at = len(out) if xml is not None else 0
    if xml is not None:
        out += _segment(b"ZISRAWMETADATA", struct.pack("<ii", len(xml), 0).ljust(256, b"\0") + xml)
    attachments_at = 0
    if attachment is not None:
        entry = struct.pack("<2s10xqi", b"A1", len(out), 0).ljust(128, b"\0")
        out += _segment(b"ZISRAWATTACH", struct.pack("<i", len(attachment)).ljust(256, b"\0") + attachment)
        attachments_at = len(out)
        out += _segment(b"ZISRAWATTDIR", struct.pack("<i", 1).ljust(256, b"\0") + entry)
    directory_at = len(out)
    out += _segment(b"ZISRAWDIRECTORY", struct.pack("<i", len(entries)).ljust(128, b"\0") + b"".join(entries))
    head = struct.pack("<iiii16s16siqqiq", 1, 0, 0, 0, b"g", b"g", 0, directory_at, metadata_at, 0, attachments_at)
    out[32 : 32 + len(head)] = head
    return bytes(out)


def _segment(name: bytes, data: bytes) -> bytes:
    room = -(-len(data) // 32) * 32
    return struct.pack("<16sqq", name, room, len(data)) + data.ljust(room, b"\0")


def _entry(block: SubBlock, where: int) -> bytes:
    height, width = block.pixels.shape[:2]
    samples = block.pixels.shape[2] if block.pixels.ndim == 3 else 1
    spans = block.stands_for or (width, height)
    axes = [("X", block.at[0], spans[0], width), ("Y", block.at[1], spans[1], height)]
    axes += [(name, start, 1, 1) for name, start in block.plane.items()]
    axes += [("M", block.number, 1, 1)] if block.number is not None else []
    kind = _PIXEL_TYPES[(str(block.pixels.dtype), samples)]
    head = struct.pack("<2siqiiB5xi", b"DV", kind, where, 0, block.compression, 0, len(axes))
    return head + b"".join(
        struct.pack("<4siifi", name.encode(), start, size, 0, stored) for name, start, size, stored in axes
    )
