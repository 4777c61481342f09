"""What several modules use and none of them changes: made once for all the processes that test."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.writer import FieldWriter


def made_once(where: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that one process fills, while the others wait for it; nobody writes in it afterwards."""
    folder = where / name
    with (where / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = where / f"{name}.part"
            shutil.rmtree(made, ignore_errors=True)  # of a process that was ended
            made.mkdir()
            make(made)
            made.rename(folder)
    return folder


def draw_fields(folder: Path, fields: int, seed: int) -> None:
    """Draw the first fields of a slide, as `smearwatch slide --rate 0` does."""
    slide = Slide(seed)
    writer = FieldWriter(folder, pause_s=0.0)
    for index in range(fields):
        writer.write(slide.field(index), lambda _: False)
