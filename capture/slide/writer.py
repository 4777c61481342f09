"""Write fields as a camera's software does: a file that grows under its final name, or one that appears at once."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal, Self, TypeAlias

import cv2

from smearwatch.capture.arrays import Image
from smearwatch.capture.slide.errors import SlideError
from smearwatch.capture.slide.truth import Field
from smearwatch.daemon.regular_file import check_regular, read_regular

Format: TypeAlias = Literal["jpeg", "png", "tiff", "bmp"]
"""Picture format."""

SUFFIXES: dict[Format, str] = {"jpeg": ".jpg", "png": ".png", "tiff": ".tiff", "bmp": ".bmp"}
"""File name endings by format."""

_OURS: Final = re.compile(r"\.?field_\d{6,}\.\w+(?:\.part)?")
_OF_PICTURES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".czi")

Wait: TypeAlias = Callable[[float], bool]
"""Waits so many seconds; True ends the writing at once (an `threading.Event`'s `wait`)."""


def encode(bgr: Image, picture_format: Format, *, jpeg_quality: int = 92) -> bytes:
    """Encode a picture as a file's bytes.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    picture_format
        ``jpeg``, ``png``, ``tiff`` (LZW) or ``bmp``.
    jpeg_quality
        1-100; used for ``jpeg`` only.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if picture_format == "jpeg" else []
    _, data = cv2.imencode(SUFFIXES[picture_format], bgr, options)
    return data.tobytes()


@dataclass(frozen=True, slots=True)
class FieldWriter:
    """Writes fields into a folder.

    Attributes
    ----------
    folder
        Where the files go; it must exist.
    picture_format
        Format of the files.
    jpeg_quality
        1-100.
    by_rename
        Write under a hidden temporary name and rename; otherwise the file grows under its final name.
    force
        Write over other pictures of the same names.
    chunk_bytes
        How much is written at once.
    pause_s
        Pause between chunks.
    """

    folder: Path
    picture_format: Format = "jpeg"
    jpeg_quality: int = 92
    by_rename: bool = False
    force: bool = False
    chunk_bytes: int = 64 * 1024
    pause_s: float = 0.004

    def path_of(self, index: int) -> Path:
        """Return the path of a field's file."""
        return self.folder / f"field_{index:06d}{SUFFIXES[self.picture_format]}"

    def write(self, field: Field, wait: Wait, before: Callable[[], object] = lambda: None) -> Path:
        """Write one field and return its path.

        Parameters
        ----------
        field
            The field.
        wait
            Used for the pauses between chunks. Where it returns True, the rest of this file is written
            without further pauses, so that no half file stays behind.
        before
            Called when nothing is in the way, before the file is there.

        Raises
        ------
        SlideError
            If the file cannot be written, or another picture is there.
        """
        data = encode(field.bgr, self.picture_format, jpeg_quality=self.jpeg_quality)
        path = self.path_of(field.index)
        is_there = not self.force and _holds(path, data)
        before()
        if is_there:
            return path
        growing = path.with_name(f".{path.name}.part") if self.by_rename else path
        try:
            if self.force or growing != path:
                growing.unlink(missing_ok=True)  # a link, or what a run before left: nothing is written through it
            with growing.open("xb", buffering=0) as file:
                hurry = False
                for start in range(0, len(data), self.chunk_bytes):
                    file.write(data[start : start + self.chunk_bytes])
                    hurry = hurry or wait(self.pause_s)
            if growing != path and not self.force:
                _holds(path, data)  # somebody may have been quicker
            growing.replace(path)
        except OSError as error:
            raise SlideError(
                f"cannot write {growing}: {error.strerror}", hint="make room, or use another folder"
            ) from None
        return path


def _holds(path: Path, data: bytes) -> bool:
    """Return whether a file is there with just this in it; raises SlideError where it holds something else."""
    try:
        if read_regular(path) == data:
            return True
    except FileNotFoundError:
        if not path.is_symlink():
            return False
    except OSError as error:
        raise SlideError(f"cannot read {path}: {error.strerror}", hint="use another folder") from None
    raise SlideError(
        f"{path} exists already, is another picture, and was left as it is",
        hint="use another folder or --start; --force writes over it",
    )


def refuse_other_pictures(folder: Path) -> None:
    """Refuse a folder that holds other pictures than drawn fields, among which nobody would tell them apart.

    Raises
    ------
    SlideError
        There is one.
    """
    try:
        names = sorted(each.name for each in folder.iterdir())
    except OSError:
        return  # none is there yet, or it is said when the first field is written
    for name in names:
        if Path(name).suffix.lower() in _OF_PICTURES and _OURS.fullmatch(name) is None:
            raise SlideError(
                f"{folder} holds other pictures, such as {name}, and nothing was written",
                hint="use another folder; --force draws among them",
            )


def truth_line(field: Field, file_name: str) -> str:
    """Return the truth about a field as one line of JSON, without the line's end.

    ``x_um``, ``y_um`` is where the picture's upper left corner lies on the slide, ``middle_um`` where its middle lies;
    ``um_per_px`` is the nominal scale, the true one is that times ``scale``.
    """
    cells = [
        {
            "name": cell.name,
            "class": cell.cls,
            "centre": [round(v, 1) for v in cell.centre_xy_px],
            "box": list(cell.box_xywh_px),
            "at_edge": cell.at_edge,
            "place_um": [round(v, 3) for v in cell.place_um],
            "touches": cell.touches,
        }
        for cell in field.cells
    ]
    others = [
        {
            "name": thing.name,
            "kind": thing.kind,
            "centre": [round(v, 1) for v in thing.centre_xy_px],
            "box": list(thing.box_xywh_px),
            "at_edge": thing.at_edge,
            "place_um": [round(v, 3) for v in thing.place_um],
        }
        for thing in field.others
    ]
    return json.dumps(
        {
            "index": field.index,
            "file": file_name,
            "x_um": round(field.x_um, 2),
            "y_um": round(field.y_um, 2),
            "middle_um": [round(field.view.x_um, 3), round(field.view.y_um, 3)],
            "angle_deg": round(field.view.angle_deg, 4),
            "um_per_px": field.um_per_px,
            "scale": round(field.view.scale, 6),
            "width": field.bgr.shape[1],
            "height": field.bgr.shape[0],
            "blurred": field.blurred,
            "moved": field.moved,
            "moved_um": [round(v, 3) for v in field.moved_um],
            "follows": field.view.follows,
            "revisit_of": field.view.revisit_of,
            "cells": cells,
            "others": others,
        }
    )


class TruthFile:
    """The file for the truth, which is made with its first line; a context manager.

    Parameters
    ----------
    path
        None where none is wanted.
    watched
        Where the pictures go.
    force
        Whether a file that is there may be written over.

    Raises
    ------
    SlideError
        If it lies in the watched folder, is no file or a link, or is there already and `force` is False.
    """

    def __init__(self, path: Path | None, watched: Path, *, force: bool) -> None:
        self._path, self._force = path, force
        self._file: IO[str] | None = None
        if path is None:
            return
        if watched.resolve() in path.resolve().parents:
            raise SlideError(
                f"the truth {path} would lie in the watched folder", hint="give --truth a file in another folder"
            )
        if path.is_symlink() or path.exists():
            if not force:
                raise self._exists(path)
            if path.is_symlink():  # what it leads to has another name
                raise SlideError(f"the truth {path} is a link", hint="give --truth the file itself")
            try:
                check_regular(path, most_bytes=None)
            except OSError as error:
                raise self._refused(path, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, line: str) -> None:
        """Write a line, given without its end; raises SlideError."""
        if self._path is None:
            return
        try:
            if self._file is None:
                mode = "w" if self._force else "x"
                self._file = self._path.open(mode, encoding="utf-8", buffering=1)
            self._file.write(f"{line}\n")
        except FileExistsError:
            raise self._exists(self._path) from None
        except OSError as error:
            raise self._refused(self._path, error) from None

    @staticmethod
    def _exists(path: Path) -> SlideError:
        hint = "give --truth another file; --force writes over it"
        return SlideError(f"the truth {path} exists already and was left as it is", hint=hint)

    @staticmethod
    def _refused(path: Path, error: OSError) -> SlideError:
        return SlideError(f"cannot write the truth {path}: {error.strerror}", hint="choose another file")


@dataclass(slots=True)
class Pace:
    """Keeps a number of fields a second by deadlines, so that drawing time does not add up.

    Attributes
    ----------
    fields_per_s
        0: as fast as possible.
    """

    fields_per_s: float
    _next_s: float | None = None

    def next_wait_s(self, now_s: float | None = None) -> float:
        """Return how long to wait before the next field (now: monotonic seconds)."""
        now = time.monotonic() if now_s is None else now_s
        if self.fields_per_s <= 0.0:
            return 0.0
        due = now if self._next_s is None else self._next_s
        # A late field does not make the next ones hurry.
        self._next_s = max(due, now) + 1.0 / self.fields_per_s
        return max(due - now, 0.0)
