"""From optical density to a photograph: light, focus, flare, noise."""

from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np

from smearwatch.capture.arrays import Floats, Image

_FIELD_WIDTH_UM = 130.0


@dataclass(frozen=True, slots=True)
class Optics:
    """Lamp, condenser, focus and camera of one moment.

    Attributes
    ----------
    background_bgr
        Colour of the empty field at its brightest, 0-255.
    vignetting
        Share of light lost in the corners.
    cast_bgr
        Change of the light from one side of the field to the other, by channel.
    centre_xy
        Where the light is brightest, as a fraction of width and height.
    blur_um
        Standard deviation of the focus' blur on the slide.
    halo
        Strength of the bright and dark fringes at edges that a slightly wrong focus gives.
    flare
        Share of stray light that lies over everything; it makes dark things paler.
    noise
        Standard deviation of the camera's noise in grey values.
    """

    background_bgr: tuple[float, float, float] = (202.0, 230.0, 252.0)
    vignetting: float = 0.1
    cast_bgr: tuple[float, float, float] = (0.0, 0.0, 0.0)
    centre_xy: tuple[float, float] = (0.5, 0.5)
    blur_um: float = 0.08
    halo: float = 0.25
    flare: float = 0.01
    noise: float = 1.5

    @classmethod
    def draw(cls, rng: np.random.Generator, *, variation: float = 1.0) -> Self:
        """Draw another microscope: lamp colour, evenness, focus and camera drawn at random.

        Parameters
        ----------
        rng
            Source of randomness.
        variation
            0 gives the default optics, 1 the usual spread between microscopes.
        """
        base = np.array([205.0, 225.0, 238.0])
        level = rng.uniform(0.72, 1.04)
        tint = np.exp(variation * rng.normal(0.0, (0.12, 0.04, 0.06)))
        background = np.clip(base * (1.0 + variation * (level * tint - 1.0)), 70.0, 253.0)
        cast = variation * rng.normal(0.0, (0.05, 0.04, 0.05))
        return cls(
            background_bgr=(float(background[0]), float(background[1]), float(background[2])),
            vignetting=float(variation * rng.uniform(0.02, 0.30)),
            cast_bgr=(float(cast[0]), float(cast[1]), float(cast[2])),
            centre_xy=(float(rng.normal(0.5, 0.08)), float(rng.normal(0.5, 0.08))),
            blur_um=float(0.06 + variation * abs(rng.normal(0.0, 0.06))),
            halo=float(max(0.25 + variation * rng.normal(-0.12, 0.2), 0.0)),
            flare=float(variation * rng.uniform(0.0, 0.12)),
            noise=float(rng.uniform(0.8, 3.0)),
        )

    def within(self, width_um: float) -> Self:
        """Return the light of a small cut-out: of a whole field's unevenness it sees only its share."""
        share = min(width_um / _FIELD_WIDTH_UM, 1.0)
        cast = (self.cast_bgr[0] * share, self.cast_bgr[1] * share, self.cast_bgr[2] * share)
        return replace(self, vignetting=self.vignetting * share, cast_bgr=cast)


def expose(od_bgr: Floats, optics: Optics, rng: np.random.Generator, *, um_per_px: float) -> Image:
    """Photograph a field.

    Parameters
    ----------
    od_bgr
        float32 [height, width, 3], optical density (natural logarithm).
    optics
        Light, focus and camera.
    rng
        Source of the camera's noise.
    um_per_px
        Scale.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 3], BGR.
    """
    light = cv2.exp(-od_bgr)
    sigma_px = optics.blur_um / um_per_px
    if sigma_px > 0.3:
        light = cv2.GaussianBlur(light, (0, 0), sigma_px)
    if optics.halo > 0.02:
        wide = cv2.GaussianBlur(light, (0, 0), 0.35 / um_per_px)
        light = cv2.addWeighted(light, 1.0 + optics.halo, wide, -optics.halo, 0.0)
    lamp = _lamp(od_bgr.shape[0], od_bgr.shape[1], optics)
    photo = light * np.float32(1.0 - optics.flare) + np.float32(optics.flare)
    photo *= lamp
    photo += rng.standard_normal(photo.shape, dtype=np.float32) * np.float32(optics.noise)
    # Rounding to the nearest and saturating in one pass.
    return np.asarray(cv2.convertScaleAbs(np.maximum(photo, 0.0)), dtype=np.uint8)


def _lamp(height: int, width: int, optics: Optics) -> Floats:
    """Draw the light over the empty field, float32 [height, width, 3]: a bowl times a slope, drawn small and grown."""
    rows, cols = 24, 24
    x = (np.linspace(0.0, 1.0, cols, dtype=np.float32) - np.float32(optics.centre_xy[0]))[None, :]
    y = (np.linspace(0.0, 1.0, rows, dtype=np.float32) - np.float32(optics.centre_xy[1]))[:, None]
    bowl = 1.0 - np.float32(optics.vignetting) * np.minimum((x**2 + y**2) / 0.5, 1.6)
    slope = (x + 0.5 * y)[:, :, None] * np.asarray(optics.cast_bgr, np.float32)
    small = bowl[:, :, None] * (1.0 + slope) * np.asarray(optics.background_bgr, np.float32)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
