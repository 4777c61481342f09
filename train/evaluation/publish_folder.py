"""A folder of results whose files appear only when all of them are made."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smearwatch.train.data.samples import DataUnusable

_HINT = "give a folder that can be written"


@contextmanager
def publish_folder(out: Path, last: str) -> Iterator[Path]:
    """Yield a new folder beside `out`; what is in it in the end is moved to `out`.

    Files of the same names are replaced, each whole; other files in `out` stay. Where the body fails, nothing is moved.

    Parameters
    ----------
    last
        Name of the file that is moved after all others: with it the result is complete.

    Raises
    ------
    DataUnusable
        Where `out` is no folder or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise DataUnusable(out, "is no folder", "give the name of a folder")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise DataUnusable(out, (error.strerror or str(error)).lower(), _HINT) from error
    try:
        yield fresh
        _move(fresh, out, last)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _move(fresh: Path, out: Path, last: str) -> None:
    files = sorted((path for path in fresh.rglob("*") if path.is_file()), key=lambda path: path.name == last)
    try:
        for path in files:
            target = out / path.relative_to(fresh)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
    except OSError as error:
        raise DataUnusable(out, (error.strerror or str(error)).lower(), _HINT) from error
