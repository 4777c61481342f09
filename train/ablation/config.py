"""The settings of an ablation; unknown or senseless values are refused in one line."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from smearwatch.models.preprocess import CROP_PX, Preprocessing
from smearwatch.train.training.config import TrainConfig

_FIELD_BY_VIEW = Preprocessing().field_px / Preprocessing().view_px  # every size shows the same micrometres
_FAR_SHARE = 0.4
Pixels = Annotated[int, Field(ge=72, le=int(CROP_PX / _FIELD_BY_VIEW))]


class AblationConfig(BaseModel):
    """A whole table.

    Attributes
    ----------
    px, cells, epochs
        Side of the view, cells of each label to train on, and epochs of every line but those of the sizes.
    size, size_cells, size_epochs
        Sides that are compared with `px`, and with how much training; a picture of 480 px takes as long as 25 of 96.
    batch
        Cells of a step.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    px: Pixels = 96
    cells: int = Field(130, ge=2)
    epochs: int = Field(10, ge=2, le=1000)
    size: tuple[Pixels, ...] = (224, 320, 480)
    size_cells: int = Field(66, ge=2)
    size_epochs: int = Field(6, ge=1, le=1000)
    batch: int = Field(32, ge=2, le=4096)
    seed: int = Field(1, ge=0, le=2**31)

    def recipe(self, px: int, epochs: int) -> TrainConfig:
        """Lay down the training of a line before anything is changed in it."""
        return TrainConfig(
            name="ablation",
            preprocessing=Preprocessing(field_px=round(px * _FIELD_BY_VIEW), view_px=px, stain="red_cells"),
            epochs=epochs,
            small_epochs=0,
            batch=self.batch,
            far_share=_FAR_SHARE,
            repeats={},
            seed=self.seed,
        )
