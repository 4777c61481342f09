"""How weights use the statistics of a session, as their manifest says it."""

from pydantic import BaseModel, ConfigDict, Field

STAGES = ("bn1", "layer1", "layer2", "layer3", "layer4")
"""Of the ResNet: the first convolution, by its normalisation, and the four blocks of layers."""


class StatisticsUse(BaseModel):
    """How weights use a session's statistics.

    Attributes
    ----------
    stages
        In how many of the stages, from the first convolution on.
    share
        How far each mean and variance goes from the training's to the session's.
    unfamiliar_share
        Only where more of the session's cells than this share, and more than two, look unlike what was trained on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stages: int = Field(ge=1, le=len(STAGES))
    share: float = Field(gt=0, le=1)
    unfamiliar_share: float = Field(default=0.1, ge=0, lt=1)
