"""What people say of a session as a whole: a title, the specimen, the operator, a note. The last word stands."""

import getpass
import os
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, SerializerFunctionWrapHandler, model_serializer
from pydantic.dataclasses import dataclass

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.record.values import STRICT, Count, Ordinal, Person, without_none

DESCRIBED: Final = {"title": 200, "specimen": 64, "operator": 200, "note": 1000}
"""What can be said, and how long it may be."""

IN_A_TABLE: Final = "=+-@"
"""A spreadsheet takes what begins so for a formula."""
_IN_A_PATH: Final = "/\\"


class DescriptionUnusable(Hinted, ValueError):
    """A title, specimen, operator or note that cannot be one."""

    wrongly_typed = True


def checked(name: str, text: str) -> str | None:
    """Return what is said under one of the names in `DESCRIBED`, without blanks around it; None for nothing.

    Raises
    ------
    DescriptionUnusable
        It is too long, has letters that cannot be seen, or begins as a formula or a path would.
    """
    said, most = text.strip(), DESCRIBED[name]
    if not said:
        return None
    if len(said) > most:
        raise DescriptionUnusable(f"{name} of {len(said)} letters", f"give {most} at most")
    if not said.isprintable():
        raise DescriptionUnusable(f"{name} {said!r} has letters that cannot be seen", "write it in one line")
    if name != "note" and said[0] in IN_A_TABLE:
        raise DescriptionUnusable(f"{name} {said!r} begins with {said[0]!r}", "begin with a letter or digit")
    if name == "specimen" and (any(letter in said for letter in _IN_A_PATH) or not said[0].isalnum()):
        raise DescriptionUnusable(
            f"specimen {said!r} cannot be a number of one", "begin with a letter or digit, without slashes"
        )
    return said


def _can_be(name: str) -> Callable[[str], str]:
    def validate(text: str) -> str:
        if checked(name, text) != text:
            raise ValueError("blanks around it, or nothing")
        return text

    return validate


_Title: TypeAlias = Annotated[str, AfterValidator(_can_be("title"))]
_Specimen: TypeAlias = Annotated[str, AfterValidator(_can_be("specimen"))]
_Operator: TypeAlias = Annotated[str, AfterValidator(_can_be("operator"))]
_Note: TypeAlias = Annotated[str, AfterValidator(_can_be("note"))]


@dataclass(frozen=True, slots=True, config=STRICT)
class Described:
    """A person described the session. ``ordinal`` counts from 1: all are kept, the last stands, whole.

    ``specimen`` is an opaque number of a specimen or order, never a patient's name.
    """

    by: Person
    ordinal: Ordinal
    described_at_ns: Count
    title: _Title | None = None
    specimen: _Specimen | None = None
    operator: _Operator | None = None
    note: _Note | None = None
    kind: Literal["described"] = "described"

    @model_serializer(mode="wrap")
    def _what_was_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), *DESCRIBED)

    @property
    def said(self) -> dict[str, str | None]:
        """What is said, by the names in `DESCRIBED`."""
        return {"title": self.title, "specimen": self.specimen, "operator": self.operator, "note": self.note}


def whoever() -> str:
    """Return the name of this user, who says something without giving a name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


def describe(
    last: Described | None, changes: Mapping[str, str | None], *, by: str, described_at_ns: int
) -> Described | None:
    """Return the description that follows from the last one and what is changed in it, None where nothing is.

    Parameters
    ----------
    last
        What stands until now.
    changes
        By the names in `DESCRIBED`; None or nothing takes away what was said.
    """
    before: dict[str, str | None] = dict.fromkeys(DESCRIBED) if last is None else last.said
    after = before | {name: checked(name, text or "") for name, text in changes.items()}
    if after == before:
        return None
    ordinal = 1 if last is None else last.ordinal + 1
    return Described(by, ordinal, described_at_ns, after["title"], after["specimen"], after["operator"], after["note"])
