"""Settings made from a command's options; one that is out of range is one line that names the option."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from smearwatch.train.data.samples import DataUnusable

Settings = TypeVar("Settings", bound=BaseModel)


def from_options(kind: type[Settings], values: dict[str, Any], command: str) -> Settings:
    """Make settings from values named as their options are; None leaves a default alone.

    Raises
    ------
    DataUnusable
        Where a value is out of range.
    """
    try:
        return kind.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        matter = f"{first['input']}: {first['msg']}"
        raise DataUnusable(Path(option), matter, f"see smearwatch {command} --help") from error
