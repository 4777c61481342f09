"""Nuclei that a search may take for a leukocyte's: those of burst cells and of young red cells."""

import cv2
import numpy as np

from smearwatch.capture.arrays import Floats
from smearwatch.capture.slide.cytoplasm import layer
from smearwatch.capture.slide.stain import Stain
from smearwatch.capture.slide.texture import smooth_noise, soft_step
from smearwatch.capture.slide.thing import REACH_UM, RenderedThing, axes

_SMUDGE_OD = (0.34, 1.32, 0.72)  # chromatin spread thin, redder than in a whole nucleus


def render_smudge(rng: np.random.Generator, um_per_px: float, stain: Stain) -> RenderedThing:
    """Draw a burst cell: bare chromatin spread to a cloud with strands along the smear and an edge that frays."""
    x, y = axes(REACH_UM["smudge"], um_per_px)
    shape = (y.shape[0], x.shape[1])
    turn, stretch = rng.uniform(0.0, np.pi), rng.uniform(1.0, 1.35)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    radius, tail, drawn_out = rng.uniform(4.6, 7.4), rng.uniform(0.0, 0.4), rng.uniform(0.0, 1.0)
    width = 1.0 + tail * np.clip(along / (radius * stretch), -0.9, 1.0)
    rho = np.hypot(along / stretch, across * stretch / width) / radius
    strands, net = _strands(rng, along, um_per_px), smooth_noise(rng, shape, 1.0, um_per_px)
    fray = drawn_out * strands + (1.0 - 0.6 * drawn_out) * net
    rho = rho + 0.14 * smooth_noise(rng, shape, 4.5, um_per_px) + 0.09 * fray * soft_step(rho, 0.4, 1.0)
    rho = np.clip(rho + 0.04 * smooth_noise(rng, shape, 0.6, um_per_px), 0.0, 4.0).astype(np.float32)
    # The cloud thins outwards and ends in a veil.
    body = soft_step(rho, 1.12, 0.72) * (0.62 + 0.38 * soft_step(rho, 1.0, 0.2))
    lumps = 1.0 + 0.13 * fray + 0.13 * smooth_noise(rng, shape, 1.8, um_per_px)
    holes = soft_step(smooth_noise(rng, shape, 2.6, um_per_px), 1.2, 2.0) * rng.uniform(0.2, 0.6)
    strength = body * np.clip(lumps, 0.3, 1.5) * (1.0 - holes) * rng.uniform(0.65, 1.05)
    tint = np.asarray(stain.chromatin) / np.asarray(Stain().chromatin)
    blue, green, red = (float(v) for v in np.asarray(_SMUDGE_OD) * tint)
    veil = np.asarray(0.75 * body, np.float32)
    return RenderedThing(layer(strength.astype(np.float32), (blue, green, red)), veil, soft_step(rho, 1.04, 0.98))


def _strands(rng: np.random.Generator, along: Floats, um_per_px: float) -> Floats:
    """Draw noise stretched along one direction, mean about 0 and spread about 1."""
    side = along.shape[0]
    grain = rng.standard_normal((side, side), dtype=np.float32)
    turn = float(np.degrees(np.arctan2(along[side // 2 + 1, side // 2], along[side // 2, side // 2 + 1])))
    drawn = cv2.GaussianBlur(grain, (0, 0), sigmaX=1.6 / um_per_px, sigmaY=0.3 / um_per_px)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), -turn, 1.0)
    drawn = cv2.warpAffine(drawn, matrix, (side, side), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(drawn / max(float(drawn.std()), 1e-6), dtype=np.float32)


def render_erythroblast(rng: np.random.Generator, um_per_px: float, stain: Stain) -> RenderedThing:
    """Draw a nucleated red cell: a round dense nucleus, mostly off the middle, in pink to greyish cytoplasm."""
    x, y = axes(REACH_UM["erythroblast"], um_per_px)
    shape = (y.shape[0], x.shape[1])
    radius = rng.uniform(3.9, 4.9)
    angle = np.arctan2(y, x)
    limit = 1.0 + sum(rng.normal(0.0, 0.02) * np.cos(k * angle + rng.uniform(0.0, 6.3)) for k in (2, 3, 4))
    cell_um = (np.hypot(x, y) - radius * limit + 0.05 * smooth_noise(rng, shape, 0.9, um_per_px)).astype(np.float32)
    inner = radius * rng.uniform(0.5, 0.64)
    away, where = rng.uniform(0.0, 0.8) * (radius - inner - 0.4), rng.uniform(0.0, 2.0 * np.pi)
    nucleus_um = np.hypot(x - away * np.cos(where), y - away * np.sin(where)) - inner
    nucleus_um = (nucleus_um + 0.08 * smooth_noise(rng, shape, 1.4, um_per_px)).astype(np.float32)
    cover, nuclear = soft_step(cell_um, 0.14, -0.14), soft_step(nucleus_um, 0.13, -0.13)
    # The younger the cell, the more of its cytoplasm is still blue.
    young = rng.uniform(0.1, 0.75)
    ground = (1.05 + 0.06 * smooth_noise(rng, shape, 1.2, um_per_px)).astype(np.float32)
    rim = (1.0 + 0.15 * np.exp(-(((cell_um + 0.35) / 0.3) ** 2))).astype(np.float32)
    od = layer(ground * rim * np.float32(1.0 - 0.55 * young), stain.haemoglobin)
    od = od + layer(ground * rim * np.float32(0.85 * young), stain.lymphocyte_cytoplasm)
    clumps = soft_step(smooth_noise(rng, shape, 0.75, um_per_px), -0.1, 0.9)
    chromatin = layer((1.2 - (0.14 + 0.3 * young) * clumps).astype(np.float32), stain.chromatin)
    od = (od + (chromatin - od) * nuclear[:, :, None]) * cover[:, :, None]
    return RenderedThing(np.asarray(od, np.float32), cover, cover)
