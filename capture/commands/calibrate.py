"""`smearwatch calibrate`: measure the scale of a camera with its adapter and objective on a picture, and keep it."""

import hashlib
import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smearwatch.capture.scale.calibration import (
    DEFAULT_NAME,
    Calibration,
    CalibrationUnusable,
    calibrations_root,
    check_calibration_name,
    forget,
    list_calibrations,
    store,
)
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.one_line import say
from smearwatch.daemon.own_output import NotOurs, write_output
from smearwatch.daemon.regular_file import read_regular
from smearwatch.daemon.scale_rule import USABLE, is_usable

if TYPE_CHECKING:
    import numpy as np

app = typer.Typer(add_completion=False)

_USUAL_UM_PER_PX = (0.02, 0.6)  # a red cell of 12 to 375 px: finder and counted fields lie between
_RED_CELL_UM = 7.5

_EPILOG = "Example: smearwatch calibrate --micrometer ruler.tif --length-um 10"


@app.command(epilog=_EPILOG)
def calibrate(
    micrometer: Annotated[
        Path | None,
        typer.Option("--micrometer", metavar="IMAGE", help="A picture of a stage micrometer to measure."),
    ] = None,
    bar: Annotated[
        Path | None,
        typer.Option("--bar", metavar="IMAGE", help="Or: a picture with a scale bar drawn into it."),
    ] = None,
    length_um: Annotated[
        float | None,
        typer.Option(
            "--length-um", metavar="L", help="Distance in um from one line to the next (often 10), or the bar's length."
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Name for this camera, adapter and objective.")] = DEFAULT_NAME,
    overlay: Annotated[
        Path | None,
        typer.Option("--overlay", metavar="FILE", help="Write the picture with the measured lines or bar marked."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let --overlay write over a file that is there.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Show the kept calibrations.")] = False,
    forgotten: Annotated[
        str | None, typer.Option("--forget", metavar="NAME", help="Remove a kept calibration.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")] = False,
) -> None:
    """Measure how many micrometres one pixel of your camera shows, and keep it.

    `run` prefers this scale to all others, for pictures of the same size.

    Use one of these: --micrometer or --bar, each with --length-um; --list; --forget.
    """
    _one_of({"--micrometer": micrometer, "--bar": bar, "--list": show or None, "--forget": forgotten})
    state_dir = load_settings(config).state_dir
    if show:
        _report_all(state_dir, as_json=as_json)
        return
    if forgotten is not None:
        _report_forgotten(forgotten, forget(state_dir, forgotten), as_json=as_json)
        return
    image = micrometer or bar
    assert image is not None
    length = math.nan if length_um is None else length_um
    if not (math.isfinite(length) and length > 0.0):
        _refuse(
            "--length-um must be a length in um, such as 10", "give the distance from line to line, or the bar's length"
        )
    measured = _measure(
        image, length, check_calibration_name(name), is_bar=bar is not None, overlay=overlay, force=force
    )
    was = store(state_dir, measured)
    _report(measured, as_json=as_json)
    if was is not None and was.um_per_px != measured.um_per_px:
        of = f"{was.um_per_px:.5f} um/px of {was.measured_at}, for pictures of {was.width_px}x{was.height_px}"
        say(f"warning: {measured.name} was kept already and is replaced: {of} (keep both: --name)")
    if not _USUAL_UM_PER_PX[0] <= measured.um_per_px <= _USUAL_UM_PER_PX[1]:
        say(
            f"warning: {measured.um_per_px:.4g} um/px is unusual for fields of blood, in which a red cell is then "
            f"{_RED_CELL_UM / measured.um_per_px:.0f} px wide (check --length-um and what was measured: --overlay FILE)"
        )


def _one_of(actions: dict[str, object]) -> None:
    given = [option for option, value in actions.items() if value is not None]
    if not given:
        _refuse("nothing to do", "give --micrometer IMAGE or --bar IMAGE with --length-um, --list, or --forget NAME")
    if given == ["--micrometer", "--bar"]:
        _refuse("--micrometer and --bar cannot be used together", "give the one that the picture shows")
    if len(given) > 1:
        _refuse(f"{' and '.join(given)} cannot be used together", "give one of them")


def _refuse(matter: str, hint: str) -> None:
    say(f"{matter} ({hint})")
    raise typer.Exit(2)


def _measure(
    image: Path, length_um: float, name: str, *, is_bar: bool, overlay: Path | None, force: bool
) -> Calibration:
    from smearwatch.capture.formats.decode import FrameUnusable, decode
    from smearwatch.capture.formats.unusable import in_plain_words
    from smearwatch.capture.scale.ruling import RulingNotFound, find_ruling
    from smearwatch.capture.scale.scale_bar import BarNotFound, find_scale_bar

    try:
        data = read_regular(image)
        bgr = decode(data)
        if is_bar:
            found = find_scale_bar(bgr)
            length_px, error_px, lines, drawn = float(found.length_px), 1.0, 0, [found.box_xywh_px]
        else:
            ruling = find_ruling(bgr)
            length_px, error_px, lines = ruling.spacing_px, ruling.standard_error_px, len(ruling.places_px)
            drawn = [ruling]  # type: ignore[list-item]
    except OSError as error:
        raise CalibrationUnusable(f"{image}: {error.strerror}", "give a picture file that can be read") from None
    except (FrameUnusable, RulingNotFound, BarNotFound) as error:
        what = in_plain_words(error.reason, str(error), data) if isinstance(error, FrameUnusable) else str(error)
        raise CalibrationUnusable(f"{image}: {what}", error.hint) from None
    um_per_px = length_um / length_px
    if not is_usable(um_per_px):
        matter = f"{image}: {length_um:g} um on {length_px:.1f} px would be {um_per_px:.4g} um/px, not {USABLE}"
        raise CalibrationUnusable(matter, "check --length-um: the distance from line to line, or the bar's length")
    if overlay is not None:
        if overlay.resolve() == image.resolve():
            raise CalibrationUnusable(f"--overlay {overlay}: it is the picture itself", "give another file")
        _draw(bgr, drawn[0], overlay, force=force)
    return Calibration(
        name=name,
        um_per_px=um_per_px,
        standard_error_um_per_px=um_per_px * error_px / length_px,
        method="bar" if is_bar else "micrometer",
        length_um=length_um,
        lines=lines,
        width_px=bgr.shape[1],
        height_px=bgr.shape[0],
        picture_sha256=hashlib.sha256(data).hexdigest(),
        measured_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def _draw(bgr: "np.ndarray[Any, Any]", found: Any, target: Path, *, force: bool) -> None:
    import cv2
    import numpy as np

    drawn = np.array(bgr, dtype=np.uint8)
    height, width = drawn.shape[:2]
    thick = max(1, round(max(height, width) / 700))
    if isinstance(found, tuple):
        x, y, w, h = found
        cv2.rectangle(drawn, (x - 2 * thick, y - 2 * thick), (x + w + 2 * thick, y + h + 2 * thick), (0, 0, 255), thick)
    else:
        angle = np.radians(found.angle_deg)
        across, along = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        for position in found.places_px:
            middle = np.array([width, height]) / 2.0 + position * across
            ends = [tuple(int(v) for v in middle + side * max(width, height) * along) for side in (-1, 1)]
            cv2.line(drawn, ends[0], ends[1], (0, 0, 255), thick, cv2.LINE_AA)
    encoded, data = cv2.imencode(target.suffix if target.suffix in {".png", ".jpg"} else ".png", drawn)
    try:
        if not encoded:
            raise OSError("it could not be encoded")
        write_output(target, data.tobytes(), force=force)
    except NotOurs as refused:
        raise CalibrationUnusable(f"--overlay: {refused}", refused.hint) from None
    except OSError as error:
        raise CalibrationUnusable(
            f"--overlay {target}: {error.strerror or error}", "give a file that can be written"
        ) from None


def _report_all(state_dir: Path, *, as_json: bool) -> None:
    kept = list_calibrations(state_dir)
    if not kept and not as_json:
        how = "make one with `smearwatch calibrate --micrometer IMAGE --length-um 10`"
        write_line(sys.stdout, f"no calibrations under {calibrations_root(state_dir)} yet: {how}")
    for calibration in kept:
        _report(calibration, as_json=as_json)


def _report_forgotten(name: str, calibration: Calibration | None, *, as_json: bool) -> None:
    if as_json:
        removed = None if calibration is None else calibration.model_dump()
        sys.stdout.write(json.dumps({"forgotten": name, "calibration": removed}) + "\n")
    elif calibration is None:
        sys.stdout.write(f"forgotten: {name}, which was damaged\n")
    else:
        _report(calibration, as_json=False, before="forgotten: ")


def _report(calibration: Calibration, *, as_json: bool, before: str = "") -> None:
    if as_json:
        sys.stdout.write(json.dumps(calibration.model_dump()) + "\n")
        return
    c = calibration
    seen = f"a bar of {c.length_um:g} um"
    if c.method == "micrometer":
        seen = f"{c.lines} lines found, {c.length_um:g} um from one to the next"
    share = 100.0 * c.standard_error_um_per_px / c.um_per_px
    size = f"for pictures of {c.width_px}x{c.height_px}"
    write_line(sys.stdout, f"{before}{c.name}: {c.um_per_px:.5f} um/px (+- {share:.2f} %), {seen}, {size}")
