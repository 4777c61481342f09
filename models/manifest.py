"""The manifest beside the tensors: everything that decides a verdict, and where the weights came from."""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from smearwatch.models.classes import BAND_RULE, CLASSES
from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.statistics_use import StatisticsUse
from smearwatch.models.verdict import Policy


class LookRange(BaseModel):
    """Appearance of one kind of pictures that was trained on.

    Attributes
    ----------
    name
        Of the data set.
    cells
        How many cells it is measured on.
    limits
        By measure of `smearwatch.models.appearance`, between which nearly all of them lie.
    by_statistics
        True for cells that the last layers were adapted to, while the first ones still take the session's statistics
        for them, see `smearwatch.models.session_statistics`: they are familiar, and their session is strange.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    cells: int = Field(ge=1)
    limits: dict[str, tuple[float, float]]
    by_statistics: Literal[True] | None = None


class Manifest(BaseModel):
    """What `manifest.json` holds.

    Attributes
    ----------
    classes
        Must be `smearwatch.models.classes.CLASSES`, in their order.
    norm
        Normalisation layers of the ResNet.
    temperature
        The class logits are divided by it before the softmax (Guo et al., ICML 2017).
    session_statistics
        How the first layers use the session's statistics, see `smearwatch.models.session_statistics`; None for those of
        the training alone.
    tensors
        File name to SHA-256 of each tensor file.
    memory
        SHA-256 of the memory beside the tensors, None where there is none; it decides nothing.
    ranges
        Appearance of each kind of pictures that was trained on, None where it was not measured. The drift alarm is
        made from it; a verdict only where the policy names `unfamiliar_beyond`.
    data, split, metrics, licences
        Provenance; they decide nothing.
    checksum
        SHA-256 of everything else here, so that a changed number is noticed like a changed tensor.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["smearwatch-weights-1"] = "smearwatch-weights-1"
    name: str
    classes: tuple[str, ...] = CLASSES
    band_rule: str = BAND_RULE
    norm: Literal["batch", "group"] = "batch"
    preprocessing: Preprocessing = Preprocessing()
    temperature: float = Field(default=1.0, gt=0)
    policy: Policy = Policy()
    session_statistics: StatisticsUse | None = None
    tensors: dict[str, str]
    memory: str | None = None
    ranges: tuple[LookRange, ...] | None = None
    data: dict[str, Any] = {}
    split: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    licences: tuple[str, ...] = ()
    checksum: str = ""

    @field_validator("classes")
    @classmethod
    def _classes_in_order(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value != CLASSES:
            msg = f"the weights name {', '.join(value)} instead of {', '.join(CLASSES)}"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _statistics_of_batches(self) -> "Manifest":
        if self.session_statistics is not None and self.norm != "batch":
            msg = f"session_statistics with {self.norm} norm, which has no statistics"
            raise ValueError(msg)
        if self.session_statistics is not None and self.policy.unfamiliar_beyond is None:
            msg = "session_statistics without unfamiliar_beyond in the policy, by which strange sessions are told"
            raise ValueError(msg)
        return self

    def expected_checksum(self) -> str:
        """Return the SHA-256 over all fields but the checksum itself."""
        return _digest(self.model_dump(mode="json", exclude={"checksum"}, exclude_none=True))

    def weights_id(self) -> str:
        """Return the SHA-256 over what decides a verdict: tensors, preprocessing, calibration, policy.

        The ranges are among it where the policy flags cells beyond them, and only there.
        """
        provenance = {"name", "memory", "data", "split", "metrics", "licences", "checksum"}
        if self.policy.unfamiliar_beyond is None:
            provenance.add("ranges")
        return _digest(self.model_dump(mode="json", exclude=provenance, exclude_none=True))

    def sealed(self) -> "Manifest":
        """Return the same manifest with its checksum filled in."""
        return self.model_copy(update={"checksum": self.expected_checksum()})


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
