"""The learning curve: its rows, as CSV and as a picture; both replaced whole, so a reader never sees half."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from smearwatch.models.whole import write_whole

_DPI = 110


@dataclass(frozen=True, slots=True)
class EpochResult:
    """One row of the learning curve; accuracies over cells whose label is one of the six."""

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    verifier_accuracy: float
    seconds: float


def write_csv(path: Path, curve: Sequence[EpochResult]) -> None:
    """Write the rows under a line of names."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(EpochResult)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in curve)
    write_whole(path, text.getvalue().encode())


def draw_curve(path: Path, curve: Sequence[EpochResult]) -> None:
    """Write a PNG: loss on the left; on the right the error rates of ResNet and verifiers, by epoch."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    losses, errors = figure.subplots(1, 2)
    epochs = [row.epoch for row in curve]
    losses.plot(epochs, [row.train_loss for row in curve], marker=".", label="training, augmented, all heads")
    losses.plot(epochs, [row.validation_loss for row in curve], marker=".", label="validation, ResNet, full size")
    losses.set_ylabel("loss")
    errors.plot(epochs, [1 - row.train_accuracy for row in curve], marker=".", label="training, augmented")
    errors.plot(epochs, [1 - row.validation_accuracy for row in curve], marker=".", label="validation, full size")
    errors.plot(epochs, [1 - row.verifier_accuracy for row in curve], marker=".", label="verifiers, validation")
    errors.set_ylabel("error rate")
    errors.set_yscale("log")
    for axes in (losses, errors):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False, fontsize=8)
        axes.grid(visible=True, alpha=0.3)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=_DPI, metadata={"Software": None})
    write_whole(path, picture.getvalue())
