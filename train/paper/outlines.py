"""Outlines that were drawn once, so that a restart does not draw them again."""

import hashlib
from pathlib import Path

import numpy as np
import torch

from smearwatch.capture.arrays import Image
from smearwatch.capture.finder.version import FINDER_VERSION
from smearwatch.train.data.samples import Sample
from smearwatch.train.paper.outline import OUTLINE_PX, OUTLINE_VERSION, outline_cell
from smearwatch.train.paper.stages import Stage, read_stage, write_stage

_NAME = "outlines"


class Outlines:
    """The outlines of cells by the content of their pictures, those known read from a folder.

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
        stage = read_stage(folder, _NAME, self._key)
        if stage is not None:
            rows = stage.tensors["packed"].numpy()
            for number, entry in enumerate(stage.rows):
                self._packed[entry["digest"]] = rows[number] if entry["found"] else None

    def of(self, sample: Sample) -> Image | None:
        """Outline a cell, as `smearwatch.train.paper.outline.outline_cell` does.

        Raises
        ------
        DataUnusable
            Where its picture cannot be read.
        """
        if sample.digest not in self._packed:
            inside = outline_cell(sample.draw())
            self._packed[sample.digest] = None if inside is None else np.packbits(inside)
        packed = self._packed[sample.digest]
        return None if packed is None else unpack(packed)

    def write(self) -> None:
        """Write all that are known into the folder."""
        empty = np.packbits(np.zeros(OUTLINE_PX**2, dtype=np.uint8))
        rows = np.array([empty if packed is None else packed for packed in self._packed.values()], dtype=np.uint8)
        notes = [{"digest": digest, "found": packed is not None} for digest, packed in self._packed.items()]
        write_stage(self._folder, _NAME, self._key, Stage({"packed": torch.from_numpy(rows)}, notes))


def unpack(packed: Image) -> Image:
    """Return uint8 [180, 180] for the bits of an outline."""
    return np.unpackbits(packed, count=OUTLINE_PX**2).reshape(OUTLINE_PX, OUTLINE_PX)
