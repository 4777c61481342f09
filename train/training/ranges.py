"""The range of appearance features of the cells trained on: measured with new weights, or added to older ones."""

from collections import defaultdict
from itertools import count
from pathlib import Path

from smearwatch.models import checkpoint, memory
from smearwatch.models.appearance import appearance_features, range_of
from smearwatch.models.checkpoint import WeightsUnusable
from smearwatch.models.manifest import LookRange, Manifest
from smearwatch.models.preprocess import Preprocessing
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.data.simulated import SOURCE as SIMULATED
from smearwatch.train.data.stains import cells_as_seen
from smearwatch.train.saving import save_manifest
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.gather import find_by_pipeline, list_samples


def measure_ranges(trained: CellSet, preprocessing: Preprocessing) -> tuple[LookRange, ...]:
    """Measure each source of cells trained on, as networks see them, not augmented; those to reject are left out.

    A source with too few cells gets no range. Nor do drawn cells beside real ones that are brought to a reference
    stain: each has a stain of its own, so that no session's stain fits them, and together they would take in real
    cells that are like none trained on. A drawn slide is one session; brought to the reference it looks like real ones.
    """
    features = defaultdict(list)
    for sample, field in zip(trained.samples, trained.fields, strict=True):
        if sample.target.kind != "reject":
            features[sample.source].append(appearance_features(field, preprocessing.um_per_px))
    kinds = [kind for name in sorted(features) if (kind := range_of(name, features[name])) is not None]
    real = [kind for kind in kinds if kind.name != SIMULATED]
    return tuple(real if real and preprocessing.reference_stain is not None else kinds)


def add_start_ranges(
    measured: tuple[LookRange, ...], start: Manifest | None, preprocessing: Preprocessing
) -> tuple[LookRange, ...] | None:
    """Add the ranges of the weights `start` that a training began from: its cells were seen in this training too.

    A source of the same name counts as measured now. Where `start` saw cells in another way than `preprocessing` shows
    them, its ranges say nothing about these and are left out. None where nothing was measured.
    """
    names = {kind.name for kind in measured}
    same = start is not None and start.preprocessing == preprocessing
    before = start.ranges or () if start is not None and same else ()
    return (*(kind for kind in before if kind.name not in names), *measured) or None


def add_adapted_ranges(
    present: Manifest, measured: tuple[LookRange, ...], name: str, *, by_statistics: bool = False
) -> tuple[LookRange, ...] | None:
    """Add the ranges of the cells that weights `name` were adapted to, beside those of the `present` weights.

    Where it is unknown what the present ones were trained on, it stays unknown: the range of the new cells alone would
    make everything else appear strange. `by_statistics`: the first layers take the session's statistics for such cells.
    """
    if present.ranges is None:
        return None
    ranges = list(present.ranges)
    for kind in measured:
        taken = {each.name for each in ranges}
        named = f"{kind.name} of {name}"
        unique = next(each for n in count(1) if (each := named if n == 1 else f"{named} ({n})") not in taken)
        ranges.append(kind.model_copy(update={"name": unique, "by_statistics": by_statistics or None}))
    return tuple(ranges)


def add_ranges(config: TrainConfig, weights: Path, cache: Path, progress: Progress) -> Manifest:
    """Measure the cells that finished weights were trained on, as their memory says, and write the ranges beside them.

    Their identity stays, for no verdict depends on it; weights of which that is not so are refused.

    Parameters
    ----------
    config
        Where the cells lie, as when the weights were trained.

    Raises
    ------
    WeightsUnusable
        Where the weights cannot be used or remember nothing, or their policy makes verdicts depend on the ranges,
        or they were changed meanwhile.
    DataUnusable
        Where the cells cannot be used, or too few of them are known to the weights.
    """
    manifest, known = checkpoint.read_manifest(weights), memory.load(weights)
    if manifest.policy.unfamiliar_beyond is not None:
        hint = "train or adapt weights anew: both measure the range themselves"
        raise WeightsUnusable(weights, "their verdicts depend on their range, so that it cannot be changed", hint)
    if known is None:
        hint = "use weights that keep one, or train them again"
        raise WeightsUnusable(weights, "they keep no record of their training cells", hint)
    every = list_samples(config, cache, progress)
    samples = [each for each in every if memory.short(each.digest) in known.train_digests]
    samples += find_by_pipeline(config, samples, cache, progress)
    ranges = measure_ranges(cells_as_seen(samples, manifest.preprocessing, cache, progress), manifest.preprocessing)
    if not ranges:
        where = next((each.folder for each in config.used_laboratories().values() if each.folder), Path("data"))
        matter = f"only {len(samples)} of its cells were trained on, too few for a range"
        raise DataUnusable(where, matter, "name the folders that these weights were trained from")
    if checkpoint.read_manifest(weights) != manifest:
        hint = "see what was changed there, then give the same command again"
        raise WeightsUnusable(weights, "their manifest was changed meanwhile, and was left as it is", hint)
    return save_manifest(weights, manifest.model_copy(update={"ranges": ranges}))
