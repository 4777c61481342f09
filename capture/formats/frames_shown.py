"""The program that decodes frames for whoever shows them: the one reader of `decode`, in a process of its own.

So a reader of the page or the terminal sees the pixels in which the finder looked for cells, whatever the file's form,
and no client loads OpenCV. ``python -m smearwatch.capture.formats.frames_shown`` answers questions, see
`smearwatch.daemon.process.questions`: the bytes of a file, and with it its pixels, red first, or why there are none.
"""

from typing import Any

from smearwatch.capture.formats.decode import FrameUnusable, decode
from smearwatch.daemon.process.questions import answer


def reply(header: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Decode one file.

    Parameters
    ----------
    header
        ``max_pixels``: the largest width x height that is decoded.
    data
        The file's bytes.

    Returns
    -------
    dict, bytes
        ``width_px`` and ``height_px`` with uint8 [height, width, 3], or ``why`` with nothing.
    """
    try:
        bgr = decode(data, max_pixels=int(header["max_pixels"]))
    except FrameUnusable as unusable:
        return {"why": str(unusable)}, b""
    return {"width_px": bgr.shape[1], "height_px": bgr.shape[0]}, bgr[:, :, ::-1].tobytes()


if __name__ == "__main__":
    answer(reply)
