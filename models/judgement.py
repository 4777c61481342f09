"""One cell judged: what the networks answer for it, and how it looks, become a class and a verdict."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.appearance import appearance_features, is_unfamiliar
from smearwatch.models.classes import CLASSES, ClassName, PerClass, Verdict, per_class
from smearwatch.models.manifest import Manifest
from smearwatch.models.outputs import Outputs
from smearwatch.models.session_statistics import looks_strange
from smearwatch.models.verdict import decide

_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Judgement:
    """The networks' answer for one crop; numbers rounded to six decimals, in the order of `CLASSES`.

    Attributes
    ----------
    cls
        The class that stands.
    verdict
        How it came to stand.
    probabilities
        Calibrated, of the ResNet.
    verifiers
        Each LeNet's answer, its own class against the rest.
    reject_score
        0..1; high where the cell is of none of the classes.
    look
        Its appearance features before its stain was brought to a standard, see `smearwatch.models.appearance`; but
        after the session's stain was, where `restained`.
    restained
        Whether it was brought from the session's stain to the one that the weights learnt.
    unfamiliar
        Whether its look lies beyond all that the weights were trained on, where their policy says how far is too far.
        Then it is flagged, unless it was judged by its session's statistics.
    strange
        Whether it looks so to the first layers alone, for the last ones were adapted to its like: see `looks_strange`.
    moments : float16 array of shape [2, channels] or None
        What it shows of the first stages' statistics, where the weights ask for the session's.
    statistics_cells
        The number of cells on whose statistics it was judged; 0 where they were those of the training.
    """

    cls: ClassName
    verdict: Verdict
    probabilities: PerClass
    verifiers: PerClass
    reject_score: float
    look: dict[str, float]
    restained: bool = False
    unfamiliar: bool = False
    strange: bool = False
    moments: NDArray[np.float16] | None = field(default=None, compare=False)
    statistics_cells: int = 0


def judge_field(
    field_bgr: NDArray[np.uint8],
    manifest: Manifest,
    answered: Outputs,
    *,
    restained: bool,
    statistics_cells: int,
    moments: NDArray[np.float16] | None,
) -> Judgement:
    """Judge one cell by what the networks answered for it.

    Parameters
    ----------
    field_bgr : uint8 array of shape [field_px, field_px, 3]
        As the networks saw it.
    manifest
        Of the weights that answered.
    answered
        Their outputs for this one crop.
    restained
        Whether it was brought to the weights' reference stain.
    statistics_cells
        The number of cells on whose statistics it was seen; 0 where they were those of the training.
    moments : float16 array of shape [2, channels] or None
        What it shows of the first stages' statistics.
    """
    probabilities, verifiers = _rounded(answered.probabilities[0]), _rounded(answered.verifiers[0])
    reject_score = round(float(answered.reject_scores[0]), _DECIMALS)
    look = look_of(field_bgr, manifest)
    strange = is_beyond(look, manifest)
    as_photographed = manifest.preprocessing.reference_stain is not None and not restained
    # A look tells that a session is strange, not which answers are wrong: with its statistics, doubt alone decides.
    flagged = as_photographed or (strange and not statistics_cells)
    decision = decide(probabilities, verifiers, reject_score, manifest.policy, unfamiliar=flagged)
    unfamiliar = strange or as_photographed
    return Judgement(
        cls=CLASSES[decision.index],
        verdict=decision.verdict,
        probabilities=probabilities,
        verifiers=verifiers,
        reject_score=reject_score,
        look=look,
        restained=restained,
        unfamiliar=unfamiliar,
        strange=not unfamiliar and looks_strange(look, manifest),
        moments=moments,
        statistics_cells=statistics_cells,
    )


def look_of(field_bgr: NDArray[np.uint8], manifest: Manifest) -> dict[str, float]:
    """Measure the appearance of a crop at the scale of the weights' networks."""
    return appearance_features(field_bgr, manifest.preprocessing.um_per_px)


def is_beyond(look: dict[str, float], manifest: Manifest) -> bool:
    """Return whether a look lies beyond all that the weights learnt; False where their policy names no limit."""
    beyond = manifest.policy.unfamiliar_beyond
    return beyond is not None and is_unfamiliar(look, manifest.ranges or (), beyond)


def _rounded(row: NDArray[np.float64]) -> PerClass:
    return per_class(round(float(value), _DECIMALS) for value in row)
