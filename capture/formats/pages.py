"""The pictures of their own that a file holds: pages of a TIFF, planes of a CZI.

Of a JPEG with several pictures (MPO) the first is the field: the others are its view from aside, or help to show it.
"""

from smearwatch.capture.formats.czi import planes_of_fields
from smearwatch.capture.formats.czi_plane import plane_alone
from smearwatch.capture.formats.decode_tiff import pages_of_fields
from smearwatch.capture.formats.header import probe
from smearwatch.capture.formats.stack import Divided
from smearwatch.capture.formats.tiff_page import page_alone


def has_pages(data: bytes | memoryview) -> bool:
    """Return whether a file is whole and has more than one page, plane or picture; nothing is decoded."""
    header = probe(data)
    return header.format in ("tiff", "czi", "jpeg") and header.pages > 1 and header.complete


def list_fields(data: bytes | memoryview, max_pixels: int) -> Divided:
    """Return the page or plane of each field that a file with `has_pages` shows.

    Raises
    ------
    FrameUnusable
        What is the picture is unusable, or there are `too_many_pixels`.
    """
    header = probe(data)
    if header.format == "jpeg":
        return Divided([], header.pages - 1)
    return (planes_of_fields if header.format == "czi" else pages_of_fields)(data, max_pixels)


def take_out(data: bytes | memoryview, index: int) -> bytes:
    """Write one page or plane of a file that `list_fields` divided as a file of its own, its pixels as they are coded.

    Returns
    -------
    bytes
        The same bytes for the same page of the same file.
    """
    return (plane_alone if probe(data).format == "czi" else page_alone)(data, index)
