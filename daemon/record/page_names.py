"""How a picture is called that is one page of a file with several."""

import os
import re
from typing import Final

_PAGE: Final = re.compile(r"(?P<stem>.+) page [1-9][0-9]*(?P<suffix>\.tiff?|\.czi)", re.IGNORECASE)


def page_name(file: str, page: int) -> str:
    """Return the name of a frame that is one page of a file, from 1."""
    stem, suffix = os.path.splitext(file)
    return f"{stem} page {page}{suffix}"


def file_of_page(name: str) -> str | None:
    """Return the file that a frame is a page of, None where its name is no page's."""
    page = _PAGE.fullmatch(name)
    return page["stem"] + page["suffix"] if page else None
