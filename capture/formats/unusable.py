"""Why a file cannot become a frame, each reason with a hint."""

__all__ = ["FrameUnusable", "hint_for"]

_HINTS = {
    "empty_file": "let the camera software finish writing, or delete the file",
    "not_an_image": "give a JPEG, PNG, BMP, TIFF or CZI picture",
    "truncated": "copy the file again; its end is missing",
    "too_many_pixels": "give a smaller picture or raise max_pixels",
    "colour_unsupported": "save the picture again in RGB or grey, with 8 or 16 bits a sample",
    "undecodable": "save the picture again as JPEG, PNG, BMP or TIFF",
}


class FrameUnusable(Exception):
    """A file that cannot become a frame.

    Attributes
    ----------
    reason
        One of `empty_file`, `not_an_image`, `truncated`, `too_many_pixels`, `colour_unsupported`, `undecodable`.
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
