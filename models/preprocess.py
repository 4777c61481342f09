"""From a 750x750 crop to the tensor that the networks see: the only place, for training and serving alike.

Two steps, so that training can augment between them: ``shrink`` brings a crop to the networks' scale (uint8, the
whole field), ``view`` cuts the centre out and ``to_tensor`` turns such pictures into normalised floats.
"""

from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch.nn import functional

CROP_PX = 750
CROP_UM = 33.0
WHITE = 235
"""Grey level of the empty background in every crop."""

_LEAST = 2.0 / 255.0  # anything darker counts as black
_CENTRE_MARGIN = 0.2  # of the view, left out at each side: what stands there is seldom the cell
_CENTRE_PX = 24  # the centre is averaged to so many pixels a side, so that noise and granules do not set the measure
_DARKEST_SHARE = 0.97
_FAINTEST = 0.12  # optical density below which a channel holds noise rather than stain
_DENSITY_MEAN, _DENSITY_STD = 0.3, 0.35
_DENSITY_LIMITS = (-0.5, 2.0)

_AROUND_PX = 32  # the surroundings are averaged to so many pixels a side, less than a micrometre each
_CELL_SHARE = 0.62  # of half the view: within this radius stands the cell itself
_RED_MEAN, _RED_GREEN = 0.12, 0.75  # relative density of a red cell: above the one on average, below the other in green
_RED_BGR = (0.41, 0.15, 0.16)  # relative density that red cells are brought to, that of a May-Gruenwald-Giemsa scanner
_RED_LIMITS = (0.03, 0.75)
_RED_DOUBT = 0.02  # share of the view that red cells must exceed by far before they are believed
_LEVELS = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 1, 256, 3)  # of grey: a picture of one row


Bgr = tuple[float, float, float]


class Stain(BaseModel):
    """Optical densities (natural logarithm) in blue, green and red of nuclei and of red cells: a laboratory's stain.

    ``red_cell_um`` is the diameter of the red cells by the scale in use, None where it is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    nucleus_bgr: Bgr
    red_cells_bgr: Bgr
    red_cell_um: float | None = Field(default=None, gt=0.0)


class Preprocessing(BaseModel):
    """What turns a crop into a network's input.

    Attributes
    ----------
    crop_px, crop_um
        Side of a crop in pixels and the field that it covers in micrometres.
    field_px
        Side of the shrunken whole crop, at the networks' scale.
    view_px
        Side of the centred view that the ResNet sees; the verifiers see the same view, halved, and need 36 of its px.
    mean_bgr, std_bgr
        Subtracted from and divided into the 0..1 values, channel by channel.
    stain
        "density": instead of intensities the networks see optical density, each channel divided by that of the
        darkest part of the cell, its nucleus, so that a pale or bluish stain looks like a strong or violet one.
        "red_cells": this density is bent, channel by channel, until the red cells around stand where they always do,
        for cameras render what lies between the background and the nucleus by curves of their own.
    reference_stain
        The stain, and where it names one the size of red cells, that a session's are brought to before anything else,
        see `smearwatch.models.reference_stain`; None for weights that see cells as photographed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    crop_px: int = CROP_PX
    crop_um: float = CROP_UM
    field_px: int = Field(default=176, ge=72, le=CROP_PX)
    view_px: int = Field(default=128, ge=72, le=CROP_PX)
    mean_bgr: tuple[float, float, float] = (0.80, 0.71, 0.77)
    std_bgr: tuple[float, float, float] = (0.14, 0.23, 0.19)
    stain: Literal["density", "red_cells"] | None = None
    reference_stain: Stain | None = None

    @model_validator(mode="after")
    def _view_fits(self) -> "Preprocessing":
        if self.view_px > self.field_px:
            msg = f"view_px {self.view_px} is larger than field_px {self.field_px}"
            raise ValueError(msg)
        if min(self.std_bgr) <= 0:
            msg = "std_bgr holds a value that is not positive"
            raise ValueError(msg)
        return self

    @property
    def um_per_px(self) -> float:
        """Scale of the shrunken field and of the view, in micrometres per pixel."""
        return self.crop_um / self.field_px


SHRINK_VERSION = 1
"""Raise it with every change by which `shrink` gives other pixels; what was shrunken by another one is made anew."""


def shrink(crop_bgr: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Bring one crop to the networks' scale.

    Parameters
    ----------
    crop_bgr : uint8 array of shape [crop_px, crop_px, 3]
        A crop, light already flattened.
    preprocessing : Preprocessing
        The sizes.

    Returns
    -------
    uint8 array of shape [field_px, field_px, 3]

    Raises
    ------
    ValueError
        Where the crop's shape or type is another one.
    """
    side = preprocessing.crop_px
    if crop_bgr.shape != (side, side, 3) or crop_bgr.dtype != np.uint8:
        msg = f"a crop must be uint8 [{side}, {side}, 3], not {crop_bgr.dtype} {list(crop_bgr.shape)}"
        raise ValueError(msg)
    size = (preprocessing.field_px, preprocessing.field_px)
    return np.asarray(cv2.resize(crop_bgr, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def view(field_bgr: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Cut the centred view out of a shrunken field.

    Parameters
    ----------
    field_bgr : uint8 array of shape [..., field_px, field_px, 3]
    preprocessing : Preprocessing

    Returns
    -------
    uint8 array of shape [..., view_px, view_px, 3]
    """
    start = (preprocessing.field_px - preprocessing.view_px) // 2
    stop = start + preprocessing.view_px
    return field_bgr[..., start:stop, start:stop, :]


def normalise(pictures: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """Bring 0..1 pictures to the range and, where wanted, to the stain that the networks know; each picture by itself.

    Parameters
    ----------
    pictures : float tensor of shape [n, 3, h, w], BGR, 0..1

    Returns
    -------
    float tensor of the same shape
    """
    if preprocessing.stain is not None:
        density = _density(pictures)
        density = density / _darkest(density)
        if preprocessing.stain == "red_cells":
            density = _bend(density, _power_of_red_cells(density))
        return _standardised(density)
    mean = torch.tensor(preprocessing.mean_bgr, device=pictures.device).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std_bgr, device=pictures.device).view(1, 3, 1, 1)
    return (pictures - mean) / std


def normalise_views(views_bgr: NDArray[np.uint8], preprocessing: Preprocessing) -> torch.Tensor:
    """Do what `to_tensor` and `normalise` do, to the byte, in half the time.

    What happens to a grey level depends on its channel alone, once a picture's nucleus and red cells are measured: so
    it is done to a table of 256 levels, and looked up.

    Parameters
    ----------
    views_bgr : uint8 array of shape [n, h, w, 3], n at least 1

    Returns
    -------
    float tensor of shape [n, 3, h, w], channels last in memory
    """
    done = [_by_tables(each, preprocessing) for each in views_bgr]
    return done[0] if len(done) == 1 else torch.cat(done)


def _by_tables(view_bgr: NDArray[np.uint8], preprocessing: Preprocessing) -> torch.Tensor:
    # Levels lie in memory as pictures do, so that torch takes the same way through them.
    levels = to_tensor(_LEVELS)
    if preprocessing.stain is None:
        return _look_up(view_bgr, normalise(levels, preprocessing))
    table = _density(levels)
    table = table / _darkest(_look_up(view_bgr, table))
    if preprocessing.stain == "red_cells":
        table = _bend(table, _power_of_red_cells(_look_up(view_bgr, table)))
    return _look_up(view_bgr, _standardised(table))


def _look_up(view_bgr: NDArray[np.uint8], table: torch.Tensor) -> torch.Tensor:
    """Return the picture [1, 3, h, w] of what a table [1, 3, 1, 256] has for each level of each channel."""
    found = cv2.LUT(view_bgr, table[0].permute(1, 2, 0).numpy())
    return torch.from_numpy(found).permute(2, 0, 1)[None]


def _density(pictures: torch.Tensor) -> torch.Tensor:
    """Return optical density [n, 3, h, w] (Beer-Lambert: stain amounts add up in it)."""
    return -torch.log(pictures.clamp(min=_LEAST) * (255.0 / WHITE))


def _darkest(density: torch.Tensor) -> torch.Tensor:
    """Return the density [n, 3, 1, 1] of the darkest of each cell, its nucleus."""
    y, x = (int(size * _CENTRE_MARGIN) for size in density.shape[2:])
    centre = density[:, :, y : density.shape[2] - y, x : density.shape[3] - x]
    coarse = functional.adaptive_avg_pool2d(centre, _CENTRE_PX).flatten(2)
    return torch.quantile(coarse, _DARKEST_SHARE, dim=2).clamp(min=_FAINTEST)[:, :, None, None]


def _power_of_red_cells(density: torch.Tensor) -> torch.Tensor:
    """Return the power [n, 3, 1, 1], one per channel, that standardises each view's red cells.

    Where a view shows few red cells the power is near 1.
    """
    coarse = functional.adaptive_avg_pool2d(density, _AROUND_PX)
    from_middle = (torch.arange(_AROUND_PX, device=density.device) + 0.5) * (2 / _AROUND_PX) - 1
    outside = from_middle.square()[:, None] + from_middle.square()[None, :] > _CELL_SHARE**2
    red = outside & (coarse.mean(dim=1) > _RED_MEAN) & (coarse[:, 1] < _RED_GREEN)
    share = red.float().mean(dim=(1, 2))
    unknown = torch.full_like(coarse, torch.nan)
    found = torch.where(red[:, None], coarse, unknown).flatten(2).nanmedian(dim=2).values.clamp(*_RED_LIMITS)
    wanted = torch.tensor(_RED_BGR, device=density.device, dtype=density.dtype)
    belief = (share / (share + _RED_DOUBT))[:, None]
    return torch.exp(torch.log(torch.log(wanted) / torch.log(found)).nan_to_num(0.0) * belief)[:, :, None, None]


def _bend(density: torch.Tensor, power: torch.Tensor) -> torch.Tensor:
    """Raise relative density [n, 3, h, w] to a power; background, at 0 and below, and nucleus, at 1 and above, stay."""
    between = (density > 0) & (density < 1)
    return torch.where(between, density.clamp(1e-4, 1.0).pow(power), density.clamp(*_DENSITY_LIMITS))


def _standardised(density: torch.Tensor) -> torch.Tensor:
    return (density - _DENSITY_MEAN) / _DENSITY_STD


def to_tensor(views_bgr: NDArray[np.uint8]) -> torch.Tensor:
    """Turn uint8 pictures [n, h, w, 3] into a float32 tensor [n, 3, h, w] of 0..1, channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(views_bgr)).permute(0, 3, 1, 2).float().div_(255.0)
