"""How weights use the statistics of a session, as their manifest says it."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

STAGES = ("bn1", "layer1", "layer2", "layer3", "layer4")
"""Of the ResNet: the first convolution, by its normalisation, and the four blocks of layers."""


class StatisticsUse(BaseModel):
    """How weights use a session's statistics.

    Attributes
    ----------
    stages
        In how many of the stages, from the first convolution on.
    share
        How far each mean and variance goes from the training's to the session's, at most.
    near, far
        Distances of a session, see `smearwatch.models.session_statistics.FirstStages.distance`. Nothing is taken of a
        session up to `near`, `share` of one from `far` on, and evenly more between; None: `share` of every session.
    unfamiliar_share
        Only where more of the session's cells than this share, and more than two, look unlike what was trained on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stages: int = Field(ge=1, le=len(STAGES))
    share: float = Field(gt=0, le=1)
    near: float | None = Field(default=None, ge=0)
    far: float | None = Field(default=None, gt=0)
    unfamiliar_share: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _near_before_far(self) -> "StatisticsUse":
        if (self.near is None) != (self.far is None):
            msg = "near and far belong together"
            raise ValueError(msg)
        if self.near is not None and self.far is not None and self.near >= self.far:
            msg = f"near {self.near:g} is not below far {self.far:g}"
            raise ValueError(msg)
        return self

    def share_at(self, distance: float) -> float:
        """Return how far the statistics of a session at a distance are used."""
        if self.near is None or self.far is None:
            return self.share
        return self.share * min(max((distance - self.near) / (self.far - self.near), 0.0), 1.0)
