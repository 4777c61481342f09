"""One check's outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

State: TypeAlias = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found.

    Attributes
    ----------
    name
        What was looked at, in a word or two.
    state
        ``failed``: nothing can be counted, or what is counted may be wrong or lost. ``warning``: it can, with less.
    says
        What was found, in one line.
    mend
        What to do; empty where there is nothing to do.
    values
        The numbers behind it, for programs.
    """

    name: str
    state: State
    says: str
    mend: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
