"""Why the networks doubt a cell, in words."""

from typing import Final

from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.events import Counted

_EVEN: Final = 0.5


def why_flagged(stands: Counted) -> str | None:
    """Return in words why a cell was flagged, None for others; the record says what, and the weights where exactly."""
    if stands.verdict != "flagged":
        return None
    reasons = []
    if stands.unfamiliar and stands.statistics is None:
        reasons.append("it looks unlike what the weights were trained on")
    if stands.verifiers[CLASSES.index(stands.cls)] < _EVEN:
        reasons.append("the verifier of its class does not agree")
    if stands.reject_score >= _EVEN:
        reasons.append("it may be none of the six")
    return "; ".join(reasons) or "the networks are not certain enough"
