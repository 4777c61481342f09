"""The lines of the table: what is changed in each, and with which it is compared."""

from dataclasses import dataclass
from typing import Literal

from smearwatch.train.ablation.config import AblationConfig
from smearwatch.train.training.config import TrainConfig

First = Literal["alone", "groups"]
RECIPE = "the recipe"


@dataclass(frozen=True, slots=True)
class Line:
    """One training.

    Attributes
    ----------
    name, against
        What the line is called, and with which other its answers are compared; None for those that begin a part.
    config
        Of the training, or of its second half.
    cells
        Of each label to train on.
    first
        What its first half learns: "alone", the cells without surroundings (DB-1); "groups", to
        classify all groups of cells, those to reject too; None where there is one stage.
    adabn_name
        Name under which its answers are also taken with batch statistics estimated anew on the cells it answers for;
        None where they are not.
    """

    name: str
    against: str | None
    config: TrainConfig
    cells: int
    first: First | None = None
    adabn_name: str | None = None


def lines(config: AblationConfig) -> list[Line]:
    """Lay down all lines; every stage of two has half of the epochs, so that all lines cost about the same."""
    whole = config.recipe(config.px, config.epochs)
    half = config.recipe(config.px, config.epochs // 2)
    plain = whole.preprocessing

    def changed(name: str, **values: object) -> Line:
        return Line(name, RECIPE, whole.model_copy(update=values), config.cells)

    start = f"{config.px} px, {config.size_cells} cells a label, {config.size_epochs} epochs"
    return [
        Line(RECIPE, None, whole, config.cells, adabn_name="batch norm, estimated anew on the cells to name"),
        changed("group norm", norm="group"),
        Line("DB-1 first, then DB-2", RECIPE, half, config.cells, first="alone"),
        Line("all groups of cells first, then the six classes", RECIPE, half, config.cells, first="groups"),
        changed("no augmentation but turns and shifts", strength=0.0),
        changed("no far variety", far_share=0.0),
        changed("intensities as photographed", preprocessing=plain.model_copy(update={"stain": None})),
        changed("density relative to the nucleus alone", preprocessing=plain.model_copy(update={"stain": "density"})),
        Line(start, None, config.recipe(config.px, config.size_epochs), config.size_cells),
        *(Line(f"{px} px", start, config.recipe(px, config.size_epochs), config.size_cells) for px in config.size),
    ]
