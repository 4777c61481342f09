"""The cells of an ablation: some of each label to learn from, others of the same source and whole other sources."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smearwatch.models.preprocess import Preprocessing
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress, shrunken_fields
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.sources import Source
from smearwatch.train.data.split import number_of, split
from smearwatch.train.paper.databases import alone_sample
from smearwatch.train.paper.outlines import Outlines

_FEWEST = 20


@dataclass(frozen=True, slots=True)
class Bench:
    """What every line draws from.

    Attributes
    ----------
    train
        Cells of the training side, in the order in which they are taken.
    sets
        Cells that answers are compared on, by the name of their source. The first is the validation side of the source
        that is trained on: what is chosen by this table is not chosen by test cells. Of the others nothing is trained
        on.
    um_per_px
        Scale of the source that is trained on.
    state
        What a restart needs.
    """

    train: list[Sample]
    sets: dict[str, list[Sample]]
    um_per_px: float
    state: Path
    progress: Progress

    def draw(self, samples: list[Sample], preprocessing: Preprocessing) -> CellSet:
        """Draw cells, or read them from the state folder."""
        return CellSet(samples, shrunken_fields(samples, preprocessing, self.state / "crops", self.progress))

    def take(self, count: int) -> list[Sample]:
        """Take so many cells of each label, or all that there are."""
        by_label: dict[str, list[Sample]] = defaultdict(list)
        for sample in self.train:
            by_label[sample.label].append(sample)
        return [sample for label in sorted(by_label) for sample in by_label[label][:count]]

    def isolate(self, samples: Sequence[Sample]) -> list[Sample]:
        """Put all but the leukocyte to white (DB-1); what has no outline stays as photographed."""
        outlines = Outlines(self.state, self.um_per_px)
        found: list[Sample] = []
        for sample in samples:
            inside = outlines.of(sample)
            found.append(sample if inside is None else alone_sample(sample, inside))
            self.progress("outlines drawn", len(found), len(samples))
        outlines.write()
        return found


def lay_out(sources: Sequence[Source], state: Path, progress: Progress) -> Bench:
    """Divide the first source, which is trained on; the others are compared on whole.

    Raises
    ------
    DataUnusable
        Where the first source is too small to be divided, or another holds no leukocyte.
    """
    first, others = sources[0], sources[1:]
    parts = split(first.samples)
    if min(len(parts["train"]), len(parts["validation"])) < _FEWEST:
        matter = f"{len(first.samples)} labelled cells are too few to be divided"
        raise DataUnusable(first.root, matter, "name a larger set")
    train = sorted(parts["train"], key=lambda sample: number_of(sample.digest))
    sets = {first.name: parts["validation"], **{source.name: source.samples for source in others}}
    leukocytes = {name: [each for each in cells if each.target.kind != "reject"] for name, cells in sets.items()}
    for source in sources:
        if not leukocytes[source.name]:
            matter = "no labelled leukocyte to compare on"
            raise DataUnusable(source.root, matter, "name a set that holds some, or leave it out")
    assert first.um_per_px is not None
    return Bench(train, leukocytes, first.um_per_px, state, progress)
