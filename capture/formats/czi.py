"""A plane of a Zeiss CZI file to BGR, and which of its planes are pictures of their own.

The tiles are laid side by side as ZEN does it; their pixels are unpacked by imagecodecs: plain ones, JPEG, JPEG XR,
and the two kinds of Zstandard, which is what Zeiss's software writes.
"""

import io
import os
import struct
import subprocess
import sys
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Flags, Image
from smearwatch.capture.formats.czi_structure import CZI_PIXELS, CziStructure, CziTile, read_czi
from smearwatch.capture.formats.header import probe
from smearwatch.capture.formats.pixels import to_bgr
from smearwatch.capture.formats.safe_xml import XmlUnusable, child_text, parse_xml
from smearwatch.capture.formats.stack import MOST_PICTURES, Divided, Shown, group_by_field
from smearwatch.capture.formats.tiff_structure import JXR_HEIGHT, JXR_WIDTH, read_tiff
from smearwatch.capture.formats.unusable import FrameUnusable

_JPEG, _JPEG_XR, _ZSTD, _ZSTD_WITH_HEADER = 1, 4, 5, 6
# JPEG XR is unpacked in a process of its own: the one library for it, Microsoft's jxrlib, which every reader of CZI
# builds on, dies of damaged data (division by zero, segmentation fault). One frame may fail so, but not the finder.
_LIMIT_S = 120
_CHILD = """
import io, sys, imagecodecs, numpy
out = io.BytesIO()
numpy.save(out, imagecodecs.jpegxr_decode(sys.stdin.buffer.read()), allow_pickle=False)
sys.stdout.buffer.write(out.getbuffer())
"""


def significant_bits(view: memoryview, structure: CziStructure) -> int:
    """Return how many bits of a sample the camera filled, 0 where that is not stated (ComponentBitCount)."""
    xml = structure.xml(view)
    if xml is None:
        return 0
    try:
        text = child_text(parse_xml(xml), "{*}Metadata/{*}Information/{*}Image/{*}ComponentBitCount")
    except XmlUnusable:  # the picture itself may be fine; who reads the scale reports it
        return 0
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 3 else 0


def decode_czi(data: bytes | memoryview, max_pixels: int, *, one_field: bool = False) -> Image:
    """Decode the plane of a CZI file that is the picture: of one field at several focal planes the sharpest.

    Parameters
    ----------
    data
        The file's bytes; whole, as `smearwatch.capture.formats.header.probe` found.
    max_pixels
        Largest width x height that is decoded, of the plane and of a tile.
    one_field
        Whether planes that show several fields are refused; else the first field is taken.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 3], blue first; where no tile lies it is white.

    Raises
    ------
    FrameUnusable
        `colour_unsupported`, `too_many_pixels`, `undecodable` or `several_fields`.
    """
    view = memoryview(data).cast("B")
    structure = read_czi(view)
    fields = _shown_by(view, structure, max_pixels).fields
    if one_field and len(fields) > 1:
        raise FrameUnusable("several_fields", f"its planes show {len(fields)} fields")
    return _decode_plane(view, structure, fields[0][0], max_pixels)


def used_plane(data: bytes | memoryview, max_pixels: int) -> int:
    """Return the plane that `decode_czi` takes, from 0; raises FrameUnusable as it does."""
    view = memoryview(data).cast("B")
    return _shown_by(view, read_czi(view), max_pixels).fields[0][0]


def planes_of_fields(data: bytes | memoryview, max_pixels: int) -> Divided:
    """Return the plane of each field that a CZI shows, of whatever size.

    Of one field at several focal planes it is the sharpest. A plane that cannot be decoded stands by itself.

    Raises
    ------
    FrameUnusable
        The first plane is unusable, or there are `too_many_pixels`.
    """
    view = memoryview(data).cast("B")
    structure = read_czi(view)
    return _shown_by(view, structure, max_pixels).divided(len(structure.planes))


def _colour_planes(structure: CziStructure) -> list[int]:
    """Return the planes that may be pictures of their own: all in colour, or the first alone."""
    planes = structure.planes
    colour = [
        all(CZI_PIXELS.get(tile.pixel_type, (0, 0))[1] >= 3 for tile in structure.tiles_of(plane)) for plane in planes
    ]
    return [index for index, is_colour in enumerate(colour) if is_colour] if colour and colour[0] else [0]


def _shown_by(view: memoryview, structure: CziStructure, max_pixels: int) -> Shown:
    """Return what the planes in colour show; of one that is alone nothing is decoded."""
    planes = _colour_planes(structure)
    if len(planes) == 1:
        return Shown([planes], [])
    boxes = [structure.box(structure.planes[index]) for index in planes]
    if sum(width * height for _, _, width, height in boxes) > MOST_PICTURES * max_pixels:
        raise FrameUnusable(
            "too_many_pixels", f"{len(planes)} planes are more pixels than {MOST_PICTURES} pictures may have"
        )

    def decode_plane(index: int) -> Image | None:
        try:
            return _decode_plane(view, structure, index, max_pixels)
        except FrameUnusable:
            if index == planes[0]:
                raise
            return None  # a broken plane after a good one

    return group_by_field(planes, decode_plane)


def _decode_plane(view: memoryview, structure: CziStructure, index: int, max_pixels: int) -> Image:
    planes = structure.planes
    tiles = structure.tiles_of(planes[index]) if planes else []
    kinds = {tile.pixel_type for tile in tiles}
    if len(kinds) != 1 or not kinds <= CZI_PIXELS.keys():
        raise FrameUnusable("colour_unsupported", f"czi: pixel types {sorted(kinds)} are not read")
    bits, samples = CZI_PIXELS[kinds.pop()]
    left, top, width, height = structure.box(planes[index])
    for tile in tiles:
        _check(view, tile, max_pixels)
    dtype = np.dtype(np.uint8 if bits == 8 else "<u2")
    plane = np.full((height, width, samples), 255 if bits == 8 else 65535, dtype)
    covered = np.zeros((height, width), np.bool_)
    for tile in tiles:
        corner = np.s_[tile.y_px - top :, tile.x_px - left :]
        try:
            pixels = _pixels(view, tile, dtype, samples)
        except Exception as error:  # the codecs raise many kinds; all mean the same here
            raise FrameUnusable("undecodable", "czi: a tile cannot be unpacked: broken data") from error
        plane[corner][: tile.height_px, : tile.width_px] = pixels
        covered[corner][: tile.height_px, : tile.width_px] = True
    return _bgr(plane, covered, significant_bits(view, structure))


def _bgr(plane: npt.NDArray[np.generic], covered: Flags, bits: int) -> Image:
    plane[~covered] = 0  # so that what is not there does not hide how many bits the camera filled
    bgr = to_bgr(plane, bits=bits, alpha="none")  # ZEN shows Bgra32 without its fourth sample
    bgr[~covered] = 255
    return bgr


def _check(view: memoryview, tile: CziTile, max_pixels: int) -> None:
    """Refuse a tile that is larger than allowed, or whose packed picture states that it is."""
    stated = (tile.width_px, tile.height_px)
    packed = view[tile.data_at : tile.data_at + tile.data_bytes]
    if tile.compression == _JPEG:
        header = probe(packed)
        stated = max(stated, (header.width_px, header.height_px), key=lambda size: size[0] * size[1])
    elif tile.compression == _JPEG_XR:
        stated = max(stated, jpeg_xr_size(packed), key=lambda size: size[0] * size[1])
    if stated[0] < 1 or stated[1] < 1:
        raise FrameUnusable("undecodable", "czi: a tile without pixels")
    if stated[0] * stated[1] > max_pixels:
        raise FrameUnusable("too_many_pixels", f"a tile of {stated[0]}x{stated[1]} is more than {max_pixels} pixels")


def _pixels(view: memoryview, tile: CziTile, dtype: np.dtype[Any], samples: int) -> npt.NDArray[np.generic]:
    """Return the samples of a tile, blue first: [height, width, samples]."""
    packed = bytes(view[tile.data_at : tile.data_at + tile.data_bytes])
    shape = (tile.height_px, tile.width_px, samples)
    size = tile.height_px * tile.width_px * samples * dtype.itemsize
    if tile.compression in (_JPEG, _JPEG_XR) and len(packed) != size:
        unpack = imagecodecs.jpeg8_decode if tile.compression == _JPEG else decode_jpeg_xr
        rgb = np.asarray(unpack(packed)).reshape(shape)
        if rgb.dtype != dtype:
            raise ValueError(f"a tile has {rgb.dtype} samples, its directory states {dtype}")
        return np.asarray(rgb[..., [2, 1, 0, 3][:samples]] if samples >= 3 else rgb)
    # Some programs store a tile plain and state that it is packed.
    plain = packed if len(packed) == size else _unpack(packed, tile.compression, size, dtype.itemsize)
    return np.frombuffer(plain, dtype).reshape(shape)


def _unpack(packed: bytes, compression: int, size: int, item_bytes: int) -> bytes:
    if compression == _ZSTD:
        return bytes(imagecodecs.zstd_decode(packed, out=size))
    if compression != _ZSTD_WITH_HEADER:
        raise ValueError(f"compression {compression} is not read")
    # A header of one byte (its own length), or of three: length 3, chunk 1, and whether the low bytes of all
    # samples come before the high bytes.
    if packed[0] not in (1, 3) or (packed[0] == 3 and packed[1] != 1):
        raise ValueError("a Zstandard tile with an unknown header")
    plain = bytes(imagecodecs.zstd_decode(packed[packed[0] :], out=size))
    if packed[0] == 3 and packed[2] & 1 and item_bytes == 2:
        plain = np.frombuffer(plain, np.uint8).reshape(2, -1).T.tobytes()
    return plain


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
        errors = child.stderr.decode(errors="replace").strip().splitlines()
        raise ValueError(f"JPEG XR: {errors[-1] if errors else f'the decoder ended with {child.returncode}'}")
    return np.asarray(np.load(io.BytesIO(child.stdout), allow_pickle=False))
