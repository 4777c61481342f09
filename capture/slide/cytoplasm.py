"""Cytoplasm and chromatin of each class, as optical density."""

from dataclasses import dataclass

import numpy as np

from smearwatch.capture.arrays import Floats
from smearwatch.capture.slide.stain import CellClass, Od, Stain
from smearwatch.capture.slide.texture import granules, smooth_noise, soft_step


@dataclass(frozen=True, slots=True)
class Outline:
    """Where a cell and its nucleus lie in a patch.

    Attributes
    ----------
    cell_um, nucleus_um
        float32 [height, width]: distance to the outline in um, negative inside.
    um_per_px
        Scale.
    """

    cell_um: Floats
    nucleus_um: Floats
    um_per_px: float

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.cell_um.shape[0], self.cell_um.shape[1]


def paint_cytoplasm(cls: CellClass, rng: np.random.Generator, outline: Outline, stain: Stain) -> Floats:
    """Paint the optical density of the whole cell's cytoplasm, as if no nucleus were there.

    Parameters
    ----------
    cls
        The leukocyte's class.
    rng
        Source of randomness.
    outline
        The cell's and the nucleus' outline.
    stain
        Densities of the substances.

    Returns
    -------
    numpy.ndarray
        float32 [height, width, 3], blue, green, red.
    """
    if cls in ("band", "segmented"):
        return _neutrophil(rng, outline, stain)
    if cls == "eosinophil":
        return _eosinophil(rng, outline, stain)
    if cls == "basophil":
        return layer(0.8 + 0.25 * smooth_noise(rng, outline.shape, 2.0, outline.um_per_px), stain.basophil_cytoplasm)
    if cls == "monocyte":
        return _monocyte(rng, outline, stain)
    return _lymphocyte(rng, outline, stain)


def paint_chromatin(cls: CellClass, rng: np.random.Generator, outline: Outline, stain: Stain) -> Floats:
    """Paint the optical density of chromatin everywhere in the patch; the caller cuts it to the nucleus.

    Clumps of heterochromatin with lighter gaps: coarse and sharp in granulocytes, smudged in lymphocytes, a fine
    lace in monocytes; a darker seam along the nuclear membrane.
    """
    clump_um, gap, depth = {
        "monocyte": (0.36, 0.25, 0.42),
        "lymphocyte": (0.5, 0.7, 0.36),
        "basophil": (0.7, 0.4, 0.3),
        "eosinophil": (0.42, 0.5, 0.45),
    }.get(cls, (0.42, 0.7, 0.50))
    shape, scale = outline.shape, outline.um_per_px
    fine = smooth_noise(rng, shape, clump_um, scale)
    coarse = smooth_noise(rng, shape, 3.0 * clump_um, scale)
    light = soft_step(fine + 0.35 * coarse, gap, gap + 1.0)
    seam = np.exp(-(((outline.nucleus_um + np.float32(0.25)) / np.float32(0.3)) ** 2))
    # Gaps close towards the membrane.
    strength = (
        1.03
        + 0.08 * coarse
        + 0.10 * smooth_noise(rng, shape, 0.28, scale)
        - depth * light * (1.0 - 0.8 * seam)
        + 0.16 * seam
    )
    od = {"monocyte": stain.monocyte_chromatin, "basophil": stain.basophil_chromatin}.get(cls, stain.chromatin)
    return layer(strength, od)


def paint_basophil_granules(rng: np.random.Generator, outline: Outline, stain: Stain) -> tuple[Floats, Floats]:
    """Paint coarse dark granules over cytoplasm and nucleus alike.

    Returns
    -------
    tuple
        float32 [height, width] coverage 0-1, and float32 [height, width, 3] optical density of the granules.
    """
    many = rng.uniform(2.5, 7.0)
    cover = granules(rng, outline.shape, many, (0.4, 0.62), outline.um_per_px)
    # Over the nucleus fewer are in focus; most crowd the cytoplasm and the cell's edge.
    on_nucleus = soft_step(outline.nucleus_um, 0.3, -0.6) * rng.uniform(0.25, 0.6)
    cover = np.clip(cover * 1.25, 0.0, 1.0) * (1.0 - on_nucleus)
    return cover, layer(0.92 + 0.08 * smooth_noise(rng, outline.shape, 2.0, outline.um_per_px), stain.basophil_granule)


def layer(strength: Floats, od: Od) -> Floats:
    """Return strengths float32 [height, width] times a substance's density: float32 [height, width, 3]."""
    return np.maximum(strength, np.float32(0.0))[:, :, None] * np.asarray(od, np.float32)


def _neutrophil(rng: np.random.Generator, outline: Outline, stain: Stain) -> Floats:
    shape, scale = outline.shape, outline.um_per_px
    ground = 1.0 + 0.16 * smooth_noise(rng, shape, 2.5, scale) + 0.12 * smooth_noise(rng, shape, 0.5, scale)
    # A faint seam at the cell's membrane, sometimes a paler edge beneath it.
    ground = ground + rng.uniform(0.0, 0.3) * np.exp(-(((outline.cell_um + 0.3) / 0.3) ** 2)).astype(np.float32)
    dust = granules(rng, shape, rng.uniform(0.6, 2.6), (0.22, 0.36), scale)
    patchy = np.clip(1.0 + 0.4 * smooth_noise(rng, shape, 3.5, scale), 0.2, 1.6)
    od = layer(ground * np.float32(rng.uniform(0.75, 1.2)), stain.neutrophil_cytoplasm)
    return od + layer(dust * patchy * np.float32(rng.uniform(0.4, 1.0)), stain.neutrophil_granule)


def _eosinophil(rng: np.random.Generator, outline: Outline, stain: Stain) -> Floats:
    shape, scale = outline.shape, outline.um_per_px
    full = granules(rng, shape, rng.uniform(2.6, 4.0), (0.45, 0.65), scale)
    loose = smooth_noise(rng, shape, 3.0, scale)
    strength = 0.50 + 0.55 * full + 0.07 * loose
    # A few granules are missing in patches, where the pale blue-grey ground shows.
    bare = soft_step(loose, 1.1, 1.8) * np.float32(rng.uniform(0.0, 0.8))
    rim = 0.15 * np.exp(-(((outline.cell_um + 0.4) / 0.35) ** 2)).astype(np.float32)
    ground = layer(np.full(shape, 0.5, np.float32), stain.monocyte_cytoplasm)
    return layer((strength + rim) * (1.0 - bare), stain.eosinophil_granule) + ground * bare[:, :, None]


def _monocyte(rng: np.random.Generator, outline: Outline, stain: Stain) -> Floats:
    shape, scale = outline.shape, outline.um_per_px
    ground = 1.0 + 0.13 * smooth_noise(rng, shape, 3.0, scale) + 0.17 * smooth_noise(rng, shape, 0.45, scale)
    ground = ground + 0.18 * np.exp(-(((outline.cell_um + 0.4) / 0.5) ** 2)).astype(np.float32)
    dust = granules(rng, shape, rng.uniform(0.2, 1.2), (0.22, 0.3), scale)
    od = layer(ground * np.float32(rng.uniform(0.8, 1.25)), stain.monocyte_cytoplasm)
    od = od + layer(dust * np.float32(rng.uniform(0.1, 0.5)), stain.neutrophil_granule)
    if rng.random() < 0.6:
        holes = granules(rng, shape, rng.uniform(0.01, 0.09), (0.7, 1.3), scale)
        od = od * (1.0 - 0.85 * np.clip(1.4 * holes, 0.0, 1.0))[:, :, None]
    return od


def _lymphocyte(rng: np.random.Generator, outline: Outline, stain: Stain) -> Floats:
    shape, scale = outline.shape, outline.um_per_px
    # Sky blue, darker at the edge of the cell, often a pale zone around the nucleus.
    edge = np.exp(-(((outline.cell_um + 0.25) / 0.7) ** 2)).astype(np.float32)
    pale = np.exp(-(((outline.nucleus_um - 0.35) / 0.45) ** 2)).astype(np.float32)
    ground = 0.95 + 0.16 * smooth_noise(rng, shape, 0.8, scale) + 0.16 * smooth_noise(rng, shape, 0.4, scale)
    ground = ground + rng.uniform(0.1, 0.7) * edge - rng.uniform(0.0, 0.35) * pale
    od = layer(ground * np.float32(rng.uniform(0.8, 1.3)), stain.lymphocyte_cytoplasm)
    if rng.random() < 0.15:
        od = od + layer(granules(rng, shape, 0.08, (0.3, 0.5), scale), stain.neutrophil_granule)
    return od
