"""What files say of their scale, believed only where it can be true."""

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile

from smearwatch.capture.formats.metadata import MetadataOdd, MetadataScale, scale_from_metadata, side_file_for
from smearwatch.capture.formats.safe_xml import XML_MAX_BYTES, XmlUnusable, parse_xml
from tests.czi_files import SubBlock, czi, scaling_xml
from tests.picture_files import pillow, quarters, tiff, tiff_pages

BGR = quarters()
RGB = BGR[..., ::-1].copy()
PLAIN = tiff(RGB, photometric="rgb", metadata=None)
_OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def _side(items="", pitch="2.2,2.2", head='<?xml version="1.0" encoding="utf-8"?>', kind="Theoretic"):
    scaling = f"<AutoScaling><Type>{kind}</Type><CameraPixelDistance>{pitch}</CameraPixelDistance></AutoScaling>{items}"
    objective = "<NominalMagnification>10</NominalMagnification>"
    return f"{head}<ImageMetadata>{objective}<Scaling>{scaling}</Scaling></ImageMetadata>".encode()


def _items(x="3.89E-07", y="3.89E-07"):
    return "<Items>" + "".join(
        f'<Distance Id="{axis}"><Value>{value}</Value><DefaultUnitFormat>µm</DefaultUnitFormat></Distance>'
        for axis, value in (("X", x), ("Y", y), ("Z", "0"))
    ) + "</Items>"  # fmt: skip


def _ome(x="0.044", y="0.044", unit=None, names=("", "")):
    units = "" if unit is None else f' PhysicalSizeXUnit="{unit}" PhysicalSizeYUnit="{unit}"'
    size = f'PhysicalSizeX="{x}" PhysicalSizeY="{y}"{units}' if x is not None else ""
    xml = (
        f'{names[0]}<OME xmlns="{_OME}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" '
        f'SizeX="64" SizeY="48" SizeC="3" SizeZ="1" SizeT="1" {size}><Channel ID="Channel:0:0" SamplesPerPixel="3"/>'
        f"<TiffData/></Pixels></Image></OME>{names[1]}"
    )
    # Above tifffile's check of ASCII: the writers in the field put UTF-8 there.
    return tiff(RGB, photometric="rgb", metadata=None, description=xml.encode())


def _imagej(unit, per_unit=22.727272, resolution_unit=1, version="1.54f"):
    description = f"ImageJ={version}\n".encode() + b"unit=" + unit + b"\nloop=false\nmin=0.0\nmax=255.0\n"
    return tiff(
        RGB, photometric="rgb", metadata=None, description=description, resolution=(per_unit, per_unit),
        resolutionunit=resolution_unit,
    )  # fmt: skip


def _resolution(x, y, unit):
    return tiff(RGB, photometric="rgb", metadata=None, resolution=(x, y), resolutionunit=unit)


STATED = {
    "side file": (PLAIN, _side(_items()), 0.389, "zeiss_side_file"),
    "side file with mark": (PLAIN, b"\xef\xbb\xbf" + _side(_items()), 0.389, "zeiss_side_file"),
    "side file in utf-16": (
        PLAIN, _side(_items(), head='<?xml version="1.0" encoding="utf-16"?>').decode().encode("utf-16"), 0.389,
        "zeiss_side_file",
    ),
    "side file with zeros behind": (PLAIN, _side(_items()) + bytes(64), 0.389, "zeiss_side_file"),
    "side file of a jpeg": (pillow(BGR, "JPEG"), _side(_items("4.4E-08", "4.4E-08")), 0.044, "zeiss_side_file"),
    "side file as a CZI's XML": (PLAIN, scaling_xml(), 0.044, "zeiss_side_file"),
    "side file before ome": (_ome(), _side(_items()), 0.389, "zeiss_side_file"),
    "side file with the pitch alone, then ome": (_ome(), _side(), 0.044, "ome_xml"),
    "czi": (czi(SubBlock(BGR), xml=scaling_xml()), None, 0.044, "czi"),
    "czi within a hundredth": (czi(SubBlock(BGR), xml=scaling_xml("1.000e-07", "1.009e-07")), None, 0.10045, "czi"),
    "zeiss xml in a tiff": (
        tiff(RGB, photometric="rgb", metadata=None, description=scaling_xml()), None, 0.044, "zeiss_xml",
    ),
    "ome": (_ome(), None, 0.044, "ome_xml"),
    "ome um": (_ome(unit="um"), None, 0.044, "ome_xml"),
    "ome micro sign": (_ome(unit="\u00b5m"), None, 0.044, "ome_xml"),
    "ome Greek mu": (_ome(unit="\u03bcm"), None, 0.044, "ome_xml"),
    "ome nm": (_ome("44", "44", "nm"), None, 0.044, "ome_xml"),
    "ome mm": (_ome("4.4E-5", "4.4E-5", "mm"), None, 0.044, "ome_xml"),
    "ome m": (_ome("4.4E-8", "4.4E-8", "m"), None, 0.044, "ome_xml"),
    "ome angstrom": (_ome("440", "440", "\u00c5"), None, 0.044, "ome_xml"),
    "ome by tifffile": (
        tiff(RGB, ome=True, photometric="rgb", metadata={"PhysicalSizeX": 0.09, "PhysicalSizeY": 0.09}), None, 0.09,
        "ome_xml",
    ),
    "ome before the resolution tags": (
        tiff(
            RGB, ome=True, photometric="rgb", resolution=(100_000, 100_000), resolutionunit=3,
            metadata={"PhysicalSizeX": 0.09, "PhysicalSizeY": 0.09},
        ),
        None, 0.09, "ome_xml",
    ),
    "ome without a size": (_ome(x=None), None, None, None),
    "ome in pixels": (_ome("1", "1", "pixel"), None, None, None),
    "imagej micron": (_imagej(b"micron"), None, 0.044, "imagej"),
    "imagej um": (_imagej(b"um"), None, 0.044, "imagej"),
    "imagej escaped sign": (_imagej(rb"\u00B5m"), None, 0.044, "imagej"),
    "imagej utf-8 sign": (_imagej("µm".encode()), None, 0.044, "imagej"),
    "imagej latin-1 sign": (_imagej("µm".encode("latin-1")), None, 0.044, "imagej"),
    "imagej nm": (_imagej(b"nm", 0.022727272), None, 0.044, "imagej"),
    "imagej mm": (_imagej(b"mm", 22727.272), None, 0.044, "imagej"),
    "imagej cm": (_imagej(b"cm", 227272.72, 3), None, 0.044, "tiff_resolution"),
    "imagej pixel": (_imagej(b"pixel"), None, None, None),
    "imagej by tifffile": (
        tiff(RGB, imagej=True, resolution=(10, 10), metadata={"unit": "um"}), None, 0.1, "imagej",
    ),
    "centimetre": (_resolution(227272.72, 227272.72, 3), None, 0.044, "tiff_resolution"),
    "inch": (_resolution(254_000, 254_000, 2), None, 0.1, "tiff_resolution"),
    "big-endian bigtiff": (
        tiff(
            RGB, photometric="rgb", metadata=None, resolution=(100_000, 100_000), resolutionunit=3, bigtiff=True,
            byteorder=">",
        ),
        None, 0.1, "tiff_resolution",
    ),
    "of the page that is used": (
        tiff_pages(
            (RGB[::4, ::4].copy(), {"resolution": (25_000, 25_000), "resolutionunit": 3}),
            (RGB, {"resolution": (100_000, 100_000), "resolutionunit": 3}),
        ),
        None, 0.1, "tiff_resolution",
    ),
    "72 dpi": (_resolution(72, 72, 2), None, None, None),
    "300 dpi": (_resolution(300, 300, 2), None, None, None),
    "96 dpi across, 72 down": (_resolution(96, 72, 2), None, None, None),
    "no unit": (_resolution(100_000, 100_000, 1), None, None, None),
    "no tags": (PLAIN, None, None, None),
    "only the pitch": (PLAIN, _side(), None, None),
    "jpeg": (pillow(BGR, "JPEG", dpi=(300, 300)), None, None, None),
    "png": (pillow(BGR, "PNG"), None, None, None),
    "czi without metadata": (czi(SubBlock(BGR)), None, None, None),
    "czi without items": (czi(SubBlock(BGR), xml=scaling_xml(None, None)), None, None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", STATED)
def test_what_is_stated_is_read(name):
    data, side_file, um_per_px, origin = STATED[name]
    scale = scale_from_metadata(data, side_file)
    if um_per_px is None:
        assert scale is None
        return
    assert isinstance(scale, MetadataScale)
    assert scale.um_per_px == pytest.approx(um_per_px, rel=1e-4)
    assert scale.origin == origin
    assert "\n" not in scale.detail


ODD = {
    "side file across and down": (PLAIN, _side(_items("3.89E-07", "3.80E-07")), "0.389 um/px across and 0.38 um/px"),
    "side file with one axis": (PLAIN, _side(_items().replace('Id="Y"', 'Id="W"')), "not both"),
    "side file with words": (PLAIN, _side(_items("wide", "wide")), "not both"),
    "side file without number": (PLAIN, _side(_items("NaN", "NaN")), "not both"),
    "side file of a low power": (PLAIN, _side(_items("3.1E-06", "3.1E-06")), "3.1 um/px, and a smear has"),
    "side file in pixels": (PLAIN, _side(_items("1", "1")), "a smear has"),
    "side file cut off": (PLAIN, _side(_items())[:150], "malformed"),
    "side file empty": (PLAIN, b"", "malformed"),
    "side file of zeros": (PLAIN, bytes(500), "malformed"),
    "side file in another encoding": (PLAIN, _side(_items(), head='<?xml version="1.0" encoding="x"?>'), "malformed"),
    "side file of entities": (
        PLAIN,
        _side(_items(), head='<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'),
        "document type",
    ),
    "side file that reaches outside": (
        PLAIN, _side(_items(), head='<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>'), "document type",
    ),
    "side file too long": (PLAIN, b" " * (XML_MAX_BYTES + 1), "at most"),
    "czi": (czi(SubBlock(BGR), xml=scaling_xml("4.4e-08", "2.2e-08")), None, "pixels are square"),
    "czi malformed": (czi(SubBlock(BGR), xml=scaling_xml()[:-9]), None, "malformed"),
    "ome across and down": (_ome("0.044", "0.046"), None, "pixels are square"),
    "ome of a low power": (_ome("1.6", "1.6"), None, "1.6 um/px"),
    "ome negative": (_ome("-0.1", "-0.1"), None, "not both"),
    "ome unit": (_ome(unit="furlong"), None, "unknown unit 'furlong'"),
    "ome malformed": (_ome(names=("", "<")), None, "malformed"),
    "ome with a document type": (_ome(names=("<?xml version='1.0'?><!DOCTYPE OME>", "")), None, "document type"),
    "imagej of a low power": (_imagej(b"micron", 1.0), None, "1 um/px"),
    "resolution": (_resolution(100_000, 50_000, 3), None, "pixels are square"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_cannot_be_true_is_told_in_one_line(name):
    data, side_file, words = ODD[name]
    odd = scale_from_metadata(data, side_file)
    assert isinstance(odd, MetadataOdd)
    assert words in odd.message
    assert "\n" not in odd.message
    assert odd.hint


def test_sensor_pitch_and_magnification_are_never_used():
    # 2.2 um behind a 10x objective would be 0.22 um/px; the picture's scale bar says 0.389.
    assert scale_from_metadata(PLAIN, _side()) is None
    scale = scale_from_metadata(PLAIN, _side(_items(), kind="Measured"))
    assert isinstance(scale, MetadataScale)
    assert scale.um_per_px == 0.389
    assert scale.detail == "Zeiss Scaling items (measured): 0.389 um/px"


def test_entities_are_refused_in_every_encoding():
    bomb = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>'
    for data in (bomb.encode("utf-16"), bomb.replace("utf-16", "utf-8").encode()):
        with pytest.raises(XmlUnusable, match="document type"):
            parse_xml(data)


def test_junk_never_raises():
    rng = np.random.default_rng(11)
    wholes = [STATED[name][:2] for name in ("side file", "czi", "ome", "imagej um", "centimetre", "big-endian bigtiff")]
    for data, side_file in wholes:
        for _ in range(80):
            damaged = bytearray(data)
            for at in rng.integers(0, min(len(damaged), 3000), 5):
                damaged[at] = rng.integers(0, 256)
            beside = bytearray(side_file or b"")
            for at in rng.integers(0, max(1, len(beside)), 3 if beside else 0):
                beside[at] = rng.integers(0, 256)
            kept = int(rng.integers(0, len(damaged) + 1))
            scale_from_metadata(memoryview(damaged)[:kept], bytes(beside) or None)
            scale_from_metadata(bytes(damaged), bytes(beside) or None)


def test_no_pixel_is_decoded():
    # A page that could not be decoded in the time: what is read are the tags.
    tiled = io.BytesIO()
    tifffile.imwrite(
        tiled, shape=(6000, 6000), dtype=np.uint8, tile=(256, 256), resolution=(100_000, 100_000), resolutionunit=3
    )
    torn = tiled.getvalue()[:200_000]
    scale = scale_from_metadata(torn)
    assert isinstance(scale, MetadataScale)
    assert scale.um_per_px == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("picture", "beside"),
    [
        ("a.tif", "a.tif_metadata.xml"),
        ("a.tif", "a.tiff_metadata.xml"),
        ("a.tiff", "a.tiff_metadata.xml"),
        ("a.TIF", "a.TIF_metadata.xml"),
        ("a.TIF", "a.tif_metadata.xml"),
        ("a.tif", "a.TIFF_metadata.xml"),
        ("a.Tif", "a.Tif_metadata.xml"),
        ("a.jpg", "a.jpg_metadata.xml"),
        ("a.b.tif", "a.b.tif_metadata.xml"),
    ],
)
def test_the_side_file_is_found(tmp_path, picture, beside):
    (tmp_path / beside).write_bytes(_side(_items()))
    found = side_file_for(tmp_path / picture)
    assert found is not None
    assert found.read_bytes() == _side(_items())


def test_no_side_file_where_there_is_none_or_a_huge_one(tmp_path):
    assert side_file_for(tmp_path / "a.tif") is None
    (tmp_path / "b.tif_metadata.xml").write_bytes(b"<a/>")
    assert side_file_for(tmp_path / "a.tif") is None
    (tmp_path / "a.tif_metadata.xml").mkdir()
    assert side_file_for(tmp_path / "a.tif") is None
    with (tmp_path / "c.tif_metadata.xml").open("wb") as file:
        file.truncate(XML_MAX_BYTES + 1)
    assert side_file_for(tmp_path / "c.tif") is None
    assert side_file_for(Path("/proc/nothing/here/a.tif")) is None
