"""Recorded sessions whose cells are told apart by their colour, and small weights that know nothing of them."""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from smearwatch.daemon.record.events import (
    CLASSES,
    Closed,
    Counted,
    Found,
    FoundCell,
    Labelled,
    LabelName,
    Opened,
    Seen,
)
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.signing import sign
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.memory import Memory, packed
from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.adapting.logits import network_input
from smearwatch.train.data.samples import Sample, exact
from smearwatch.train.saving import save_weights
from smearwatch.train.training.remembering import body_features, make_remembered

SMALL = Preprocessing(field_px=72, view_px=72)
UM_PER_PX = 0.1
WIDTH, HEIGHT = 640, 480
CENTRES = tuple((float(x), float(y)) for x in (180, 460) for y in (180, 300))


def colour(index: int) -> tuple[int, int, int]:
    """Return the blue, green and red of a class, by which an untaught network tells it too."""
    return 40 + 140 * (index & 1), 40 + 140 * (index >> 1 & 1), 40 + 140 * (index >> 2 & 1)


def picture(index: int, number: int) -> bytes:
    """Draw a field of one class: discs in its colour."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    field = np.full((HEIGHT, WIDTH, 3), (230, 220, 200 + number), np.uint8)
    for x, y in CENTRES:
        field[(columns - x) ** 2 + (rows - y) ** 2 < 45**2] = colour(index)
    data = io.BytesIO()
    Image.fromarray(field).save(data, "PNG")
    return data.getvalue()


def record(folder: Path, first: int, frames: int, *, signed: bool) -> None:
    """Record a session: the machine calls every cell a band, a person names all but the first of each picture."""
    with Ledger.open(folder) as ledger:
        ledger.append([Opened(1, 1, "t", folder.name, None, 33.0, "rule", {})])
        labels: list[Labelled] = []
        for number in range(frames):
            index = number % 6
            frame = ledger.frames.put(picture(index, first + number))
            found = tuple(
                FoundCell(each, (int(x) - 50, int(y) - 50, 100, 100), (x, y), 100.0, False, 0.9)
                for each, (x, y) in enumerate(CENTRES)
            )
            six = (0.9, 0.02, 0.02, 0.02, 0.02, 0.02)
            ledger.append(
                [
                    Seen(frame, f"{number}.png", 9, 1, None, None, True, "folder"),
                    Found(frame, WIDTH, HEIGHT, UM_PER_PX, "configured", None, 0.8, found),
                    *(Counted(frame, each, "band", "confirmed", six, six, 0.1, "w") for each in range(len(found))),
                ]
            )
            name: LabelName = CLASSES[index]
            labels += [Labelled(frame, each, name, "A. Reader", 1, 5) for each in range(1, len(found))]
        ledger.append([*labels, Closed(1, True, {}, {})])
    if signed:
        sign(folder, by="A. Reader", overruled={"target": "enough"})


def untaught(folder: Path) -> None:
    """Weights that know nothing, and remember some cells of each class as told apart."""
    torch.manual_seed(1)
    resnet, bank = LeukocyteResNet().eval(), LeNetBank(SMALL.view_px).eval()

    def no_picture():
        raise AssertionError("remembered cells are not drawn")

    samples = [
        Sample(f"old/{n}", "old", CLASSES[n % 6], exact(n % 6), f"{n}", None, no_picture, f"{n:064x}")
        for n in range(24)
    ]
    fields = np.full((24, 72, 72, 3), (230, 220, 200), np.uint8)
    for each in range(24):
        fields[each, 26:46, 26:46] = colour(each % 6)
    seen = body_features(resnet, network_input(fields, SMALL)).numpy()
    fitted, held = make_remembered(seen[:12], samples[:12]), make_remembered(seen[12:], samples[12:])
    kept = packed(Memory(frozenset({7}), frozenset({8}), fitted, held))
    save_weights(folder, resnet, bank, Manifest(name="untaught", preprocessing=SMALL, tensors={}), kept)
