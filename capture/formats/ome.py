"""Read what an OME-TIFF's XML states about planes (OME data model, schema 2016-06): sizes, channels, scale, bits."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from itertools import islice, product

from smearwatch.capture.formats.safe_xml import XmlUnusable, parse_xml
from smearwatch.capture.formats.tiff_structure import TiffStructure

_COLOURS = (("red", "green", "blue"), ("r", "g", "b"))


@dataclass(frozen=True, slots=True)
class Ome:
    """The first image of an OME-TIFF.

    Attributes
    ----------
    focal_planes, channels, times
        SizeZ, SizeC (a colour picture has three) and SizeT; 1 where they are not stated.
    significant_bits
        Bits of a sample that carry something; 0 where that is not stated.
    rgb_pages
        The pages of the file that hold the red, the green and the blue channel of the first focal plane, where the
        channels are single and so named, or are three without names, in this order.
    physical_size
        Attribute values as written, by axis: (PhysicalSizeX, PhysicalSizeXUnit).
    """

    focal_planes: int
    channels: int
    times: int
    significant_bits: int
    rgb_pages: tuple[int, int, int] | None
    physical_size: dict[str, tuple[str, str]]


def is_ome(description: bytes) -> bool:
    """Return whether a TIFF's description looks like OME-XML."""
    start = description[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"<") and (b"<OME" in start or b":OME" in start)


def description_of(structure: TiffStructure, index: int) -> bytes:
    """Return what is written of a page: its own description, or where it has none the first one of a page of its size.

    OME-XML stands in the first page alone, and describes every image of the file, which may differ in scale: that of
    the page is returned, with nothing of the others; nothing, where none is said to have the page.

    Parameters
    ----------
    structure
        The file's directories.
    index
        The page, from 0.
    """
    page, first = structure.pages[index], structure.pages[0]
    if page.description and not is_ome(page.description):
        return page.description
    if is_ome(first.description):
        return _of_image_with(first.description, index)
    others = (each.description for each in structure.pages if each.size_px == page.size_px and each.description)
    return page.description or next(others, b"")


def _of_image_with(description: bytes, page: int) -> bytes:
    try:
        root = parse_xml(description)
        images = root.findall("{*}Image")
        if len(images) < 2:
            return description
        owner = next((image for image in images if _has_page(image, page)), None)
    except XmlUnusable:
        return description  # whoever reads it says what is wrong with it
    if owner is None:
        return b""
    for image in images:
        if image is not owner:
            root.remove(image)
    return bytes(ET.tostring(root, encoding="utf-8"))


def _has_page(image: ET.Element, page: int) -> bool:
    pixels = image.find("{*}Pixels")
    if pixels is None:
        return False
    channel = pixels.find("{*}Channel")
    samples = 1 if channel is None else max(1, _number(channel, "SamplesPerPixel", 1))
    planes = _number(pixels, "SizeZ", 1) * _number(pixels, "SizeT", 1) * -(-_number(pixels, "SizeC", 1) // samples)
    for block in pixels.findall("{*}TiffData"):
        first = _number(block, "IFD", 0)
        if first <= page < first + _number(block, "PlaneCount", 1 if "IFD" in block.attrib else planes):
            return True
    return False


def read_ome(description: bytes) -> Ome | None:
    """Read OME-XML.

    Parameters
    ----------
    description
        A TIFF's ImageDescription.

    Returns
    -------
    Ome or None
        None where it is no OME-XML.

    Raises
    ------
    XmlUnusable
        Where it looks like OME-XML and cannot be read.
    """
    if not is_ome(description):
        return None
    root = parse_xml(description)
    pixels = root.find("{*}Image/{*}Pixels")
    if pixels is None:
        return None
    sizes = {axis: _number(pixels, f"Size{axis}", 1) for axis in "CZT"}
    return Ome(
        focal_planes=sizes["Z"],
        channels=sizes["C"],
        times=sizes["T"],
        significant_bits=_number(pixels, "SignificantBits", 0),
        rgb_pages=_rgb_pages(pixels, sizes),
        physical_size={
            axis: (pixels.attrib[f"PhysicalSize{axis}"], pixels.get(f"PhysicalSize{axis}Unit", "µm"))
            for axis in "XY"
            if f"PhysicalSize{axis}" in pixels.attrib
        },
    )


def _number(element: ET.Element, name: str, default: int) -> int:
    try:
        return max(0, int(element.get(name, default)))
    except ValueError:
        raise XmlUnusable(f"{name} is no number") from None


def _rgb_pages(pixels: ET.Element, sizes: dict[str, int]) -> tuple[int, int, int] | None:
    channels = pixels.findall("{*}Channel")
    names = [channel.get("Name", "").strip().lower() for channel in channels]
    single = all(_number(channel, "SamplesPerPixel", 1) == 1 for channel in channels)
    if not single or sizes["C"] != 3:
        return None
    wanted = next((colours for colours in _COLOURS if sorted(names) == sorted(colours)), None)
    if wanted is None and any(names):
        return None  # stains of their own
    channels_in_order = range(3) if wanted is None else [names.index(name) for name in wanted]
    pages = [_page_of(pixels, sizes, channel) for channel in channels_in_order]
    if None in pages or len(set(pages)) != 3:
        raise XmlUnusable("the planes of its three channels cannot be distinguished")
    return (pages[0] or 0, pages[1] or 0, pages[2] or 0)


def _page_of(pixels: ET.Element, sizes: dict[str, int], channel: int) -> int | None:
    """Find the page of a channel's first plane: by TiffData, else the planes are counted in the stated order."""
    axes = [axis for axis in pixels.get("DimensionOrder", "XYCZT")[2:] if axis in "CZT"]
    blocks = pixels.findall("{*}TiffData") or [ET.Element("TiffData")]
    for block in blocks:
        first = {axis: _number(block, f"First{axis}", 0) for axis in "CZT"}
        steps = product(*(range(first[axis], sizes[axis]) for axis in reversed(axes)))
        places = (dict(zip(reversed(axes), step, strict=True)) for step in steps)
        count = _number(block, "PlaneCount", 1 if "IFD" in block.attrib else sizes["C"] * sizes["Z"] * sizes["T"])
        for page, place in enumerate(islice(places, min(count, 4096)), _number(block, "IFD", 0)):
            if place.get("C") == channel and not place.get("Z") and not place.get("T"):
                return page
    return None
