"""Why a file cannot become a frame, each reason with a hint."""

from typing import Final

__all__ = ["SAVE_AS_JPEG", "FrameUnusable", "hint_for", "in_plain_words", "not_read"]

_HEIC: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF: Final = (b"avif", b"avis")
_BEGINS: Final = {
    b"GIF8": "GIF",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"FUJIFILMCCD-RAW": "a camera's raw file",
    b"IIRO": "a camera's raw file",
    b"IIRS": "a camera's raw file",
    b"IIU\0": "a camera's raw file",
}

SAVE_AS_JPEG: Final = "set the camera or telephone to JPEG, or save it as JPEG"
"""What to do about a picture of a kind that is not read."""

_HINTS = {
    "empty_file": "let the camera software finish writing, or delete the file",
    "not_an_image": "give a JPEG, PNG, BMP, TIFF or CZI picture",
    "truncated": "copy the file again; its end is missing",
    "several_fields": "save each page as a file of its own",
    "damaged": "copy the file again, or photograph the field again: a part of the picture is missing or wrong",
    "too_many_pixels": "give a smaller picture or raise max_pixels",
    "colour_unsupported": "save the picture again in RGB or grey, with 8 or 16 bits a sample",
    "undecodable": "copy the file again; where another program opens it, save it there as JPEG, PNG, BMP or TIFF",
}


class FrameUnusable(Exception):
    """A file that cannot become a frame.

    Attributes
    ----------
    reason
        One of `empty_file`, `not_an_image`, `truncated`, `damaged`, `several_fields`, `too_many_pixels`,
        `colour_unsupported`, `undecodable`.
    detail
        What was found, in words.
    hint
        What to do about it.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.hint = _HINTS[reason]


def hint_for(reason: str) -> str:
    """Return what to do about a file that was refused for a reason.

    Parameters
    ----------
    reason
        One of `FrameUnusable`'s.

    Returns
    -------
    str
        A few words for the end of an error line.
    """
    return _HINTS[reason]


def in_plain_words(reason: str, said: str, data: bytes) -> str:
    """Return why a file is no frame as a person reads it, without the bytes that it begins with.

    Parameters
    ----------
    reason, said
        The reason's name, and what is printed where there is no plainer word.
    data
        The whole file.
    """
    if reason != "not_an_image":
        return said
    return not_read(data) or f"not a picture{' (it is text)' if _is_text(data[:512]) else ''}"


def not_read(data: bytes | memoryview) -> str | None:
    """Return what a picture of a kind that is not read is and how to have another, None for anything else.

    Telephones and their programs write such pictures, at times under the name of a JPEG.
    """
    start = bytes(data[:16])
    kind = next((kind for begins, kind in _BEGINS.items() if start.startswith(begins)), None)
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        kind = "HEIC" if brand in _HEIC else "AVIF" if brand in _AVIF else None
        kind = "a camera's raw file" if brand == b"crx " else kind
    elif start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        kind = "WebP"
    return kind and f"it is {kind}, which is not read: {SAVE_AS_JPEG}"


def _is_text(start: bytes) -> bool:
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in start):
        return False
    try:
        start[:-3].decode()  # a character of several bytes may be cut at the end
    except UnicodeDecodeError:
        return False
    return True
