"""Small trainings that differ in one thing each: what each part of the recipe is worth on a laboratory never met."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from smearwatch.train.training.config import TrainConfig

RECIPE: Final = "the recipe"

_FIELD_PX, _VIEW_PX = 99, 72  # a third of the pixels of 176 and 128, and the same micrometres
_EPOCHS: Final = 6


@dataclass(frozen=True, slots=True)
class Variant:
    """A recipe in which one thing is changed.

    Attributes
    ----------
    key
        Its name as a folder is called.
    """

    key: str
    name: str
    config: TrainConfig


def list_variants(config: TrainConfig, epochs: int | None = None) -> list[Variant]:
    """List the recipe at a small size and what it is compared with; what it does not have cannot be taken away.

    Parameters
    ----------
    epochs
        Of each training; 6 by default.
    """
    sizes = {"field_px": _FIELD_PX, "view_px": _VIEW_PX}
    small = config.model_copy(
        update={
            "preprocessing": config.preprocessing.model_copy(update=sizes),
            "epochs": _EPOCHS if epochs is None else epochs,
            "again_epochs": 0,
            "small_epochs": 0,
        }
    )
    return [Variant("recipe", RECIPE, small), *_changed(small)]


def _changed(small: TrainConfig) -> Iterator[Variant]:
    view = small.preprocessing
    reference = view.reference_stain
    if reference is not None and reference.red_cell_um is not None:
        sizeless = reference.model_copy(update={"red_cell_um": None})
        yield _viewed("size-as-given", "the size as given, not by the red cells", small, reference_stain=sizeless)
    if reference is not None:
        yield _viewed("as-photographed", "stain and size as photographed", small, reference_stain=None)
    if view.stain == "red_cells":
        yield _viewed("nucleus-alone", "density relative to the nucleus alone", small, stain="density")
    if small.balance != "none" and small.balance_evenness > 0:
        half = small.balance_evenness / 2
        yield _with("less-even", f"laboratories and classes less even ({half:g})", small, balance_evenness=half)
    if small.far_share:
        yield _with("no-far", "no far variety", small, far_share=0.0)
    if small.strength:
        yield _with("no-variety", "no variety but turns and shifts", small, strength=0.0, far_share=0.0)
    if small.data.simulated or small.data.litter:
        bare = small.data.model_copy(update={"simulated": 0, "litter": 0})
        yield _with("nothing-drawn", "no drawn cells and things", small, data=bare)


def _with(key: str, name: str, small: TrainConfig, **values: object) -> Variant:
    return Variant(key, name, small.model_copy(update=values))


def _viewed(key: str, name: str, small: TrainConfig, **values: object) -> Variant:
    return _with(key, name, small, preprocessing=small.preprocessing.model_copy(update=values))
