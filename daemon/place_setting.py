"""The places of a laboratory: folders and cameras at which a count may be started by name, also from the page."""

from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_LONGEST: Final = 64


class CameraPlace(BaseModel):
    """A camera, as `smearwatch run --camera` takes it: a number, an address, or the whole path of a device or film."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera: Annotated[str, BeforeValidator(lambda given: str(given) if type(given) is int else given)] = Field(
        min_length=1, max_length=2000
    )


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


def _place(given: Any) -> "Path | CameraPlace":
    """Return a place; a count is not started where the settings are written, so no path may be meant from there."""
    if isinstance(given, dict):
        place = CameraPlace.model_validate(given)
        if place.camera.isdecimal() or urlsplit(place.camera).scheme or Path(place.camera).is_absolute():
            return place
        raise ValueError(f"write a camera's number, its address or the whole path, from / on, and not {place.camera}")
    if isinstance(given, CameraPlace):
        return given
    if not isinstance(given, str | Path):
        raise ValueError('write the whole path of a folder in quotes, or { camera = "0" }')
    return whole_path(Path(given))


Place: TypeAlias = Annotated[Path | CameraPlace, BeforeValidator(_place)]
Places: TypeAlias = dict[Annotated[str, AfterValidator(_name)], Place]
