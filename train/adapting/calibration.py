"""Temperature and policy of adapted weights: from old cells kept aside, and new ones named by cross-validation."""

from typing import Final

import numpy as np

from smearwatch.models.verdict import Policy
from smearwatch.train.adapting.logits import Logits
from smearwatch.train.data.samples import Sample
from smearwatch.train.training.calibrate import fit_policy, fit_temperature

_FROM_ELSEWHERE: Final = ("unfamiliar_beyond", "doubt_five_below", "doubtful_from")


def calibrate(
    old_samples: list[Sample], old: Logits, new_samples: list[Sample], new: Logits, present: Policy
) -> tuple[float, Policy]:
    """Choose temperature, thresholds and overrules.

    Old and new cells weigh the same in the temperature and in the two kinds of thresholds, whichever are more. A
    verifier may overrule only where it earns that on all cells counted once. Of remembered old cells there is no
    picture to run a verifier on: then the agreement stays at the present thresholds, and none may overrule, since
    the old cells can no longer speak against it.

    Parameters
    ----------
    old_samples, old
        Cells of the old kind that nothing was fitted to, by the adapted weights.
    new_samples, new
        All new cells, each by weights that were adapted without it.
    present
        Policy of the weights adapted from; what was chosen on laboratories left out stays as it is there, for a few
        slides of one microscope do not speak for its others.
    """
    samples, logits = _balance(old_samples, old, new_samples, new)
    temperature = fit_temperature(samples, logits.outputs(1.0).probabilities)
    policy = fit_policy(samples, _mute(logits).outputs(temperature))
    kept = {name: getattr(present, name) for name in _FROM_ELSEWHERE}
    if np.isnan(old.verifiers).any():
        return temperature, policy.model_copy(update=kept | {"agree_at": present.agree_at, "overrules": ()})
    once = fit_policy(old_samples + new_samples, _concatenate([old, new]).outputs(temperature))
    return temperature, policy.model_copy(update=kept | {"overrules": once.overrules})


def _balance(
    old_samples: list[Sample], old: Logits, new_samples: list[Sample], new: Logits
) -> tuple[list[Sample], Logits]:
    """Repeat the smaller set until both are about equal."""
    if not old_samples:
        return new_samples, new
    ratio = len(old_samples) / len(new_samples)
    times_new, times_old = max(1, round(ratio)), max(1, round(1 / ratio))
    return old_samples * times_old + new_samples * times_new, _concatenate([old] * times_old + [new] * times_new)


def _concatenate(parts: list[Logits]) -> Logits:
    return Logits(
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.reject for part in parts]),
        np.concatenate([part.verifiers for part in parts]),
    )


def _mute(logits: Logits) -> Logits:
    """Put verifiers that could not be run as undecided, so that they change no threshold."""
    return Logits(logits.classes, logits.reject, np.nan_to_num(logits.verifiers))
