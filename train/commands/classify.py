"""`smearwatch classify`: single-cell pictures to class and verdict."""

import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.one_line import say
from smearwatch.daemon.scale_rule import typed_scale
from smearwatch.daemon.share_text import verdict_text
from smearwatch.daemon.weights import weights_in_use
from smearwatch.train.commands.shared_options import DeviceOption, EngineOption
from smearwatch.train.json_record import JsonRecord

if TYPE_CHECKING:
    from smearwatch.models.judgement import Judgement
    from smearwatch.train.data.picture_session import PictureSession

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch classify cell.jpg --um-per-px 0.095 --json"


@dataclass(frozen=True, slots=True)
class _Record(JsonRecord):
    """What is printed for a picture; without an answer only the file and the reason, in one word, are given.

    Where the finder has no whole leukocyte in the middle, `found` is false and `not_found` says why, in one word.
    """

    file: str
    cls: str | None = None
    verdict: str | None = None
    probabilities: dict[str, float] | None = None
    verifiers: dict[str, float] | None = None
    reject_score: float | None = None
    reason: str | None = None
    found: bool | None = None
    not_found: str | None = None
    unfamiliar: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name, `cls` as "class"."""
        return {"class" if key == "cls" else key: value for key, value in JsonRecord.to_json(self).items()}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A picture whose line is to be printed: by its frame, or without one why it cannot be used."""

    path: Path
    frame: str | None = None
    not_found: str | None = None
    reason: str | None = None


@app.command(epilog=_EPILOG)
def classify(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Pictures with the cell in the middle.")],
    um_per_px: Annotated[
        str, typer.Option("--um-per-px", metavar="X", help="Scale of all of them in micrometres per pixel.")
    ],
    weights: Annotated[Path | None, typer.Option(metavar="DIR", help="Weights to use. [default: those in use]")] = None,
    device: DeviceOption = "auto",
    engine: EngineOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a picture on stdout.")] = False,
) -> None:
    """Name the leukocyte in the middle of each picture.

    The cell is found and cut as `smearwatch run` does, so that both give it the same name. Where no whole leukocyte is
    found in the middle, the picture's middle is judged, and the line says so. A whole field is refused: give it to
    `smearwatch segment` or `smearwatch run`.

    Pictures of one call are taken as one session, in their order: name together those of one stain and microscope, and
    no others. The first ones may be named once there are 16, or all of fewer: on a microscope that the weights have
    never met they are judged by what they show together.

    The number behind a name says how probable it is, from 0 to 1; the one behind a rejection is
    the higher, the less the picture looks like one of the six.

    A picture that cannot be used gets one line on stderr, and with --json an object with its reason; the others still
    run, and the exit status is then 1.
    """
    scale = typed_scale(um_per_px)

    from smearwatch.models.engine_choice import choose_engine
    from smearwatch.train.data.picture_session import PictureSession
    from smearwatch.train.data.samples import DataUnusable
    from smearwatch.train.data.single_cell_crop import single_cell_crop

    settings = load_settings(weights=weights, engine=engine)
    judge, trials = choose_engine(weights_in_use(settings), device=device, engine=settings.engine)
    for trial in trials:
        if trial.refused is not None:
            say(f"the engine {trial.kind} is not used: {trial.refused}")
    crop_of = partial(
        single_cell_crop,
        um_per_px=scale,
        field_um=settings.field_um,
        max_pixels=settings.max_frame_pixels,
        restain=settings.search_stain == "red_cells",
    )
    failed, session = False, PictureSession()
    waiting: list[_Asked] = []
    for path in images:
        try:
            cell = crop_of(path)
        except DataUnusable as unusable:
            failed = True
            say(f"{unusable} ({unusable.hint})")
            waiting.append(_Asked(path, reason=unusable.reason))
        else:
            session.judge(cell, judge)
            waiting.append(_Asked(path, frame=cell.frame, not_found=cell.not_found))
        if session.is_settled:
            _write(waiting, session, as_json=as_json)
            waiting.clear()
    _write(waiting, session, as_json=as_json)
    if failed:
        raise typer.Exit(1)


def _write(asked: list[_Asked], session: "PictureSession", *, as_json: bool) -> None:
    for each in asked:
        if each.frame is None:
            line = json.dumps(_Record(str(each.path), reason=each.reason).to_json()) if as_json else None
        elif as_json:
            line = json.dumps(_record(each.path, session.answer(each.frame), each.not_found).to_json())
        else:
            line = None
            write_line(sys.stdout, plain_line(each.path, session.answer(each.frame), each.not_found))
        if line is not None:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _record(path: Path, judgement: "Judgement", not_found: str | None) -> _Record:
    from smearwatch.models.classes import CLASSES

    return _Record(
        file=str(path),
        cls=judgement.cls,
        verdict=judgement.verdict,
        probabilities=dict(zip(CLASSES, judgement.probabilities, strict=True)),
        verifiers=dict(zip(CLASSES, judgement.verifiers, strict=True)),
        reject_score=judgement.reject_score,
        found=not_found is None,
        not_found=not_found,
        unfamiliar=judgement.unfamiliar,
    )


def plain_line(path: Path, judgement: "Judgement", not_found: str | None = None) -> str:
    """Write one answer for a person: the name, how probable it is, what was made of it, and what was not found."""
    from smearwatch.models.classes import CLASSES

    of_name = judgement.probabilities[CLASSES.index(judgement.cls)]
    reject = f"rejected: probably none of the six ({judgement.reject_score:.2f})"
    unlike = judgement.unfamiliar and not judgement.statistics_cells
    why_flagged = "looks unlike what the weights were trained on" if unlike else "a person should look"
    outcome = {"rejected": reject, "flagged": f"flagged: {why_flagged}"}
    line = f"{path}: {judgement.cls} ({of_name:.2f}), {outcome.get(judgement.verdict, verdict_text(judgement.verdict))}"
    if not_found is None:
        return line
    why = {"no_leukocyte": "no leukocyte found in the middle", "at_edge": "the leukocyte touches the border"}
    return f"{line} [{why.get(not_found, not_found.replace('_', ' '))}: picture judged as it is]"
