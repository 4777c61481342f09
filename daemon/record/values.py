"""The kinds of values that events are made of."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

STRICT: Final = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, defer_build=True)
"""How every event checks its values."""

_Value = TypeVar("_Value")
Frozen: TypeAlias = Annotated[
    Mapping[str, _Value], AfterValidator(lambda given: MappingProxyType(dict(given))), PlainSerializer(dict)
]


def printable(name: Any) -> Any:
    """Replace what UTF-8 cannot carry: a file with an odd name is still a frame."""
    return name.encode("utf-8", "replace").decode("utf-8") if isinstance(name, str) else name


def digest_of(kept: bytes) -> str:
    """Return how an event names bytes that are kept beside it: the first 16 digits of their SHA-256 (hex)."""
    return hashlib.sha256(kept).hexdigest()[:16]


def without_none(spelt: dict[str, Any], *names: str) -> dict[str, Any]:
    """Leave out what events of earlier versions did not have: their spelling is what was hashed."""
    return {key: value for key, value in spelt.items() if key not in names or value is not None}


Sha256: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Digest: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
EngineWord: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,24}$")]
Word: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
Name: TypeAlias = Annotated[str, BeforeValidator(printable)]
Person: TypeAlias = Annotated[str, BeforeValidator(printable), StringConstraints(min_length=1, max_length=200)]
Sentence: TypeAlias = Annotated[str, BeforeValidator(printable), StringConstraints(min_length=1, max_length=1000)]
Count: TypeAlias = Annotated[int, Field(ge=0)]
Ordinal: TypeAlias = Annotated[int, Field(ge=1)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Scalar: TypeAlias = str | int | float | bool | None
CellKey: TypeAlias = tuple[str, int]
"""Frame and index."""
