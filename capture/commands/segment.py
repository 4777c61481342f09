"""`smearwatch segment`: pictures of fields to leukocytes, without a daemon."""

import json
import math
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smearwatch.daemon.config import SCALE_MAX_UM_PER_PX, SCALE_MIN_UM_PER_PX

if TYPE_CHECKING:
    from smearwatch.capture.find import FieldFound, FieldRejected

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch segment field.jpg --um-per-px 0.09 --masks masks --json"
_POOR_FIELDS = ("underexposed", "overexposed", "empty", "not_a_smear", "out_of_focus", "moving")
_PROGRESS_AFTER_S = 1.0


class PictureUnusable(Exception):
    """A picture that could not be searched; `mend` says how to mend it."""

    def __init__(self, file: Path, reason: str, detail: str, mend: str) -> None:
        super().__init__(f"{file}: {detail}")
        self.reason = reason
        self.mend = mend


@app.command(epilog=_EPILOG)
def segment(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Pictures: JPEG, PNG, BMP or TIFF.")],
    um_per_px: Annotated[
        str, typer.Option("--um-per-px", metavar="X|auto", help="Scale; auto measures red cells, picture by picture.")
    ] = "auto",
    masks: Annotated[
        Path | None,
        typer.Option("--masks", metavar="DIR", help="Write a PNG per picture: 0 nothing, 128 cytoplasm, 255 nucleus."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a picture on stdout.")] = False,
) -> None:
    """Find the leukocytes in pictures of whole fields.

    A picture that cannot be used gets one line on stderr and the others still run; the exit status is then 1.
    A picture of poor quality is an answer: it says accepted false and why.
    """
    scale = _scale(um_per_px)
    names = _mask_names(images, masks)
    progress = _Progress(len(images))
    failed = False
    for number, file in enumerate(images, start=1):
        try:
            record = _searched(file, scale, names.get(number))
        except PictureUnusable as unusable:
            failed = True
            progress.clear()
            sys.stderr.write(f"smearwatch: {unusable} ({unusable.mend})\n")
            record = {"file": str(file), "accepted": False, "reason": unusable.reason, "cells": []}
            if not as_json:
                continue
        sys.stdout.write((json.dumps(record) if as_json else _plain(record)) + "\n")
        sys.stdout.flush()
        progress.show(number)
    progress.clear()
    if failed:
        raise typer.Exit(1)


def _scale(text: str) -> float | None:
    if text == "auto":
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not SCALE_MIN_UM_PER_PX <= value <= SCALE_MAX_UM_PER_PX:
        mend = f"give auto or a number from {SCALE_MIN_UM_PER_PX} to {SCALE_MAX_UM_PER_PX}"
        sys.stderr.write(f"smearwatch: --um-per-px {text}: no usable scale ({mend})\n")
        raise typer.Exit(2)
    return value


def _mask_names(images: list[Path], folder: Path | None) -> dict[int, Path]:
    """Mask file of each picture by its number; pictures of one name in two folders do not overwrite each other."""
    if folder is None:
        return {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.stderr.write(f"smearwatch: --masks {folder}: {error.strerror} (give a folder that can be written)\n")
        raise typer.Exit(1) from None
    used: Counter[str] = Counter()
    names = {}
    for number, file in enumerate(images, start=1):
        used[file.stem] += 1
        again = f"-{used[file.stem]}" if used[file.stem] > 1 else ""
        names[number] = folder / f"{file.stem}{again}.png"
    return names


def _searched(file: Path, um_per_px: float | None, mask_file: Path | None) -> dict[str, Any]:
    from smearwatch.capture.decode import mend_for
    from smearwatch.capture.find import FieldRejected, find

    try:
        data = file.read_bytes()
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise PictureUnusable(file, "unreadable", detail, "give a picture file that can be read") from None
    result = find(data, um_per_px=um_per_px, um_per_px_source="configured")
    if not isinstance(result, FieldRejected):
        return _found_record(file, result, mask_file)
    if result.reason not in _POOR_FIELDS:
        mend = "give --um-per-px" if result.reason == "scale_unknown" else mend_for(result.reason)
        raise PictureUnusable(file, result.reason, result.detail, mend)
    return _poor_record(file, result)


def _found_record(file: Path, found: "FieldFound", mask_file: Path | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "file": str(file),
        "width": found.width_px,
        "height": found.height_px,
        "um_per_px": round(found.um_per_px, 6),
        "um_per_px_source": found.um_per_px_source,
        "accepted": True,
        "reason": None,
        "focus": found.focus,
        "cells": [
            {
                "box": list(cell.box),
                "area_um2": cell.area_um2,
                "at_edge": cell.at_edge,
                "score": cell.score,
            }
            for cell in found.cells
        ],
    }
    if mask_file is not None:
        _write_mask(file, found, mask_file)
        record["mask"] = str(mask_file)
    return record


def _poor_record(file: Path, rejected: "FieldRejected") -> dict[str, Any]:
    return {
        "file": str(file),
        "width": rejected.width_px,
        "height": rejected.height_px,
        "accepted": False,
        "reason": rejected.reason,
        "value": rejected.value,
        "cells": [],
    }


def _write_mask(file: Path, found: "FieldFound", mask_file: Path) -> None:
    import cv2

    encoded, png = cv2.imencode(".png", found.segmentation.mask())
    try:
        if not encoded:
            raise OSError("the mask could not be encoded")
        mask_file.write_bytes(png.tobytes())
    except OSError as error:
        detail = f"mask {mask_file}: {error.strerror or error}"
        raise PictureUnusable(file, "mask_not_written", detail, "give a folder that can be written") from None


def _plain(record: dict[str, Any]) -> str:
    size = f"{record['width']}x{record['height']}"
    if not record["accepted"]:
        return f"{record['file']}: {size}, not searched: {record['reason'].replace('_', ' ')} ({record['value']:g})"
    cells = record["cells"]
    at_edge = sum(cell["at_edge"] for cell in cells)
    scale = f"{record['um_per_px']:.3g} um/px ({record['um_per_px_source'].replace('_', ' ')})"
    found = f"{len(cells)} leukocyte{'' if len(cells) == 1 else 's'}"
    cut = f", {at_edge} of them at the edge" if at_edge else ""
    return f"{record['file']}: {size}, {scale}, focus {record['focus']:.2f}, {found}{cut}"


class _Progress:
    """A counter on stderr, where a person waits and the lines on stdout do not show the progress already."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = time.monotonic()
        self._wanted = sys.stderr.isatty() and not sys.stdout.isatty()
        self._shown = False

    def show(self, done: int) -> None:
        if self._wanted and time.monotonic() - self._began > _PROGRESS_AFTER_S:
            sys.stderr.write(f"\r{done}/{self._total} pictures")
            sys.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            self._shown = False
