"""One TIFF page, or the three pages of a colour picture in planes, to BGR."""

import io
import math
import re

import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile

from smearwatch.capture.arrays import Image
from smearwatch.capture.formats.header import probe
from smearwatch.capture.formats.ome import Ome, description_of, read_ome
from smearwatch.capture.formats.pixels import Alpha, orient, to_bgr, to_eight_bits
from smearwatch.capture.formats.safe_xml import XmlUnusable
from smearwatch.capture.formats.stack import MOST_PICTURES, Divided, Shown, colour_pages, group_by_field
from smearwatch.capture.formats.tiff_page import page_alone, page_at
from smearwatch.capture.formats.tiff_structure import (
    COMPRESSION,
    DEPTH,
    EXTRA_SAMPLES,
    GREATEST_SAMPLE,
    MOST_PAGES,
    ORIENTATION,
    PALETTE,
    PHOTOMETRIC,
    PLANAR,
    SAMPLES,
    TILE_HEIGHT,
    TILE_WIDTH,
    TiffPage,
    TiffStructure,
    read_tiff,
)
from smearwatch.capture.formats.unusable import FrameUnusable

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _YCBCR = 0, 1, 2, 6
_COLOUR_NAMES = {4: "a mask", 5: "CMYK", 8: "CIELab", 9: "ICCLab", 10: "ITULab", 32803: "raw colour filter"}
_LZW, _JPEG = 5, 7
_IN_PLANES = 2
_STATED_IMAGES = re.compile(rb"\AImageJ=[^\0]*?^images=(\d{1,7})\s*$", re.MULTILINE)
# None, CCITT, LZW, JPEG, deflate (two numbers), PackBits, Zstandard: what unpacks to no more than the stated size.
_COMPRESSIONS = frozenset({1, 2, 3, 4, _LZW, _JPEG, 8, 32946, 32773, 50000})


def decode_tiff(data: bytes | memoryview, max_pixels: int, *, one_field: bool = False) -> Image:
    """Decode the page of a TIFF that is the picture.

    Parameters
    ----------
    data
        The file's bytes; whole, as `smearwatch.capture.formats.header.probe` found.
    max_pixels
        Largest width x height that is decoded, also of a tile.
    one_field
        Whether pages that show several fields are refused; else the first field is taken.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 3], blue first, turned as its orientation tag states.

    Raises
    ------
    FrameUnusable
        `colour_unsupported`, `too_many_pixels`, `undecodable` or `several_fields`.
    """
    structure = read_tiff(memoryview(data).cast("B"))
    return _decode_pages(data, structure, used_pages(data, structure, max_pixels, one_field=one_field), max_pixels)


def used_pages(
    data: bytes | memoryview, structure: TiffStructure, max_pixels: int, *, one_field: bool = False
) -> tuple[int, ...]:
    """Return the page that is the picture, or the three that are its red, green and blue.

    Of one field at several focal planes it is the sharpest; of several fields the first, or none: see `decode_tiff`.
    """
    colours = _colour_planes(structure)
    if one_field and (missing := _pictures_without_a_page(structure)) is not None:
        raise FrameUnusable("several_fields", missing)
    if colours is not None:
        return colours
    fields = _shown_by(data, structure, max_pixels).fields
    if one_field and len(fields) > 1:
        raise FrameUnusable("several_fields", f"its pages show {len(fields)} fields")
    return (max((field[0] for field in fields), key=lambda index: math.prod(structure.pages[index].size_px)),)


def pages_of_fields(data: bytes | memoryview, max_pixels: int) -> Divided:
    """Return the page of each field that a TIFF shows, of whatever size.

    Of one field at several focal planes it is the sharpest. A page that cannot be decoded stands by itself, so that
    it is not lost. None where the file has more pages than are read: it is refused whole.

    Raises
    ------
    FrameUnusable
        The page that is the picture is unusable, or there are `too_many_pixels`.
    """
    structure = read_tiff(memoryview(data).cast("B"))
    if len(structure.pages) >= MOST_PAGES or _pictures_without_a_page(structure) is not None:
        return Divided([], 0)
    if (colours := _colour_planes(structure)) is not None:
        return Divided([], len(structure.pages) - len(colours))
    return _shown_by(data, structure, max_pixels).divided(len(structure.pages))


def _shown_by(data: bytes | memoryview, structure: TiffStructure, max_pixels: int) -> Shown:
    """Return what the pages in colour show; of one that is alone nothing is decoded."""
    pages = colour_pages(structure)
    if len(pages) == 1:
        return Shown([pages], [])
    if sum(math.prod(structure.pages[index].size_px) for index in pages) > MOST_PICTURES * max_pixels:
        width, height = structure.pages[structure.page_used].size_px
        raise FrameUnusable(
            "too_many_pixels",
            f"{len(pages)} pages of up to {width}x{height} are more than {MOST_PICTURES} pictures may have",
        )

    def decode_page(index: int) -> Image | None:
        try:
            return _decode_pages(data, structure, (index,), max_pixels)
        except FrameUnusable:
            if index == structure.page_used:
                raise
            return None  # a broken page after a good one

    return group_by_field(pages, decode_page)


def _colour_planes(structure: TiffStructure) -> tuple[int, int, int] | None:
    """Return the pages of red, green and blue, as OME-XML names them or ImageJ counts its channels."""
    ome, pages = _ome(structure), len(structure.pages)
    if ome is not None and ome.rgb_pages is not None and max(ome.rgb_pages) < pages:
        return ome.rgb_pages
    page = structure.pages[structure.page_used]
    lines = page.description.splitlines() if page.description.startswith(b"ImageJ=") else ()
    return (0, 1, 2) if b"channels=3" in lines and pages == 3 and page.first(SAMPLES, 1) == 1 else None


def _pictures_without_a_page(structure: TiffStructure) -> str | None:
    """Return why a file holds more pictures than its pages in colour are: they would be passed over without a word."""
    ome, colours = _ome(structure), _colour_planes(structure)
    planes = sum(not page.reduced for page in structure.pages)
    if ome is not None and colours is not None and planes > 3 * max(1, ome.focal_planes):
        return f"its {planes} pages are the colours of several pictures"
    stated = _STATED_IMAGES.search(structure.pages[0].description)
    if stated is not None and int(stated[1]) > planes:
        return f"ImageJ put {int(stated[1])} pictures into it, and its directory has {planes}"
    return None


def _decode_pages(
    data: bytes | memoryview, structure: TiffStructure, chosen: tuple[int, ...], max_pixels: int
) -> Image:
    for index in chosen:
        _check(memoryview(data).cast("B"), structure.pages[index], max_pixels)
    decoded = _samples(data, structure.pages, chosen)
    page = structure.pages[chosen[0] if len(chosen) == 1 else structure.page_used]
    ome = _ome(structure)
    bits = (ome.significant_bits if ome is not None else 0) or _stated_bits(page)
    return orient(_bgr(decoded, page, bits), page.first(ORIENTATION, 1))


def _ome(structure: TiffStructure) -> Ome | None:
    try:
        return read_ome(description_of(structure, structure.page_used))
    except XmlUnusable:  # the picture itself may be fine; who reads the scale reports it
        return None


def _stated_bits(page: TiffPage) -> int:
    """Return the significant bits; 0 for a whole container, of which a camera may have filled a part only."""
    return 0 if page.bits in (16, 32) and GREATEST_SAMPLE not in page.integers else page.bits


def _check(view: memoryview, page: TiffPage, max_pixels: int) -> None:
    """Refuse, before any memory is taken for pixels, what would be shown in wrong colours or grow without bound."""
    samples, photometric, compression = page.first(SAMPLES, 1), _photometric(page), page.first(COMPRESSION, 1)
    if photometric == _YCBCR and compression != _JPEG:
        raise FrameUnusable("colour_unsupported", "tiff: YCbCr without JPEG compression")
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, PALETTE, _YCBCR):
        name = _COLOUR_NAMES.get(photometric, f"photometric {photometric}")
        raise FrameUnusable("colour_unsupported", f"tiff: {name} is neither grey nor RGB")
    few, many = (3, 4) if photometric in (_RGB, _YCBCR) else (1, 2)
    if not few <= samples <= many or page.first(DEPTH, 1) != 1:
        raise FrameUnusable("colour_unsupported", f"tiff: {samples} samples a pixel in photometric {photometric}")
    if compression not in _COMPRESSIONS:
        known = compression in list(tifffile.COMPRESSION)
        name = tifffile.COMPRESSION(compression).name if known else str(compression)
        raise FrameUnusable("undecodable", f"tiff: compression {name} is not read")
    stated = [(page.width_px, page.height_px), (page.first(TILE_WIDTH), page.first(TILE_HEIGHT))]
    if compression == _JPEG:
        inner = [probe(view[at : at + size]) for at, size in page.chunks()]
        stated += [(header.width_px, header.height_px) for header in inner]
    width, height = max(stated, key=lambda size: size[0] * size[1])
    if width * height > max_pixels:
        raise FrameUnusable("too_many_pixels", f"a tile of {width}x{height} is more than {max_pixels} pixels")


def _photometric(page: TiffPage) -> int:
    return page.first(PHOTOMETRIC, _RGB if page.first(SAMPLES, 1) >= 3 else _BLACK_IS_ZERO)


def _samples(data: bytes | memoryview, pages: tuple[TiffPage, ...], chosen: tuple[int, ...]) -> npt.NDArray[np.generic]:
    """Return the samples of a page, or of three pages side by side: [height, width] or [height, width, samples]."""
    try:
        planes = [_page_samples(data, index, pages[index]) for index in chosen]
        whole = planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)
    except Exception as error:  # the libraries raise many kinds; all mean the same here
        raise FrameUnusable("undecodable", "tiff: its pixels cannot be unpacked: broken data") from error
    if whole.dtype.kind not in "ub":
        raise FrameUnusable("colour_unsupported", f"tiff: {whole.dtype} samples, whose black and white are not known")
    if whole.ndim not in (2, 3) or 0 in whole.shape or (whole.ndim == 3 and whole.shape[2] not in (1, 2, 3, 4)):
        raise FrameUnusable("undecodable", f"tiff: samples of shape {whole.shape}")
    return whole


def _page_samples(data: bytes | memoryview, index: int, stated: TiffPage) -> npt.NDArray[np.generic]:
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tiff:
        page = page_at(tiff, stated, index)
        if (page.imagewidth, page.imagelength) != (stated.width_px, stated.height_px):
            raise ValueError(f"page {index + 1} has two sizes")
        if stated.first(COMPRESSION, 1) == _LZW:
            place = (bytes(data), index) if index < len(tiff.pages) else (page_alone(data, index), 0)
            # By libtiff: imagecodecs' own LZW decoder writes past its memory where the data are damaged.
            pixels = np.asarray(imagecodecs.tiff_decode(*place))
        else:
            pixels = np.asarray(page.asarray(maxworkers=1))
        if stated.first(PLANAR, 1) == _IN_PLANES and pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        if pixels.shape[:2] != (stated.height_px, stated.width_px):
            raise ValueError(f"page {index + 1} came out as {pixels.shape}")
        if _photometric(stated) == PALETTE and page.colormap is not None:
            return _by_palette(pixels, np.asarray(page.colormap))
        return pixels


def _by_palette(pixels: npt.NDArray[np.generic], colormap: npt.NDArray[np.uint16]) -> npt.NDArray[np.generic]:
    # The palette has 16 bits (TIFF 6.0, section 5), but some programs write eight.
    eight = to_eight_bits(colormap, 16) if colormap.max() > 255 else colormap.astype(np.uint8)
    return np.moveaxis(eight[:, pixels if pixels.ndim == 2 else pixels[..., 0]], 0, -1)


def _bgr(pixels: npt.NDArray[np.generic], page: TiffPage, bits: int) -> Image:
    photometric = _photometric(page)
    eight = to_eight_bits(pixels, 0 if photometric == PALETTE else bits)
    if photometric == _WHITE_IS_ZERO:
        eight = np.asarray(255 - eight, dtype=np.uint8)
    if eight.ndim == 3 and eight.shape[2] in (3, 4):
        eight = eight[..., [2, 1, 0, 3][: eight.shape[2]]]
    return to_bgr(eight, alpha=_alpha(page))


def _alpha(page: TiffPage) -> Alpha:
    """Return what an extra sample is (TIFF 6.0, tag 338); where that is not stated it is no transparency."""
    kinds: dict[int, Alpha] = {1: "premultiplied", 2: "straight"}
    return kinds.get(page.first(EXTRA_SAMPLES), "none")
