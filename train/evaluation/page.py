"""The report as one page for a browser: everything inside it, nothing loaded from anywhere, no script."""

import base64
import importlib.resources
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import jinja2
import numpy as np
from numpy.typing import NDArray

from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.models.checkpoint import Networks
from smearwatch.models.classes import CLASSES
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.evaluation.analysis_tables import gain_limits
from smearwatch.train.evaluation.confusion import ClassScores
from smearwatch.train.evaluation.figures import choose_table, figure_png
from smearwatch.train.evaluation.gradcam import GradCam, crop_to_view, overlay
from smearwatch.train.evaluation.results import EvaluatedSet, Report
from smearwatch.train.evaluation.worst import (
    AnsweredCell,
    answer_name,
    choose_let_through,
    choose_worst,
    label_text,
)
from smearwatch.train.statistics import Share

_SIDE_PX = 200
_JPEG_QUALITY = 88
_FIGURES = ("reliability", "risk_coverage", "verifiers")
_LEAST_SHOWN = 0.005
_MOST_SHOWN = 4


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the confusion: a label, its index, its cells' counts with their shares of the row, and their sum."""

    label: str
    index: int
    cells: list[tuple[int, float]]
    total: int


@dataclass(frozen=True, slots=True)
class _Section:
    """One set on the page: its table and figures beside its scores."""

    name: str
    results: EvaluatedSet
    names: Sequence[str]
    rows: list[_Row]
    per_class: dict[str, ClassScores]
    figures: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Card:
    """One cell on the page; pictures are data URIs."""

    picture: str
    attention: str
    label: str
    answer: str
    right: bool
    verdict: str
    probabilities: Sequence[tuple[str, float]]
    verifier: float
    reject_score: float
    file: str


def write_page(
    path: Path,
    report: Report,
    sets: Mapping[str, EvaluatedSet],
    cells: Sequence[AnsweredCell],
    networks: Networks,
    progress: Progress,
) -> None:
    """Write the page.

    Parameters
    ----------
    report
        Gives title and notes.
    sets
        Those of the report.
    cells
        Every distinct cell with the networks' answers; the worst are shown as pictures.
    networks
        On the CPU; what the ResNet looked at comes from them.
    """
    grad_cam = GradCam(networks.resnet, networks.manifest.preprocessing)
    chosen, let_through = choose_worst(cells), choose_let_through(cells)
    shown = []
    for done, cell in enumerate([*chosen, *let_through], start=1):
        shown.append(_card(cell, grad_cam, networks))
        progress("cells explained", done, len(chosen) + len(let_through))
    page = _template().render(
        report=report,
        research_use=RESEARCH_USE,
        classes=CLASSES,
        sets=[_section(name, each) for name, each in sets.items()],
        worst=shown[: len(chosen)],
        let_through=shown[len(chosen) :],
    )
    path.write_text(page, encoding="utf-8")


def data_uri(content: bytes, kind: str) -> str:
    """Return a picture as an address that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _template() -> jinja2.Template:
    source = importlib.resources.files("smearwatch.train.evaluation") / "page.html.jinja"
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["share"] = _share
    environment.filters["limits"] = _limits
    environment.filters["gain"] = gain_limits
    return environment.from_string(source.read_text(encoding="utf-8"))


def _section(name: str, each: EvaluatedSet) -> _Section:
    scores = each.scores
    names, table = choose_table(scores)
    figures = {figure: data_uri(figure_png(figure, {name: each}, titled=False), "png") for figure in _FIGURES}
    rows = []
    for index, (label, counts) in enumerate(zip(names, table, strict=True)):
        total = sum(counts)
        cells = [(count, round(count / total, 3) if total else 0.0) for count in counts]
        rows.append(_Row(label, index, cells, total))
    of_six = len(names) == len(CLASSES)
    per_class = dict(scores.per_class if of_six else scores.per_class_five)
    if of_six:
        per_class["neutrophils"] = scores.neutrophils["all"]["neutrophils"]
    return _Section(name, each, names, rows, per_class, figures)


def _card(cell: AnsweredCell, grad_cam: GradCam, networks: Networks) -> _Card:
    crop = cell.sample.draw()
    picture = crop_to_view(crop, networks.manifest.preprocessing, _SIDE_PX)
    probabilities = sorted(zip(CLASSES, cell.probabilities, strict=True), key=lambda pair: -pair[1])
    return _Card(
        picture=_jpeg(picture),
        attention=_jpeg(overlay(picture, grad_cam.attention(crop, cell.predicted, cell.to_reference))),
        label=label_text(cell),
        answer=answer_name(cell),
        right=cell.right,
        verdict=cell.verdict,
        probabilities=[(name, p) for name, p in probabilities if p >= _LEAST_SHOWN][:_MOST_SHOWN],
        verifier=cell.verifiers[cell.predicted],
        reject_score=cell.reject_score,
        file=cell.sample.sample_id,
    )


def _jpeg(picture_bgr: NDArray[np.uint8]) -> str:
    _, content = cv2.imencode(".jpg", picture_bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data_uri(content.tobytes(), "jpeg")


def _share(share: Share) -> str:
    return "none" if share.value is None else f"{100 * share.value:.1f} %"


def _limits(share: Share) -> str:
    if not share.n:
        return "no cells"
    return f"{100 * share.low:.1f} to {100 * share.high:.1f} %, {share.hits} of {share.n}"
