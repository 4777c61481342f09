"""A round field on a dark, even ground, as a telephone sees it through the eyepiece: work is done inside it alone.

What lies outside is filled with the field's own background, so that neither its black nor its rim is taken for
anything; what the rim cuts is cut as by the border of a picture. What is measured of a field is measured inside.
"""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Flags, Image
from smearwatch.capture.vision.light import WHITE, FieldLight, at_work_scale
from smearwatch.capture.vision.rim import detail_beyond, faintly_seen
from smearwatch.capture.vision.segment import Segmentation

_SMALL_PX: Final = 240
_DARK: Final = 0.25  # of the field's brightness
_GREYEST: Final = 0.42  # of it; a surround may be grey or brown and not quite black
_ABOVE_SURROUND: Final = 0.15  # of it: as dark as the surround
_STEP: Final = (
    0.3  # of it, from the surround to what lies within the rim; fields that darken to their corners have less
)
_ABOVE_GROUND: Final = 0.1  # of it: still of a surround that is paler or goes from dark to grey
_STEP_FROM_GROUND: Final = 0.15  # of it, from there to what lies within the rim
_PALEST_GROUND: Final = 0.75  # of it
_QUIET: Final = 0.08  # of it: so little an even surround differs from a plane
_QUIET_PERCENT, _QUIET_AROUND, _LEAST_QUIET = 70, 90, 0.5  # of the border and of what is around the disc
_CORNER_PX: Final = 6
_BRIGHT_PERCENT: Final = 98  # the disc may be a twentieth of the picture
_LEAST_DARK: Final = 0.05  # of the picture; a round field in a square one leaves 0.21, a cut one less
_CORNERS: Final = 3
_ROUND: Final = 0.03  # of the radius, the rim's median distance from the circle
_FILLED: Final = 0.90  # of the circle inside the picture
_LEAST_RADIUS: Final = 0.1  # of the picture's longer side
_LEAST_RIM: Final = 24  # points of it that are seen
_LIT: Final = 0.7  # of the brightness inside, from where on the rim's shade begins
_BACKGROUND_PERCENT: Final = 60
_LEAST_WEIGHT: Final = 1e-3  # of the mean background: far from the disc nothing else is left
_LEAST_DETAIL: Final = 0.24  # of that inside: cells, or noise, beyond the rim
_RIM_UM: Final = 1.0  # as near as this to the rim, a cell may be cut


@dataclass(frozen=True, slots=True)
class RoundField:
    """The lit disc of a picture, in pixels, without the shade of its rim.

    ``faint_share`` is the share of the picture in which cells are faintly seen beyond it, and not searched.
    """

    centre_xy_px: tuple[float, float]
    radius_px: float
    faint_share: float = 0.0

    def enlarged(self, times: float) -> "RoundField":
        """Return the same disc in pixels of a picture that is so many times as large."""
        return RoundField((self.centre_xy_px[0] * times, self.centre_xy_px[1] * times), self.radius_px * times)

    def cuts(self, box: tuple[int, int, int, int], margin_px: float) -> bool:
        """Return whether the rim may cut what lies in a box (x, y, width, height)."""
        x, y, width, height = box
        turn = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
        across = x + width / 2 * (1 + np.cos(turn)) - self.centre_xy_px[0]
        down = y + height / 2 * (1 + np.sin(turn)) - self.centre_xy_px[1]
        return bool(np.hypot(across, down).max() >= self.radius_px - margin_px)


def find_round_field(bgr: Image) -> RoundField | None:
    """Find a lit disc on a ground that is black, or even and darker.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].

    Returns
    -------
    RoundField or None
        None where the picture is lit to its corners, or what is lit is no disc, or cells are well seen beyond it.
    """
    disc = _lit_disc(bgr)
    return None if disc is None else _with_nothing_beyond(bgr, disc)


def falls_off_in_a_disc(bgr: Image) -> bool:
    """Return whether a picture is lit in a disc, and cells are well seen beyond: through a half-closed diaphragm.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    """
    disc = _lit_disc(bgr)
    return disc is not None and _with_nothing_beyond(bgr, disc) is None


def _lit_disc(bgr: Image) -> RoundField | None:
    """Return a disc that is brighter than what is around it, whatever is seen there."""
    if (small := _small(bgr)) is None:
        return None
    shrunk = _SMALL_PX / max(bgr.shape[:2])
    bright = float(np.percentile(small, _BRIGHT_PERCENT))
    surround = _surround_level(small)
    if surround < _GREYEST * bright:
        dark = small < max(_DARK * bright, surround + _ABOVE_SURROUND * bright)
        if (disc := _disc_within(small, dark, surround + _STEP * bright)) is not None:
            return disc.enlarged(1.0 / shrunk)
    ground = _even_ground(small, bright)
    if ground is None:
        return None
    risen = small - ground
    disc = _disc_within(small, risen < _ABOVE_GROUND * bright, None)
    if disc is None or not _has_sharp_rim(risen, disc, bright):
        return None
    return disc.enlarged(1.0 / shrunk)


def _with_nothing_beyond(bgr: Image, disc: RoundField) -> RoundField | None:
    """Return a disc beyond which no cells are seen; a light that falls off has them on both sides of its edge."""
    detail = detail_beyond(bgr, disc.centre_xy_px, disc.radius_px)
    faint_share = faintly_seen(bgr, disc.centre_xy_px, disc.radius_px)
    if detail is not None and detail >= _LEAST_DETAIL and faint_share > 0.0:  # else it is a camera's noise
        return None
    return replace(disc, faint_share=faint_share)


def _disc_within(small: npt.NDArray[np.uint8], dark: Flags, least: float | None) -> RoundField | None:
    """Return the disc that is left of a small picture without what is dark, if it is one, and as bright at its rim."""
    if dark.mean() < _LEAST_DARK:
        return None
    outside = _touching_the_border(dark)
    if sum(bool(outside[y, x]) for y in (0, -1) for x in (0, -1)) < _CORNERS:
        return None
    rim = _rim_of(~outside)
    if len(rim) < _LEAST_RIM:
        return None
    centre, radius = _fit_circle(rim)
    away = np.hypot(*(rim - centre).T)
    y, x = np.mgrid[: small.shape[0], : small.shape[1]]
    from_centre = np.hypot(x - centre[0], y - centre[1])
    disc = from_centre < radius
    is_disc = (
        radius >= _LEAST_RADIUS * max(small.shape)
        and float(np.median(np.abs(away - radius))) <= _ROUND * radius
        and float((~outside)[disc].mean()) >= _FILLED
        and float(outside[~disc].mean()) >= _FILLED
        and (least is None or float(np.median(small[disc & (from_centre > 0.85 * radius)])) >= least)
    )
    if not is_disc:
        return None
    return RoundField((float(centre[0]), float(centre[1])), _lit_radius(small, from_centre, radius))


def _even_ground(small: npt.NDArray[np.uint8], bright: float) -> npt.NDArray[np.float64] | None:
    """Return a surround that is no darker than grey as a plane through what lies at the border; None without one."""
    at_border = np.ones(small.shape, np.bool_)
    at_border[_CORNER_PX:-_CORNER_PX, _CORNER_PX:-_CORNER_PX] = False
    y, x = np.nonzero(at_border)
    terms = np.column_stack((np.ones(len(x)), x / small.shape[1], y / small.shape[0]))
    level = small[at_border].astype(np.float64)
    kept = level <= np.percentile(level, _QUIET_PERCENT)
    of_plane = np.zeros(3)
    for _ in range(4):
        if kept.sum() < _LEAST_QUIET * len(level):
            return None
        of_plane = np.linalg.solve(terms[kept].T @ terms[kept] + 1e-6 * np.eye(3), terms[kept].T @ level[kept])
        kept = np.abs(level - terms @ of_plane) <= _QUIET * bright
    if kept.sum() < _LEAST_QUIET * len(level) or float(np.median(level[kept])) >= _PALEST_GROUND * bright:
        return None
    y, x = np.ogrid[: small.shape[0], : small.shape[1]]
    return np.asarray(of_plane[0] + of_plane[1] * x / small.shape[1] + of_plane[2] * y / small.shape[0])


def _has_sharp_rim(risen: npt.NDArray[np.float64], disc: RoundField, bright: float) -> bool:
    """Return whether the picture is even around a disc, and brightens within a part of its radius."""
    y, x = np.mgrid[: risen.shape[0], : risen.shape[1]]
    away = np.hypot(x - disc.centre_xy_px[0], y - disc.centre_xy_px[1]) / disc.radius_px
    around, inside = risen[(away > 1.12) & (away < 1.3)], risen[(away > 0.85) & (away < 0.97)]
    if around.size < _LEAST_RIM or inside.size < _LEAST_RIM:
        return False
    even = float(np.percentile(np.abs(around), _QUIET_AROUND)) <= _QUIET * bright
    return even and float(np.median(inside)) >= _STEP_FROM_GROUND * bright


def may_be_round(bgr: Image) -> bool:
    """Return whether most of a picture's border is an even ground darker than what is within, as around a round field.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    """
    if (small := _small(bgr)) is None:
        return False
    return _even_ground(small, float(np.percentile(small, _BRIGHT_PERCENT))) is not None


def _small(bgr: Image) -> npt.NDArray[np.uint8] | None:
    """Return the brightest colour of each place of a small copy; None of a picture that has no room for a disc."""
    shrunk = _SMALL_PX / max(bgr.shape[:2])
    if shrunk >= 1.0 or min(bgr.shape[:2]) * shrunk < _CORNER_PX:
        return None
    every = max(1, int(0.5 / shrunk))  # few pixels show whether it is dark; all of them take longer to shrink
    coarse = np.ascontiguousarray(bgr[::every, ::every])
    size = (round(bgr.shape[1] * shrunk), round(bgr.shape[0] * shrunk))
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_AREA).max(axis=2), dtype=np.uint8)


def without_surround(bgr: Image, field: RoundField | None) -> Image:
    """Return a picture with the ground around its round field filled with the field's background; as it is without one.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    field
        From `find_round_field`.
    """
    if field is None:
        return bgr
    height, width = bgr.shape[:2]
    shrunk = _SMALL_PX / max(height, width)
    small = cv2.resize(bgr, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA).astype(np.float32)
    inside = _disc(small.shape[:2], field, shrunk)
    brightness = small.min(axis=2)
    ground = inside & (brightness >= np.percentile(brightness[inside], _BACKGROUND_PERCENT))
    weight = cv2.GaussianBlur(ground.astype(np.float32), (0, 0), field.radius_px * shrunk / 3.0)[..., None]
    light = cv2.GaussianBlur(small * ground[..., None], (0, 0), field.radius_px * shrunk / 3.0)
    light = (light + _LEAST_WEIGHT * small[ground].mean(axis=0)) / (weight + _LEAST_WEIGHT)
    filled = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
    kept = _disc((height, width), field, 1.0)[..., None]
    return np.where(kept, bgr, np.clip(filled, 0, 255).astype(np.uint8))


def around(bgr: Image, field: RoundField | None, *, scale: float = 1.0) -> Image:
    """Return the part of a picture that just holds its round field, a view; all of it without one.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    field
        From `find_round_field`.
    scale
        Width of `bgr` by that of the picture in which the field was found.
    """
    if field is None:
        return bgr
    (x, y), radius = field.centre_xy_px, field.radius_px
    left, top, right, bottom = (round(each * scale) for each in (x - radius, y - radius, x + radius, y + radius))
    return bgr[max(0, top) : max(1, bottom), max(0, left) : max(1, right)]


def blank_surround(flat_bgr: Image, field: RoundField | None, *, scale: float) -> tuple[Image, Flags | None]:
    """Return a flattened picture with nothing but white around its round field, and where that is seen.

    Parameters
    ----------
    flat_bgr
        uint8 [height, width, 3], background at `smearwatch.capture.vision.light.WHITE`.
    field
        From `find_round_field`.
    scale
        Width of `flat_bgr` by that of the picture in which the field was found.

    Returns
    -------
    tuple
        uint8 [height, width, 3] and bool [height, width]; the picture itself and None without a round field.
    """
    if field is None:
        return flat_bgr, None
    seen = _disc(flat_bgr.shape[:2], field, scale)
    return np.where(seen[..., None], flat_bgr, np.uint8(WHITE)), seen


@dataclass(frozen=True, slots=True)
class FlatField:
    """A field with the light taken out, at the working scale; of a round one its disc alone, on white.

    Attributes
    ----------
    work, um_per_px
        uint8 [h, w, 3], and its scale.
    light
        Of the field.
    seen
        bool [h, w], where the field is seen; None: everywhere.
    """

    work: Image
    um_per_px: float
    light: FieldLight
    seen: Flags | None


def flatten_inside(bgr: Image, field: RoundField | None, um_per_px: float) -> FlatField:
    """Take the light out of a field, by what is seen of it.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3], from `without_surround`.
    field
        From `find_round_field`.
    um_per_px
        Scale of `bgr`.
    """

    def seen_of(copy: Image) -> Flags | None:
        return None if field is None else _disc(copy.shape[:2], field, copy.shape[1] / bgr.shape[1])

    work, work_um_per_px, light = at_work_scale(bgr, um_per_px, seen=seen_of)
    work, seen = blank_surround(work, field, scale=work.shape[1] / bgr.shape[1])
    return FlatField(work, work_um_per_px, light, seen)


def cut_by_rim(segmentation: Segmentation, field: RoundField | None, um_per_px: float) -> Segmentation:
    """Return what was found with the cells that the rim of a round field may cut as such.

    Parameters
    ----------
    segmentation
        What was found in the picture.
    field
        From `find_round_field`.
    um_per_px
        Scale of the picture.
    """
    if field is None:
        return segmentation
    cells = (
        replace(cell, at_edge=True, nucleus=None) if field.cuts(cell.box, _RIM_UM / um_per_px) else cell
        for cell in segmentation.cells
    )
    return replace(segmentation, cells=tuple(cells))


def _disc(shape: tuple[int, ...], field: RoundField, scale: float) -> npt.NDArray[np.bool_]:
    y, x = np.ogrid[: shape[0], : shape[1]]
    across, down = x - field.centre_xy_px[0] * scale, y - field.centre_xy_px[1] * scale
    disc: npt.NDArray[np.bool_] = across * across + down * down < (field.radius_px * scale) ** 2
    return disc


def _surround_level(small: npt.NDArray[np.uint8]) -> float:
    """Return the brightness of the corners, without the brightest of them: the field may reach into one."""
    ends = (slice(None, _CORNER_PX), slice(-_CORNER_PX, None))
    return float(sorted(np.median(small[rows, columns]) for rows in ends for columns in ends)[_CORNERS - 1])


def _touching_the_border(dark: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    _, labels = cv2.connectedComponents(dark.astype(np.uint8))
    at_border = np.unique(np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1])))
    return np.asarray(np.isin(labels, at_border[at_border > 0]))


def _rim_of(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the points of the largest part's outline that are not at the picture's border, [n, 2] as x, y."""
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return np.empty((0, 2))
    points = max(contours, key=cv2.contourArea)[:, 0].astype(np.float64)
    height, width = inside.shape
    within = (points > 1).all(axis=1) & (points[:, 0] < width - 2) & (points[:, 1] < height - 2)
    return np.asarray(points[within])


def _fit_circle(points: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], float]:
    """Fit a circle to points in the least squares of its equation (Kasa, 1976)."""
    system = np.column_stack((2.0 * points, np.ones(len(points))))
    (x, y, rest), *_ = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)
    return np.array([x, y]), float(np.sqrt(max(0.0, rest + x * x + y * y)))


def _lit_radius(small: npt.NDArray[np.uint8], from_centre: npt.NDArray[np.float64], radius: float) -> float:
    """Return from where on, coming from the rim, a ring is as bright as the inside, nearly."""
    inside = float(np.median(small[from_centre < 0.7 * radius]))
    ring = radius
    while ring > 0.7 * radius:
        at_ring = small[(from_centre >= ring - 1.0) & (from_centre < ring)]
        if at_ring.size and float(np.median(at_ring)) >= _LIT * inside:
            break
        ring -= 1.0
    return ring - 1.0
