"""The learning curve as a picture."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from smearwatch.train.loop import EpochResult

_DPI = 110


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
    figure.savefig(path, dpi=_DPI, metadata={"Software": None})
