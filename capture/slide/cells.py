"""Draw one leukocyte of a known class, alone or in the middle of a picture of its own."""

from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Flags, Floats, Image
from smearwatch.capture.slide.background import (
    RED_CELL_DIAMETER_UM,
    add_patch,
    overlap,
    render_platelet,
    render_red_cell,
)
from smearwatch.capture.slide.cytoplasm import Outline, paint_basophil_granules, paint_chromatin, paint_cytoplasm
from smearwatch.capture.slide.nuclei import NucleusShape, draw_shape, rasterise
from smearwatch.capture.slide.optics import Optics, expose
from smearwatch.capture.slide.stain import CellClass, Stain
from smearwatch.capture.slide.texture import smooth_noise, soft_step

FINEST_UM_PER_PX = 0.065
"""Cells are drawn no finer than this and enlarged; light of a 100x objective resolves about 0.2 um."""

_RADIUS_UM: dict[CellClass, tuple[float, float]] = {
    # Mean and standard deviation. On a smear granulocytes measure 11-15 um across, monocytes 15-20, small
    # lymphocytes 7-12 and large ones up to 15 (the usual figures of haematology atlases).
    "band": (6.4, 0.4),
    "segmented": (6.3, 0.4),
    "eosinophil": (6.4, 0.4),
    "basophil": (5.9, 0.4),
    "monocyte": (7.8, 0.55),
    "lymphocyte": (4.8, 0.4),
}
_LARGE_LYMPHOCYTE = 0.15


@dataclass(frozen=True, slots=True)
class RenderedCell:
    """A leukocyte as a patch to lay into a field.

    Attributes
    ----------
    cls
        Its class.
    od_bgr
        float32 [side, side, 3], optical density (natural logarithm) of blue, green and red light.
    cover
        float32 [side, side], 1 inside the cell and 0 outside, soft at the edge: what it hides of others.
    nucleus
        bool [side, side].
    box_xywh_px
        The whole cell's box in the patch.
    """

    cls: CellClass
    od_bgr: Floats
    cover: Floats
    nucleus: Flags
    box_xywh_px: tuple[int, int, int, int]


def render_cell(cls: CellClass, rng: np.random.Generator, *, um_per_px: float, stain: Stain) -> RenderedCell:
    """Draw a leukocyte in the middle of a square patch that just holds it.

    Parameters
    ----------
    cls
        One of `smearwatch.capture.slide.stain.CELL_CLASSES`.
    rng
        Source of randomness; the same state gives the same cell.
    um_per_px
        Scale.
    stain
        Densities of the stained substances.

    Returns
    -------
    RenderedCell
    """
    drawn_um_per_px = max(um_per_px, FINEST_UM_PER_PX)
    outline, threads = _outline(cls, rng, drawn_um_per_px)
    cover = soft_step(outline.cell_um, 0.14, -0.14)
    nuclear = np.maximum(soft_step(outline.nucleus_um, 0.13, -0.13), threads) * cover
    od = paint_cytoplasm(cls, rng, outline, stain) * cover[:, :, None]
    od += (paint_chromatin(cls, rng, outline, stain) - od) * nuclear[:, :, None]
    if cls == "basophil":
        grain, grain_od = paint_basophil_granules(rng, outline, stain)
        grain *= soft_step(outline.cell_um, 0.25, -0.05)
        od += (grain_od - od) * grain[:, :, None]
        cover = np.maximum(cover, grain)
    if um_per_px < drawn_um_per_px:
        od, cover, nuclear = (_grow(a, drawn_um_per_px / um_per_px) for a in (od, cover, nuclear))
    x, y, w, h = cv2.boundingRect((cover > 0.5).astype(np.uint8))
    return RenderedCell(cls, np.maximum(od, 0.0), np.clip(cover, 0.0, 1.0), nuclear > 0.5, (x, y, w, h))


def render_cell_picture(
    cls: CellClass,
    rng: np.random.Generator,
    *,
    um_per_px: float = 0.044,
    size_px: int = 750,
    stain: Stain | None = None,
    optics: Optics | None = None,
    jitter_um: float = 0.5,
) -> Image:
    """Draw a picture of one leukocyte in the middle, among red cells and platelets, as training sets hold them.

    Parameters
    ----------
    cls
        The leukocyte's class.
    rng
        Source of randomness; the same state gives the same picture.
    um_per_px
        Scale.
    size_px
        Width and height.
    stain, optics
        Drawn at random where None.
    jitter_um
        Standard deviation of the cell's distance from the picture's middle, in each direction.

    Returns
    -------
    numpy.ndarray
        uint8 [size_px, size_px, 3], BGR.
    """
    stain = Stain.draw(rng) if stain is None else stain
    optics = Optics.draw(rng) if optics is None else optics
    drawn_um_per_px = max(um_per_px, FINEST_UM_PER_PX)
    side = max(round(size_px * um_per_px / drawn_um_per_px), 1)
    cell = render_cell(cls, rng, um_per_px=drawn_um_per_px, stain=stain)
    field = np.zeros((side, side, 3), np.float32)
    _strew(field, rng, drawn_um_per_px, stain, clear_um=0.42 * max(cell.box_xywh_px[2:]) * drawn_um_per_px)
    x, y = (round(side / 2 + float(v) / drawn_um_per_px) for v in rng.normal(0.0, jitter_um, 2))
    lay_cell(field, cell, x, y)
    if side != size_px:
        field = np.maximum(cv2.resize(field, (size_px, size_px), interpolation=cv2.INTER_CUBIC), 0.0)
    return expose(field, optics.within(size_px * um_per_px), rng, um_per_px=um_per_px)


def lay_cell(field_od: Floats, cell: RenderedCell, x_px: int, y_px: int) -> None:
    """Lay a leukocyte into a field's optical density, the patch's middle at a pixel; it hides what lies below."""
    target, source = overlap(field_od.shape, cell.od_bgr.shape, x_px, y_px)
    field_od[target] *= 1.0 - cell.cover[source][:, :, None]
    field_od[target] += cell.od_bgr[source]


def _outline(cls: CellClass, rng: np.random.Generator, um_per_px: float) -> tuple[Outline, Floats]:
    """Draw the outlines of cell and nucleus, and the filaments' coverage, on a patch that holds the cell."""
    mean, spread = _RADIUS_UM[cls]
    if cls == "lymphocyte" and rng.random() < _LARGE_LYMPHOCYTE:
        mean, spread = 6.2, 0.4
    radius = float(np.clip(rng.normal(mean, spread), mean - 2.0 * spread, mean + 2.0 * spread))
    side = int(np.ceil(2.0 * (1.22 * radius + 0.8) / um_per_px)) | 1
    cell_um = _cell_distance(cls, rng, radius, side, um_per_px)
    lobes, threads = rasterise(_draw_nucleus(cls, rng, radius), (side, side), um_per_px)
    inside, outside = (cv2.distanceTransform(m, cv2.DIST_L2, 5) for m in (lobes, 255 - lobes))
    nucleus_um = cv2.GaussianBlur(outside - inside, (0, 0), 1.0) * np.float32(um_per_px)
    rough = {"monocyte": 0.22, "lymphocyte": 0.10, "basophil": 0.3, "segmented": 0.09}.get(cls, 0.12)
    nucleus_um = nucleus_um + rough * smooth_noise(rng, (side, side), 1.6, um_per_px)
    # A nucleus never breaks through its cell's membrane.
    nucleus_um = np.maximum(nucleus_um, cell_um + np.float32(0.22))
    thread = cv2.GaussianBlur(threads, (0, 0), 0.7).astype(np.float32) / np.float32(255.0)
    return Outline(cell_um, nucleus_um.astype(np.float32), um_per_px), np.minimum(thread * 1.15, 1.0)


def _draw_nucleus(cls: CellClass, rng: np.random.Generator, radius_um: float) -> NucleusShape:
    """Draw a nucleus' shape, off the cell's middle as far as the class usually has it."""
    shape = draw_shape(cls, rng, radius_um)
    away = {"eosinophil": 0.14, "monocyte": 0.08, "lymphocyte": 0.05, "basophil": 0.05}.get(cls, 0.07)
    return shape.moved(1.0, rng.normal(0.0, away * radius_um / 1.4, 2))


def _cell_distance(cls: CellClass, rng: np.random.Generator, radius_um: float, side: int, um_per_px: float) -> Floats:
    """Draw the distance to the membrane, negative inside: nearly a circle, some cells drawn out, some ragged."""
    axis = (np.arange(side, dtype=np.float32) - np.float32(side // 2)) * np.float32(um_per_px)
    angle = np.arctan2(axis[:, None], axis[None, :])
    spread = {"monocyte": 0.035, "lymphocyte": 0.02, "basophil": 0.025}.get(cls, 0.018)
    limit = 1.0 + np.zeros_like(angle)
    for order in (2, 3, 4, 5):
        weight = spread * (1.6 if order == 2 else 1.0)
        limit += np.float32(rng.normal(0.0, weight)) * np.cos(order * angle + np.float32(rng.uniform(0.0, 6.3)))
    distance = np.hypot(axis[:, None], axis[None, :]) - np.float32(radius_um) * np.clip(limit, 0.85, 1.18)
    low, high = {"monocyte": (0.04, 0.2), "lymphocyte": (0.03, 0.13), "basophil": (0.1, 0.14)}.get(cls, (0.04, 0.06))
    ragged = rng.uniform(low, high)
    rough = 0.6 * smooth_noise(rng, (side, side), 0.55, um_per_px) + smooth_noise(rng, (side, side), 1.3, um_per_px)
    return np.asarray(distance + ragged * rough, dtype=np.float32)


def _grow(patch: Floats, factor: float) -> Floats:
    """Enlarge a patch, keeping an odd side so that its middle is a pixel."""
    side = round(patch.shape[0] * factor) | 1
    return np.asarray(cv2.resize(patch, (side, side), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _strew(field: Floats, rng: np.random.Generator, um_per_px: float, stain: Stain, clear_um: float) -> None:
    """Strew red cells and platelets over a picture, none on its middle."""
    side_um = field.shape[0] * um_per_px
    rim = float(np.clip(rng.normal(0.1, 0.25), 0.0, 1.0))
    crowd = rng.uniform(0.005, 0.022)
    placed: list[tuple[float, float]] = []
    for _ in range(int(rng.poisson(crowd * 1.5 * (side_um + 8.0) ** 2))):
        x, y = (float(v) for v in rng.uniform(-4.0, side_um + 4.0, 2))
        clear = clear_um + 0.5 * RED_CELL_DIAMETER_UM
        near = 4.0 if rng.random() < 0.3 else 7.0
        if np.hypot(x - side_um / 2, y - side_um / 2) < clear or any(np.hypot(x - a, y - b) < near for a, b in placed):
            continue
        placed.append((x, y))
        diameter = rng.normal(RED_CELL_DIAMETER_UM, 0.35)
        patch = render_red_cell(rng, um_per_px=um_per_px, stain=stain, diameter_um=diameter, rim=rim)
        add_patch(field, patch, round(x / um_per_px), round(y / um_per_px))
    for _ in range(int(rng.poisson(0.0012 * side_um**2))):
        x, y = (float(v) for v in rng.uniform(0.0, side_um, 2))
        if np.hypot(x - side_um / 2, y - side_um / 2) > clear_um + 2.0:
            patch = render_platelet(rng, um_per_px=um_per_px, stain=stain)
            add_patch(field, patch, round(x / um_per_px), round(y / um_per_px))
