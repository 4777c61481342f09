"""What a laboratory sets of naming cells: extra classes, and their keys."""

from collections.abc import Iterable
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from smearwatch.daemon.key_layout import KeyLayout, key_layout
from smearwatch.daemon.record.classes import LABELS
from smearwatch.daemon.record.extra_classes import Counts, ExtraClass, flaw_of_name
from smearwatch.daemon.share_text import label_text

_SHORT = 12


class ExtraClassSetting(BaseModel):
    """An extra class as it is set, under its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(min_length=1, max_length=1)
    counts: Counts
    short: str | None = Field(None, min_length=1, max_length=_SHORT)


def _names(classes: dict[str, ExtraClassSetting]) -> dict[str, ExtraClassSetting]:
    for name, each in classes.items():
        if (flaw := flaw_of_name(name)) is not None:
            raise ValueError(f"{name!r} cannot be the name of an extra class: {flaw}")
        if each.short is None and len(name) > _SHORT:
            raise ValueError(f"{name} needs a short name: short = ..., {_SHORT} letters at most")
        if each.short is not None and not (each.short.isprintable() and each.short.strip()):
            raise ValueError(f"the short name of {name} has letters that cannot be seen")
    known = {label_text(label).lower() for label in LABELS}
    for name, each in classes.items():
        short = (each.short or label_text(name)).strip().lower()
        if short in known:
            raise ValueError(f"the short name of {name} is that of another cell: {short}")
        known.add(short)
    return classes


ExtraClasses: TypeAlias = Annotated[dict[str, ExtraClassSetting], AfterValidator(_names)]


def as_recorded(classes: dict[str, ExtraClassSetting]) -> tuple[ExtraClass, ...]:
    """Return extra classes by name, as a session records them."""
    return tuple(
        ExtraClass(name, each.counts, each.key.lower(), each.short or label_text(name))
        for name, each in sorted(classes.items())
    )


def layout_of(
    keys: dict[str, str], classes: dict[str, ExtraClassSetting], known: Iterable[ExtraClass] | None = None
) -> KeyLayout:
    """Return the keys for a session that knows some extra classes; for one that is to come without them.

    The key that is set now counts before the one that the session has recorded.

    Raises
    ------
    KeysClash
        See `smearwatch.daemon.key_layout.key_layout`.
    """
    ours = {each.name: each for each in as_recorded(classes)}
    if known is None:
        return key_layout(keys, ours.values())
    extra = [ours[each.name] if each.name in ours and ours[each.name].label == each.label else each for each in known]
    return key_layout(keys, extra, others=ours)
