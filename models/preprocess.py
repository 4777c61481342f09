"""From a 750x750 crop to the tensor that the networks see: the only place, for training and serving alike.

Two steps, so that training can augment between them: ``shrink`` brings a crop to the networks' scale (uint8, the
whole field), ``view`` cuts the centre out and ``to_tensor`` turns such pictures into normalised floats.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

CROP_PX = 750
CROP_UM = 33.0


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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    crop_px: int = CROP_PX
    crop_um: float = CROP_UM
    field_px: int = Field(default=176, ge=72, le=CROP_PX)
    view_px: int = Field(default=128, ge=72, le=CROP_PX)
    mean_bgr: tuple[float, float, float] = (0.80, 0.71, 0.77)
    std_bgr: tuple[float, float, float] = (0.14, 0.23, 0.19)

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
    """Shift and scale 0..1 pictures channel by channel.

    Parameters
    ----------
    pictures : float tensor of shape [n, 3, h, w], BGR, 0..1

    Returns
    -------
    float tensor of the same shape
    """
    mean = torch.tensor(preprocessing.mean_bgr, device=pictures.device).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std_bgr, device=pictures.device).view(1, 3, 1, 1)
    return (pictures - mean) / std


def to_tensor(views_bgr: NDArray[np.uint8]) -> torch.Tensor:
    """Turn uint8 pictures [n, h, w, 3] into a float32 tensor [n, 3, h, w] of 0..1, channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(views_bgr)).permute(0, 3, 1, 2).float().div_(255.0)
