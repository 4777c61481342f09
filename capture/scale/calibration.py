"""Stored calibrations: the scale of a camera with its adapter and objective, measured once and kept by name."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smearwatch.daemon.atomic_write import make_folder, write_atomically
from smearwatch.daemon.names import checked_name
from smearwatch.daemon.record import audit
from smearwatch.daemon.regular_file import read_regular
from smearwatch.daemon.scale_rule import UmPerPx

DEFAULT_NAME = "default"
"""Used by a run that names none."""

_PRIVATE = 0o600


class CalibrationUnusable(ValueError):
    """A calibration that cannot be read, written or used."""

    def __init__(self, matter: str, hint: str, *, wrongly_typed: bool = False) -> None:
        super().__init__(matter)
        self.hint = hint
        self.wrongly_typed = wrongly_typed


class Calibration(BaseModel):
    """A measured scale, and what it was measured on. Lengths in µm, sizes in px."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    um_per_px: UmPerPx
    standard_error_um_per_px: Annotated[float, Field(ge=0)]
    method: Literal["micrometer", "bar"]
    length_um: Annotated[float, Field(gt=0)]
    lines: Annotated[int, Field(ge=0)]
    width_px: Annotated[int, Field(ge=1)]
    height_px: Annotated[int, Field(ge=1)]
    picture_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    measured_at: str

    def for_picture(self, width_px: int, height_px: int) -> float | None:
        """Return the scale of a picture of the same size, lying or standing; None for any other.

        A camera that bins, crops or writes smaller pictures has another scale, which does not follow from the size.

        Parameters
        ----------
        width_px, height_px
            Size of the picture.
        """
        same = {self.width_px, self.height_px} == {width_px, height_px}
        return self.um_per_px if same else None


def calibrations_root(state_dir: Path) -> Path:
    """Return the folder of a state folder's calibrations.

    Parameters
    ----------
    state_dir
        The state folder.
    """
    return state_dir / "calibrations"


def check_calibration_name(name: str) -> str:
    """Return a calibration's name if it can be one; raises `smearwatch.daemon.names.NameUnusable`.

    Parameters
    ----------
    name
        As it was typed.
    """
    return checked_name(name, "calibration")


def store(state_dir: Path, calibration: Calibration) -> Calibration | None:
    """Keep a calibration under its name; return the one that was there, None for none; all of it or nothing.

    Parameters
    ----------
    state_dir
        The state folder.
    calibration
        What was measured.

    Raises
    ------
    CalibrationUnusable
        The folder cannot be written.
    AuditUnusable
        The audit journal cannot be written; nothing is kept then.
    """
    path = _path(state_dir, calibration.name)
    was = _kept(state_dir, calibration.name)
    audit.add(state_dir, "calibration", values=_change(was, calibration))
    try:
        make_folder(path.parent)
        write_atomically(path, calibration.model_dump_json(indent=1).encode() + b"\n", mode=_PRIVATE)
    except OSError as error:
        raise CalibrationUnusable(f"{path}: {error.strerror}", "give this user the right to write there") from None
    return was


def load(state_dir: Path, name: str) -> Calibration | None:
    """Read a calibration, None where there is none of that name.

    Parameters
    ----------
    state_dir
        The state folder.
    name
        As it was stored.

    Raises
    ------
    CalibrationUnusable
        Its file cannot be read, or is not one.
    """
    path = _path(state_dir, name)
    try:
        return Calibration.model_validate_json(read_regular(path))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "damaged"
        raise CalibrationUnusable(
            f"{path}: {why}", f"calibrate again, or `smearwatch calibrate --forget {name}`"
        ) from None


def list_calibrations(state_dir: Path) -> list[Calibration]:
    """Return all calibrations in the order of their names; raises `CalibrationUnusable`.

    Parameters
    ----------
    state_dir
        The state folder.
    """
    names = sorted(path.stem for path in calibrations_root(state_dir).glob("[!.]*.json"))
    return [calibration for name in names if (calibration := load(state_dir, name)) is not None]


def forget(state_dir: Path, name: str) -> Calibration | None:
    """Remove a calibration.

    Parameters
    ----------
    state_dir
        The state folder.
    name
        As it was stored.

    Returns
    -------
    Calibration or None
        What was removed; None where it was damaged.

    Raises
    ------
    CalibrationUnusable
        There is none of that name, or it cannot be removed.
    AuditUnusable
        The audit journal cannot be written; nothing is removed then.
    """
    path = _path(state_dir, name)
    kept = _kept(state_dir, name)
    if path.exists():
        audit.add(state_dir, "calibration", values={"name": name, **_change(kept, None)})
    try:
        path.unlink()
    except FileNotFoundError:
        raise CalibrationUnusable(
            f"no calibration {name!r} to forget", "`smearwatch calibrate --list` shows what there is"
        ) from None
    except OSError as error:
        raise CalibrationUnusable(f"{path}: {error.strerror}", "give this user the right to write there") from None
    return kept


def _path(state_dir: Path, name: str) -> Path:
    return calibrations_root(state_dir) / f"{check_calibration_name(name)}.json"


def _kept(state_dir: Path, name: str) -> Calibration | None:
    """Return a calibration, None for one that is missing or damaged."""
    with suppress(CalibrationUnusable):
        return load(state_dir, name)
    return None


def _change(was: Calibration | None, now: Calibration | None) -> dict[str, Any]:
    named = now or was
    return {
        **({} if named is None else {"name": named.name}),
        "was": None if was is None else was.model_dump(mode="json"),
        "now": None if now is None else now.model_dump(mode="json"),
    }
