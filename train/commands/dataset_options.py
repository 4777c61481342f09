"""Labelled cells as a person names them on a command line; what does not fit together is one line and exit 2."""

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from smearwatch.daemon.one_line import say
from smearwatch.daemon.record.values import printable
from smearwatch.daemon.scale_rule import typed_scale

if TYPE_CHECKING:
    from smearwatch.train.data.sources import DatasetSpec

_LONGEST_NAME = 200

Folder = tuple[str, Path | None, str, str | None]
"""The option that names a folder, the folder, the option that gives its scale, the scale."""


def parse_dataset_spec(
    data: Folder, fields: Folder, sessions: list[str], state_dir: Path, *, force_scale: bool
) -> "DatasetSpec":
    """Make the dataset spec of what was typed.

    Raises
    ------
    SessionMissing, NameUnusable
        There is no such session.
    """
    um_per_px, fields_um_per_px = _scale(data), _scale(fields)

    from smearwatch.train.data.sessions import session_path
    from smearwatch.train.data.sources import DatasetSpec

    folders = tuple(session_path(each, state_dir) for each in sessions)
    return DatasetSpec(data[1], um_per_px, fields[1], fields_um_per_px, folders, force_scale)


def named_folders(option: str, given: list[str] | None) -> dict[str, Path]:
    """Read what was typed as NAME=DIR, by name; `option` is what it was typed after."""
    folders: dict[str, Path] = {}
    for text in given or []:
        name, sign, folder = text.partition("=")
        if not (name and sign and folder):
            wrong_usage(f"{option} {text}: no name and folder", f"give {option} NAME=DIR")
        if name in folders:
            wrong_usage(f"{option} {name} is given twice", "leave one out")
        folders[name] = Path(folder)
    return folders


def wrong_usage(matter: str, hint: str) -> NoReturn:
    """Report in one line what was typed wrongly, and end with status 2."""
    say(f"{matter} ({hint})")
    raise typer.Exit(2)


def person(typed: str) -> str:
    """Return who wants something, as typed after --by; what cannot be a name is wrong usage."""
    name = " ".join(str(printable(typed)).split())
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        wrong_usage("--by: no name", f"name the person in 1 to {_LONGEST_NAME} letters that can be seen")
    return name


def _scale(folder: Folder) -> float | None:
    option, path, scale_option, text = folder
    if path is None:
        if text is not None:
            wrong_usage(f"{scale_option} without {option}", f"give {option} too, or leave it out")
        return None
    if text is None:
        wrong_usage(f"{option} without {scale_option}", f"give {scale_option}, the micrometres that one pixel covers")
    return typed_scale(text, scale_option)
