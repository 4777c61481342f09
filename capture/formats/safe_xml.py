"""XML from files that somebody else wrote: no document type, no entities, no more than a limit."""

import xml.etree.ElementTree as ET
from typing import NoReturn

XML_MAX_BYTES = 16 << 20
"""Longest document that is parsed; a camera's metadata have some ten kilobytes."""


class XmlUnusable(Exception):
    """A document that cannot be read, or that will not be read."""


class _WithoutDoctype(ET.TreeBuilder):
    # Called where a document type begins, before anything in it is declared: without one there are no entities
    # that could grow without bound or reach outside, in whatever encoding the document comes.
    def doctype(self, *_: object) -> NoReturn:
        raise XmlUnusable("it has a document type definition, which is refused")


def parse_xml(data: bytes | memoryview) -> ET.Element:
    """Parse a document of unknown origin.

    Parameters
    ----------
    data
        The document, with or without a byte order mark; zeros and spaces behind it are allowed.

    Returns
    -------
    xml.etree.ElementTree.Element
        Its root.

    Raises
    ------
    XmlUnusable
        Malformed, too long, or with a document type definition. Says why in one line.
    """
    if len(data) > XML_MAX_BYTES:
        raise XmlUnusable(f"it has {len(data)} bytes, at most {XML_MAX_BYTES} are read")
    parser = ET.XMLParser(target=_WithoutDoctype())  # noqa: S314 - what makes XML unsafe is refused above
    text = bytes(data)
    if text[:2] not in (b"\xff\xfe", b"\xfe\xff"):  # in UTF-16 a zero is half of a letter
        text = text.strip(b"\0 \t\r\n")
    try:
        parser.feed(text)
        return parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:
        raise XmlUnusable(f"it is malformed ({error})".replace("\n", " ")) from error


def child_text(parent: ET.Element, path: str) -> str | None:
    """Return the text of the first element at a path (`{*}Name` for any namespace), without spaces around it."""
    text = parent.findtext(path)
    return text.strip() if text and text.strip() else None
