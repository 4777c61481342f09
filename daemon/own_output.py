"""No command writes over what it did not write, or what was changed since, unless it is told to.

Results of long work come in a folder (`smearwatch.daemon.own_results`); here are single files, and what both say.
"""

from pathlib import Path
from typing import Final

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.regular_file import read_regular

_MOST_NAMES: Final = 10_000


class NotOurs(Hinted):
    """What is there is not what a command wrote, or not what it would write now, and was left as it is.

    Parameters
    ----------
    path
        What was left as it is.
    why
        What is known of it.
    """

    def __init__(self, path: Path, why: str = "smearwatch did not write it, or it was changed since") -> None:
        super().__init__(
            f"{path} exists already and was left as it is: {why}",
            "name another place; --force writes over it",
        )
        self.path = path


class ChangedMeanwhile(Hinted):
    """Somebody wrote or changed a file while a result was made for it; both are there.

    Parameters
    ----------
    path
        What was left as it is.
    beside
        Where the new result is.
    """

    def __init__(self, path: Path, beside: Path) -> None:
        super().__init__(
            f"{path} was written or changed meanwhile and was left as it is; what is new is in {beside}",
            "compare the two, and keep what you want",
        )


def refuse_other(path: Path, *, force: bool) -> None:
    """Refuse a file that is there before long work is done for it.

    Raises
    ------
    NotOurs
        Something is there, and it is not wanted that it is written over.
    """
    if not force and (path.exists() or path.is_symlink()):
        raise NotOurs(path, "what would be written may be another")


def write_output(path: Path, content: bytes, *, force: bool) -> None:
    """Write a file whole; one that is there is replaced only if it is the same, or if that is wanted.

    Raises
    ------
    NotOurs
        Something else is there.
    OSError
        It cannot be written.
    """
    if not force and path.is_file() and read_regular(path) == content:
        return
    if not force and (path.exists() or path.is_symlink()):
        raise NotOurs(path, "it differs from what would be written now")
    write_atomically(path, content)


def write_result(path: Path, content: bytes, *, force: bool) -> None:
    """Write the result of long work whole; where a file came meanwhile, under a name beside it.

    Raises
    ------
    ChangedMeanwhile
        It is beside.
    Hinted
        It cannot be written.
    """
    try:
        try:
            write_output(path, content, force=force)
        except NotOurs:
            beside = free_name(path.with_name(f"{path.stem}.new{path.suffix}"))
            write_atomically(beside, content)
            raise ChangedMeanwhile(path, beside) from None
    except OSError as error:
        raise Hinted(f"{path}: {(error.strerror or str(error)).lower()}", "name another file") from error


def free_name(path: Path) -> Path:
    """Return a path at which nothing is: this one, or with a number behind its stem."""
    for number in range(1, _MOST_NAMES):
        name = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        if not name.exists() and not name.is_symlink():
            return name
    raise FileExistsError(f"{path} and {_MOST_NAMES} names like it are taken")
