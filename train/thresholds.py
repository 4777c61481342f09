"""Thresholds of a policy that are to hold on a microscope never met, and the file that carries them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from smearwatch.daemon.regular_file import read_regular
from smearwatch.models.verdict import Policy
from smearwatch.train.json_record import JsonRecord


@dataclass(frozen=True, slots=True)
class Thresholds(JsonRecord):
    """When a cell is rejected and when an answer is doubted, chosen on laboratories that training did not meet.

    Attributes
    ----------
    reject_at
        As in `smearwatch.models.verdict.Policy`.
    doubt_below
        Of five classes: `doubt_five_below` there.
    chosen_on
        The laboratories, by name, each left out of training when it was answered for.
    confirmed_right
        The least share of right ones among the confirmed cells of any of these laboratories at these thresholds; None
        where one has too few confirmed cells to say.
    unfamiliar_beyond
        As in `Policy` too; None, or no such key in the file, where the policy's stays.
    """

    reject_at: Annotated[float, Field(ge=0.5, lt=1)]
    doubt_below: Annotated[float, Field(ge=0, le=1)]
    chosen_on: tuple[str, ...]
    confirmed_right: float | None = None
    unfamiliar_beyond: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None

    def put_into(self, policy: Policy) -> Policy:
        """Return the policy with these thresholds; who confirms and who may overrule stays.

        So do the doubt between six classes and, where these thresholds do not say it, when a cell is unfamiliar. What
        the networks' own cells would have rejected is still flagged.
        """
        changes = {
            "reject_at": self.reject_at,
            "doubt_five_below": self.doubt_below,
            "unfamiliar_beyond": self.unfamiliar_beyond or policy.unfamiliar_beyond,
        }
        own = {"doubtful_from": policy.reject_at} if policy.reject_at < self.reject_at else {}
        return policy.model_copy(update=changes | own)


_THRESHOLDS: Final = TypeAdapter(Thresholds)


def read_thresholds(path: Path) -> Thresholds:
    """Read thresholds from a JSON file.

    Raises
    ------
    OSError
        Where the file cannot be read.
    ValueError
        Where it holds something else.
    """
    return _THRESHOLDS.validate_json(read_regular(path))
