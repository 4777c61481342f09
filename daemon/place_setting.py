"""The places of a laboratory: folders in which a count may be started by name, also from the page."""

from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator

_LONGEST: Final = 64


def _name(text: str) -> str:
    if not text.strip() or text != text.strip() or len(text) > _LONGEST or not text.isprintable():
        raise ValueError(f"give a name of 1 to {_LONGEST} letters that can be seen, without blanks around it")
    return text


def whole_path(path: Path) -> Path:
    """Return a folder as it was written, which has to be by its whole path."""
    full = path.expanduser()
    if not full.is_absolute():
        raise ValueError(f"write the whole path of the folder, from / on, and not {path}")
    return full


Places: TypeAlias = dict[Annotated[str, AfterValidator(_name)], Annotated[Path, AfterValidator(whole_path)]]
