"""The settings of a reproduction; unknown or senseless values are refused in one line."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from smearwatch.daemon.scale_rule import UmPerPx
from smearwatch.models.preprocess import CROP_PX, Preprocessing

Protocol = Literal["paper", "honest"]
Pixels = Annotated[int, Field(ge=72, le=CROP_PX)]


class PaperConfig(BaseModel):
    """Settings of a reproduction.

    Attributes
    ----------
    px
        Sides at which the six-class network sees the whole crop; one network for each and each protocol.
    epochs, fine_epochs
        On DB-1, and then on DB-2.
    per_class
        Pictures of a class after augmentation, about; the paper's 500. All group sizes follow it.
    verifier_px
        Side of the bank's view, which it halves.
    verifier_epochs
        Of the two-class networks, on DB-2.
    disputed
        Whether cells take part whose band or segmented label a second group of annotators did not share.
    force_scale
        Believe the scale whatever the cells measure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    um_per_px: UmPerPx
    protocols: tuple[Protocol, ...] = Field(("paper", "honest"), min_length=1)
    px: tuple[Pixels, ...] = Field((480, 320), min_length=1)
    epochs: int = Field(50, ge=1, le=1000)
    fine_epochs: int = Field(50, ge=1, le=1000)
    per_class: int = Field(500, ge=10, le=5000)
    verifier_px: Pixels = 192
    verifier_epochs: int = Field(100, ge=1, le=1000)
    batch: int = Field(32, ge=2, le=4096)
    learning_rate: float = Field(1e-3, gt=0)
    fine_rate: float = Field(3e-4, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    init: Literal["scratch", "imagenet"] = "scratch"
    disputed: bool = False
    force_scale: bool = False
    seed: int = Field(1, ge=0, le=2**31)
    bf16: bool = True


def whole_crop(side_px: int) -> Preprocessing:
    """Return the preprocessing by which a network sees the whole crop, as in the paper, and not its middle alone."""
    return Preprocessing(field_px=side_px, view_px=side_px)
