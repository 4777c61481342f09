"""What a run writes down about itself: `curve.csv`, `curve.png`, and TensorBoard events.

CSV and picture are replaced whole, so that a reader never sees half of one.
"""

import csv
import io
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from tensorboardX import SummaryWriter

from smearwatch.daemon.atomic_write import write_atomically

_EVENTS = "tensorboard"
_CSV = "curve.csv"
_PNG = "curve.png"
_NAME = re.compile(r"\.epoch(\d+)\.step(\d+)$")

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
    write_atomically(path, text.getvalue().encode())


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
    write_atomically(path, picture.getvalue())


class RunLog:
    """Logs in the state folder that never hold anything twice, however often the run was taken up again.

    From one kept state to the next all events go into one file, whose name ends with epoch and step at which it
    begins. A run that is taken up removes the files that begin there or later, since it will write the same again.
    """

    def __init__(self, folder: Path, curve: Sequence[EpochResult], step: int) -> None:
        self._folder = folder
        self._events = folder / _EVENTS
        self._events.mkdir(parents=True, exist_ok=True)
        position = (len(curve), step)
        for path in self._events.iterdir():
            found = _NAME.search(path.name)
            if found is None or (int(found[1]), int(found[2])) >= position:
                path.unlink()
        self._position = position
        self._writer: SummaryWriter | None = None
        if curve:
            self._curve(curve)
        else:
            (folder / _CSV).unlink(missing_ok=True)
            (folder / _PNG).unlink(missing_ok=True)

    def step(self, number: int, values: dict[str, float]) -> None:
        """Take down values of one step; its number counts from the start of the run."""
        for name, value in values.items():
            self._open().add_scalar(f"step/{name}", value, number)

    def epoch(self, row: EpochResult) -> None:
        """Take down the end of an epoch."""
        for name, value in asdict(row).items():
            if name != "epoch":
                self._open().add_scalar(f"epoch/{name}", value, row.epoch)

    def close(self) -> None:
        """Bring everything so far to disk; to be called before a state is kept, and at the end."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def mark_kept(self, curve: Sequence[EpochResult], step: int) -> None:
        """Take note that the state is kept here; draw the curve anew where an epoch has ended."""
        self._position = (len(curve), step)
        if step == 0:
            self._curve(curve)

    def _open(self) -> SummaryWriter:
        if self._writer is None:
            epoch, step = self._position
            self._writer = SummaryWriter(str(self._events), filename_suffix=f".epoch{epoch}.step{step}")
        return self._writer

    def _curve(self, curve: Sequence[EpochResult]) -> None:
        write_csv(self._folder / _CSV, curve)
        draw_curve(self._folder / _PNG, curve)


def copy_logs(folder: Path, out: Path) -> None:
    """Copy a finished run's logs from its state folder beside the weights, in place of older ones."""
    shutil.copyfile(folder / _CSV, out / _CSV)
    shutil.copyfile(folder / _PNG, out / _PNG)
    shutil.rmtree(out / _EVENTS, ignore_errors=True)
    shutil.copytree(folder / _EVENTS, out / _EVENTS)
