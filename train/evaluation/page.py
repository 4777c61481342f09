"""The report as one page for a browser: everything inside it, nothing loaded from anywhere, no script."""

import base64
import importlib.resources
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import jinja2
import numpy as np
from numpy.typing import NDArray

from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.models.checkpoint import Networks
from smearwatch.models.classes import CLASSES
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.evaluation.figures import figure_png, table_of
from smearwatch.train.evaluation.gradcam import GradCam, overlaid, viewed
from smearwatch.train.evaluation.tables import gain_limits
from smearwatch.train.evaluation.worst import Noted, answer_of, label_of, passed, worst

_SIDE_PX = 200
_JPEG_QUALITY = 88
_FIGURES = ("reliability", "risk_coverage", "verifiers")


def write_page(
    path: Path, report: dict[str, Any], noted: Sequence[Noted], networks: Networks, progress: Progress
) -> None:
    """Write the page.

    Parameters
    ----------
    report
        As `smearwatch.train.evaluation.run.evaluate` makes it.
    noted
        Every distinct cell with what was said of it; the worst are shown as pictures.
    networks
        On the CPU; what the ResNet looked at comes from them.
    """
    grad_cam = GradCam(networks.resnet, networks.manifest.preprocessing)
    chosen, let_through = worst(noted), passed(noted)
    shown = []
    for done, cell in enumerate([*chosen, *let_through], start=1):
        shown.append(_card(cell, grad_cam, networks))
        progress("cells explained", done, len(chosen) + len(let_through))
    page = _template().render(
        report=report,
        research_use=RESEARCH_USE,
        classes=CLASSES,
        sets=[_section(name, scores) for name, scores in report["sets"].items()],
        worst=shown[: len(chosen)],
        passed=shown[len(chosen) :],
    )
    path.write_text(page, encoding="utf-8")


def data_uri(content: bytes, kind: str) -> str:
    """Put a picture into an address of its own."""
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


def _section(name: str, scores: dict[str, Any]) -> dict[str, Any]:
    names, table = table_of(scores)
    figures = {figure: data_uri(figure_png(figure, {name: scores}, titled=False), "png") for figure in _FIGURES}
    rows = []
    for place, (label, counts) in enumerate(zip(names, table, strict=True)):
        total = sum(counts)
        cells = [(count, round(count / total, 3) if total else 0.0) for count in counts]
        rows.append({"label": label, "place": place, "cells": cells, "total": total})
    of_six = len(names) == len(CLASSES)
    per_class = dict(scores["per_class"] if of_six else scores["per_class_five"])
    if of_six:
        per_class["neutrophils"] = scores["neutrophils"]["all"]["neutrophils"]
    return {"name": name, "scores": scores, "names": names, "rows": rows, "per_class": per_class, "figures": figures}


def _card(cell: Noted, grad_cam: GradCam, networks: Networks) -> dict[str, Any]:
    crop = cell.sample.draw()
    picture = viewed(crop, networks.manifest.preprocessing, _SIDE_PX)
    probabilities = sorted(zip(CLASSES, cell.probabilities, strict=True), key=lambda pair: -pair[1])
    return {
        "picture": _jpeg(picture),
        "attention": _jpeg(overlaid(picture, grad_cam.attention(crop, cell.said))),
        "label": label_of(cell),
        "answer": answer_of(cell),
        "right": cell.right,
        "verdict": cell.verdict,
        "probabilities": [(name, p) for name, p in probabilities if p >= 0.005][:4],
        "verifier": cell.verifiers[cell.said],
        "reject_score": cell.reject_score,
        "file": cell.sample.sample_id,
    }


def _jpeg(picture_bgr: NDArray[np.uint8]) -> str:
    _, content = cv2.imencode(".jpg", picture_bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data_uri(content.tobytes(), "jpeg")


def _share(entry: dict[str, Any]) -> str:
    return f"{100 * entry['value']:.1f} %" if entry["n"] else "none"


def _limits(entry: dict[str, Any]) -> str:
    if not entry["n"]:
        return "no cells"
    return f"{100 * entry['low']:.1f} to {100 * entry['high']:.1f} %, {entry['hits']} of {entry['n']}"
