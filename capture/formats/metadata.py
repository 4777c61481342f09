"""The scale that a picture file, or the file that Zeiss's software writes beside it, states of itself.

What is stated is a claim: it is used only where it is a length on the slide (never from sensor pitch and
magnification, for the adapter between them is often not what the software is set to), where both axes agree, and
where it is plausible for a smear.
"""

import math
import re
import struct
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from smearwatch.capture.formats.czi_structure import MAGIC, read_czi
from smearwatch.capture.formats.ome import description_of, is_ome, read_ome
from smearwatch.capture.formats.safe_xml import XML_MAX_BYTES, XmlUnusable, child_text, parse_xml
from smearwatch.capture.formats.tiff_structure import (
    RESOLUTION_UNIT,
    X_RESOLUTION,
    Y_RESOLUTION,
    TiffPage,
    TiffStructure,
    read_tiff,
)
from smearwatch.daemon.scale_rule import PLAUSIBLE_UM_PER_PX

SQUARE_WITHIN = 0.01
"""How far the two axes may lie apart."""

ScaleOrigin = Literal["zeiss_side_file", "czi", "zeiss_xml", "ome_xml", "imagej", "tiff_resolution"]

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# OME's UnitsLength and ImageJ's spellings, to micrometres. Both signs for micro: U+00B5 and U+03BC.
_UM = {
    "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "micrometre": 1.0,
    "pm": 1e-6, "Å": 1e-4, "\u212b": 1e-4, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "dm": 1e5, "m": 1e6,
    "in": 25400.0, "inch": 25400.0,
}  # fmt: skip
_NO_LENGTH = frozenset({"", "pixel", "pixels", "reference frame"})
_INCH, _CENTIMETRE = 2, 3


@dataclass(frozen=True, slots=True)
class MetadataScale:
    """A scale that metadata state.

    Attributes
    ----------
    um_per_px
        Micrometres on the slide a pixel, from 0.01 to 0.6.
    origin
        Where it stands.
    detail
        What stands there, for a line of a log.
    """

    um_per_px: float
    origin: ScaleOrigin
    detail: str


@dataclass(frozen=True, slots=True)
class MetadataOdd:
    """A scale that metadata state and that cannot be believed, or metadata that cannot be read.

    Attributes
    ----------
    origin
        Where it stands.
    message
        What is odd, in one line.
    hint
        What to do about it.
    """

    origin: ScaleOrigin
    message: str
    hint: str = "give --um-per-px, or calibrate the camera software with a stage micrometer"


def scale_from_metadata(data: bytes | memoryview, side_file: bytes | None = None) -> MetadataScale | MetadataOdd | None:
    """Read the scale that a picture states of itself, without decoding it.

    The first of these that states a scale decides, also where what it states is odd: the side file's `Scaling`
    items, a CZI's, those of Zeiss's XML in a TIFF's description, OME-XML, ImageJ's unit with the resolution tags,
    and the resolution tags alone.

    Parameters
    ----------
    data
        The picture file's bytes.
    side_file
        The bytes of the file that `side_file_for` found, where there is one.

    Returns
    -------
    MetadataScale, MetadataOdd or None
        None where nothing is stated. Never raises: a caller warns of a `MetadataOdd` and goes on without a scale.
    """
    if side_file is not None:
        answer = _zeiss(side_file, "zeiss_side_file")
        if answer is not None:
            return answer
    view = memoryview(data).cast("B")
    try:
        if bytes(view[: len(MAGIC)]) == MAGIC:
            xml = read_czi(view).xml(view)
            return None if xml is None else _zeiss(xml, "czi")
        if bytes(view[:4]) in _TIFF_STARTS:
            structure = read_tiff(view)
            return _tiff(structure) if structure.pages else None
    except (struct.error, IndexError, OverflowError):
        return None  # no whole picture; who decodes it reports that
    return None


def side_file_for(path: Path) -> Path | None:
    """Find the metadata file that Zeiss's software writes beside a picture.

    Parameters
    ----------
    path
        The picture, such as `a.tif`; beside it `a.tif_metadata.xml` or `a.tiff_metadata.xml` is looked for, with the
        suffix in small or capital letters.

    Returns
    -------
    pathlib.Path or None
        None where there is none, where it cannot be read, or where it is larger than `XML_MAX_BYTES`.
    """
    suffix = path.suffix.lower()
    others = {".tif": [".tiff"], ".tiff": [".tif"]}.get(suffix, [])
    spellings = [path.suffix, *(s for name in (suffix, *others) for s in (name, name.upper()))]
    for spelling in dict.fromkeys(spellings):
        candidate = path.with_name(f"{path.stem}{spelling}_metadata.xml")
        try:
            if candidate.is_file() and candidate.stat().st_size <= XML_MAX_BYTES:
                return candidate
        except OSError:  # vanished, or on a share that is away: as good as absent
            continue
    return None


def _zeiss(xml: bytes | memoryview, origin: ScaleOrigin) -> MetadataScale | MetadataOdd | None:
    """Read Zeiss's `Scaling` items, metres a pixel: `<Scaling><Items><Distance Id="X"><Value>4.4E-08</Value>`."""
    try:
        root = parse_xml(xml)
    except XmlUnusable as unusable:
        hint = "export the picture again from the camera software, or delete the metadata file"
        return MetadataOdd(origin, f"Zeiss metadata: {unusable}", hint)
    scaling = next(
        (found for at in ("{*}Scaling", "{*}Metadata/{*}Scaling", ".//{*}Scaling") for found in root.findall(at)), None
    )
    if scaling is None:
        return None
    stated = {axis: _item(scaling, axis) for axis in "XY"}
    if stated["X"] is None and stated["Y"] is None:
        return None  # only the sensor's pitch, from which nothing is concluded
    kind = child_text(scaling, "{*}AutoScaling/{*}Type")
    return _judge(
        {axis: _number(text) * 1e6 for axis, text in stated.items()},
        origin,
        f"Zeiss Scaling items{f' ({kind.lower()})' if kind else ''}",
    )


def _item(scaling: ET.Element, axis: str) -> str | None:
    return child_text(scaling, f"{{*}}Items/{{*}}Distance[@Id='{axis}']/{{*}}Value")


def _tiff(structure: TiffStructure) -> MetadataScale | MetadataOdd | None:
    page = replace(structure.pages[structure.page_used], description=description_of(structure, structure.page_used))
    start = page.description[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if is_ome(page.description):
        answer = _ome(page.description)
    elif start.startswith(b"<") and re.search(rb"<(\w+:)?Image(Metadata|Document)\b", start):
        answer = _zeiss(page.description, "zeiss_xml")
    elif start.startswith(b"ImageJ="):
        answer = _imagej(page)
    else:
        answer = None
    return answer if answer is not None else _resolution(page)


def _ome(description: bytes) -> MetadataScale | MetadataOdd | None:
    try:
        ome = read_ome(description)
    except XmlUnusable as unusable:
        return MetadataOdd("ome_xml", f"OME-XML: {unusable}")
    if ome is None or not ome.physical_size:
        return None
    um = {}
    for axis, (text, unit) in ome.physical_size.items():
        if unit.strip() in _NO_LENGTH:
            return None
        if unit.strip() not in _UM:
            return MetadataOdd("ome_xml", f"OME-XML states PhysicalSize{axis} in the unknown unit {unit[:20]!r}")
        um[axis] = _number(text) * _UM[unit.strip()]
    return _judge(um, "ome_xml", "OME-XML PhysicalSize")


def _imagej(page: TiffPage) -> MetadataScale | MetadataOdd | None:
    """Read ImageJ's `unit=` with the resolution tags, pixels a unit (ij.io.TiffEncoder and FileSaver)."""
    found = re.search(rb"^unit=(.*)$", page.description, re.MULTILINE)
    if found is None or not page.resolution:
        return None
    raw = found[1].strip().replace(rb"\u00B5", "µ".encode())  # ImageJ writes the sign so, for the tag is ASCII
    try:
        unit = raw.decode()
    except UnicodeDecodeError:
        unit = raw.decode("latin-1")
    if unit not in _UM or unit in ("cm", "inch", "in"):
        return None  # those are what the resolution tags themselves state
    um = {
        axis: _UM[unit] / page.resolution[tag] if page.resolution.get(tag) else math.nan
        for axis, tag in (("X", X_RESOLUTION), ("Y", Y_RESOLUTION))
    }
    return _judge(um, "imagej", f"ImageJ resolution in {unit}")


def _resolution(page: TiffPage) -> MetadataScale | MetadataOdd | None:
    """Read TIFF 6.0's tags 282, 283 and 296; what is not plausible is a printer's or a screen's and is passed over."""
    um_per_unit = {_INCH: 25400.0, _CENTIMETRE: 10000.0}.get(page.first(RESOLUTION_UNIT, _INCH))
    per_unit = [page.resolution.get(tag, 0.0) for tag in (X_RESOLUTION, Y_RESOLUTION)]
    if um_per_unit is None or min(per_unit) <= 0:
        return None
    um = {axis: um_per_unit / value for axis, value in zip("XY", per_unit, strict=True)}
    least, greatest = PLAUSIBLE_UM_PER_PX
    if not all(least <= value <= greatest for value in um.values()):
        return None
    return _judge(um, "tiff_resolution", "TIFF resolution tags")


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else math.nan
    except ValueError:
        return math.nan


def _judge(um: dict[str, float], origin: ScaleOrigin, what: str) -> MetadataScale | MetadataOdd:
    """Accept a scale whose axes agree and which is plausible; return otherwise what is wrong with it."""
    x, y = um.get("X", math.nan), um.get("Y", math.nan)
    if not (math.isfinite(x) and math.isfinite(y) and x > 0 and y > 0):
        return MetadataOdd(origin, f"{what}: X and Y are not both stated as lengths")
    if abs(x - y) > SQUARE_WITHIN * max(x, y):
        return MetadataOdd(origin, f"{what}: {x:.5g} um/px across and {y:.5g} um/px down, but pixels are square")
    least, greatest = PLAUSIBLE_UM_PER_PX
    um_per_px = (x + y) / 2
    if not least <= um_per_px <= greatest:
        return MetadataOdd(origin, f"{what}: {um_per_px:.5g} um/px, and a smear has {least} to {greatest}")
    return MetadataScale(round(um_per_px, 9), origin, f"{what}: {um_per_px:.5g} um/px")
