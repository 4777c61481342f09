"""Any message that the wire may carry: values of every kind within the limits that its class sets, and at them."""

import dataclasses
import types
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import annotated_types
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from smearwatch.daemon.wire.messages import MESSAGES, Message

FRAMES = tuple(each * 64 for each in "0a")
WORDS = (
    "",
    "t",
    "monday",
    "0.jpg",
    "stop",
    "band",
    "lymphocyte",
    "confirmed",
    "A. Reader",
    "\x1b[2J\x00\u202e",
    "n" * 4096,
)
_LARGEST = 2**63 - 1
_M = TypeVar("_M")


def messages(kind: type[_M]) -> st.SearchStrategy[_M]:
    """Return what draws messages of one kind, or parts of one."""
    hints = get_type_hints(kind, include_extras=True)
    return st.builds(kind, **{each.name: _of(hints[each.name]) for each in dataclasses.fields(kind)})  # type: ignore[arg-type]


def any_message() -> st.SearchStrategy[Message]:
    """Return what draws messages of all kinds; a draw that its class refuses is drawn again."""
    return st.sampled_from(sorted(MESSAGES)).flatmap(lambda name: possible(messages(MESSAGES[name])))


def possible(drawn: st.SearchStrategy[_M]) -> st.SearchStrategy[_M]:
    """Return what draws until the class takes what was drawn: two fields may be refused together."""

    @st.composite
    def again(draw: st.DrawFn) -> _M:
        while True:
            try:
                return draw(drawn)
            except ValueError:
                continue

    return again()


def _of(wanted: Any, limits: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    if get_origin(wanted) is Annotated:
        inner, *metadata = get_args(wanted)
        return _of(inner, (*limits, *metadata))
    named = _limits(limits)
    if get_origin(wanted) in (Union, types.UnionType):
        return st.one_of(*(_of(each, limits) for each in get_args(wanted)))
    if get_origin(wanted) is Literal:
        return st.sampled_from(get_args(wanted))
    if get_origin(wanted) is tuple:
        inner_types = get_args(wanted)
        if inner_types[-1:] == (Ellipsis,):
            few = st.lists(
                _of(inner_types[0]), min_size=named.get("min_length", 0), max_size=min(4, named.get("max_length", 4))
            )
            return few.map(tuple)
        return st.tuples(*map(_of, inner_types))
    if get_origin(wanted) is dict:
        keys, values = map(_of, get_args(wanted))
        return st.dictionaries(
            keys, values, min_size=named.get("min_length", 0), max_size=min(4, named.get("max_length", 4))
        )
    if dataclasses.is_dataclass(wanted):
        return possible(messages(wanted))  # type: ignore[arg-type]
    return _plain(wanted, named)


def _plain(wanted: Any, named: dict[str, Any]) -> st.SearchStrategy[Any]:
    if wanted is type(None):
        return st.none()
    if wanted is bool:
        return st.booleans()
    if wanted is int:
        least, most = named.get("ge", named.get("gt", -_LARGEST - 1)), named.get("le", _LARGEST)
        least += "gt" in named
        return st.sampled_from([least, most]) | st.integers(least, min(most, least + 12)) | st.integers(least, most)
    if wanted is float:
        least, most = named.get("ge", named.get("gt")), named.get("le")
        return st.floats(least, most, exclude_min="gt" in named, allow_nan=False, allow_infinity=False)
    if wanted is str and "pattern" in named:
        return st.sampled_from(FRAMES)
    if wanted is str:
        few, many = named.get("min_length", 0), named.get("max_length", 4096)
        known = st.sampled_from([word for word in WORDS if few <= len(word) <= many])
        return known | st.text(st.characters(codec="utf-8"), min_size=few, max_size=min(many, 20))
    raise TypeError(f"no idea how to draw a {wanted!r}")


def _limits(metadata: tuple[Any, ...]) -> dict[str, Any]:
    """Return limits by name, from whatever says them."""
    named: dict[str, Any] = {}
    for each in metadata:
        for limit in each.metadata if isinstance(each, FieldInfo) else (each,):
            if isinstance(
                limit,
                annotated_types.MinLen
                | annotated_types.MaxLen
                | annotated_types.Ge
                | annotated_types.Gt
                | annotated_types.Le,
            ):
                named |= {
                    name: getattr(limit, name)
                    for name in ("min_length", "max_length", "ge", "gt", "le")
                    if hasattr(limit, name)
                }
            elif getattr(limit, "pattern", None) is not None:
                named["pattern"] = limit.pattern
    return named
