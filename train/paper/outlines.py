"""Outlines that were drawn once, so that a restart does not draw them again."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.capture.finder.version import FINDER_VERSION
from smearwatch.train.data.samples import Sample
from smearwatch.train.paper.keep import Stage, keep, kept
from smearwatch.train.paper.outline import OUTLINE_PX, OUTLINE_VERSION, cell_outline

_NAME = "outlines"

Image = NDArray[np.uint8]


class Outlines:
    """The outlines of cells by the content of their pictures, taken up from a folder.

    Raises
    ------
    DataUnusable
        Where what is kept there is damaged.
    """

    def __init__(self, folder: Path, um_per_px: float) -> None:
        self._folder = folder
        self._key = hashlib.sha256(
            f"{um_per_px} finder {FINDER_VERSION}, outline {OUTLINE_VERSION}".encode()
        ).hexdigest()
        self._packed: dict[str, Image | None] = {}
        stage = kept(folder, _NAME, self._key)
        if stage is not None:
            rows = stage.tensors["packed"].numpy()
            for number, entry in enumerate(stage.curve):
                self._packed[entry["digest"]] = rows[number] if entry["found"] else None

    def of(self, sample: Sample) -> Image | None:
        """Outline a cell, as `smearwatch.train.paper.outline.cell_outline` does.

        Raises
        ------
        DataUnusable
            Where its picture cannot be read.
        """
        if sample.digest not in self._packed:
            inside = cell_outline(sample.draw())
            self._packed[sample.digest] = None if inside is None else np.packbits(inside)
        packed = self._packed[sample.digest]
        return None if packed is None else unpacked(packed)

    def keep(self) -> None:
        """Write all that are known."""
        empty = np.packbits(np.zeros(OUTLINE_PX**2, dtype=np.uint8))
        rows = np.array([empty if packed is None else packed for packed in self._packed.values()], dtype=np.uint8)
        noted = [{"digest": digest, "found": packed is not None} for digest, packed in self._packed.items()]
        keep(self._folder, _NAME, self._key, Stage({"packed": torch.from_numpy(rows)}, noted))


def unpacked(packed: Image) -> Image:
    """Bits of an outline to uint8 [180, 180]."""
    return np.unpackbits(packed, count=OUTLINE_PX**2).reshape(OUTLINE_PX, OUTLINE_PX)
