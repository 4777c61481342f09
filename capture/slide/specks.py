"""Platelets that are not as they should be, and dirt of the stain."""

import cv2
import numpy as np

from smearwatch.capture.arrays import Mask, Points
from smearwatch.capture.slide.background import add_patch, render_platelet
from smearwatch.capture.slide.cytoplasm import layer
from smearwatch.capture.slide.stain import Stain
from smearwatch.capture.slide.texture import granules, smooth_noise, soft_step
from smearwatch.capture.slide.thing import REACH_UM, RenderedThing, axes

_PRECIPITATE_OD = (1.05, 2.1, 1.75)  # violet-black: dye that fell out, thicker than any nucleus


def render_platelet_clump(rng: np.random.Generator, um_per_px: float, stain: Stain) -> RenderedThing:
    """Draw a heap of platelets that stick together, each still distinct, in a pale common ground."""
    x, y = axes(REACH_UM["platelet_clump"], um_per_px)
    shape = (y.shape[0], x.shape[1])
    count = int(np.clip(rng.lognormal(np.log(17.0), 0.6), 5, 70))
    limit = REACH_UM["platelet_clump"] - 3.0
    od, ground = np.zeros((*shape, 3), np.float32), np.full(shape, 9.0, np.float32)
    places = [np.zeros(2)]
    while len(places) < count:
        # Each new one sticks to one that is there already, mostly to a late one, so that the heap has arms.
        base = places[int(len(places) * rng.beta(1.4, 1.0))]
        turn = rng.uniform(0.0, 2.0 * np.pi)
        place = base + rng.uniform(1.3, 2.3) * np.array([np.cos(turn), np.sin(turn)])
        if np.hypot(*place) > limit:
            place = np.zeros(2)
        places.append(place)
    middle = np.mean(places, axis=0)
    for place in places:
        away = np.clip(place - middle, -limit, limit)
        column, row = (round(float(v) / um_per_px) + shape[0] // 2 for v in away)
        add_patch(od, render_platelet(rng, um_per_px=um_per_px, stain=stain), column, row)
        np.minimum(ground, np.hypot(x - away[0], y - away[1]), out=ground)
    ground = ground + 0.25 * smooth_noise(rng, shape, 1.1, um_per_px)
    pale = soft_step(ground.astype(np.float32), 1.75, 1.25)
    faint = rng.uniform(0.12, 0.3)
    od += layer((pale * faint).astype(np.float32), stain.platelet)
    # Platelets at the heap's edge reach out of the common ground.
    return RenderedThing(od, 0.3 * pale, np.maximum(pale, soft_step(od[:, :, 1], 0.1, 0.3)))


def render_giant_platelet(rng: np.random.Generator, um_per_px: float, stain: Stain) -> RenderedThing:
    """Draw a platelet as large as a red cell: pale blue-grey with purple granules, crowded towards its middle."""
    x, y = axes(REACH_UM["giant_platelet"], um_per_px)
    shape = (y.shape[0], x.shape[1])
    radius, turn, stretch = rng.uniform(2.0, 3.9), rng.uniform(0.0, np.pi), rng.uniform(1.0, 1.25)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    rho = np.hypot(along / stretch, across * stretch) / radius
    rho = (rho + 0.08 * smooth_noise(rng, shape, 1.5, um_per_px)).astype(np.float32)
    rho = (rho + 0.04 * smooth_noise(rng, shape, 0.6, um_per_px)).astype(np.float32)
    body = soft_step(rho, 1.05, 0.93)
    crowd = soft_step(rho, 1.0, rng.uniform(0.2, 0.6)) * soft_step(smooth_noise(rng, shape, 1.8, um_per_px), -1.2, 0.6)
    dust = granules(rng, shape, 5.0, (0.28, 0.42), um_per_px) * (0.25 + 0.75 * crowd)
    grey = (0.42 + 0.08 * smooth_noise(rng, shape, 0.8, um_per_px)).astype(np.float32) * body
    od = layer(grey.astype(np.float32), stain.lymphocyte_cytoplasm)
    strength = body * (0.8 * dust + 0.28 * crowd) * rng.uniform(0.7, 1.1)
    od = od + layer(strength.astype(np.float32), stain.platelet)
    return RenderedThing(np.asarray(od, np.float32), 0.5 * body, body)


def render_precipitate(rng: np.random.Generator, um_per_px: float, stain: Stain) -> RenderedThing:
    """Draw dye that fell out: violet-black grains of all sizes, strewn or caked, over whatever lies below."""
    side = axes(REACH_UM["precipitate"], um_per_px)[1].shape[0]
    spread = float(np.clip(rng.lognormal(np.log(2.4), 0.6), 0.5, 6.0))
    count = int(np.clip(rng.lognormal(np.log(8.0 + 4.0 * spread), 0.7), 1, 120))
    grains, drawn = np.zeros((side, side), np.float32), np.zeros((side, side), np.uint8)
    centres = rng.normal(0.0, spread, (1 + count // 12, 2))
    for _ in range(count):
        # Sizes fall off by a power: many specks, now and then a lump as large as a nucleus' lobe.
        radius = float(np.clip(0.17 * (1.0 - rng.random()) ** -0.5, 0.17, 1.7))
        # Some grains cake together, the others lie about.
        near = centres[rng.integers(len(centres))] + rng.normal(0.0, 0.7, 2)
        away = np.clip(near if rng.random() < 0.6 else rng.normal(0.0, spread, 2), -10.5, 10.5)
        drawn[:] = 0
        _paint_grain(drawn, rng, away / um_per_px, radius / um_per_px)
        thick = float(np.clip(0.5 + 0.5 * radius, 0.5, 1.0)) * rng.uniform(0.75, 1.0)
        np.maximum(grains, drawn * np.float32(thick), out=grains)
    soft = cv2.GaussianBlur(grains, (0, 0), max(0.11 / um_per_px, 0.6))
    strength = soft * (1.0 + 0.08 * smooth_noise(rng, (side, side), 0.5, um_per_px))
    tint = np.clip(np.asarray(stain.chromatin) / np.asarray(Stain().chromatin), 0.8, 1.25)
    blue, green, red = (float(v) for v in np.asarray(_PRECIPITATE_OD) * tint)
    extent = (soft > 0.25 * max(float(soft.max()), 1e-6)).astype(np.float32)
    nothing = np.zeros((side, side), np.float32)
    return RenderedThing(layer(strength.astype(np.float32), (blue, green, red)), nothing, extent)


def _paint_grain(mask: Mask, rng: np.random.Generator, away_px: Points, radius_px: float) -> None:
    """Paint one grain: nearly a disc, the larger the more uneven."""
    unit, bits = 16, 4
    angles = np.arange(14) * (2.0 * np.pi / 14)
    uneven = sum(rng.normal(0.0, 0.09) * np.cos(k * angles + rng.uniform(0.0, 6.3)) for k in (2, 3, 4, 5))
    reach = radius_px * (1.0 + np.clip(uneven, -0.4, 0.4))
    middle = away_px + mask.shape[0] // 2
    points = middle + np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=1)
    cv2.fillPoly(mask, [np.round(points * unit).astype(np.int32)], 1, cv2.LINE_8, bits)
