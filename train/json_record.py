"""Results as JSON: frozen dataclasses whose fields are the keys, in order."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """Base of results that are written as JSON; a class whose JSON has another form than its fields overrides it."""

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name, in order; records, mappings and sequences among them likewise."""
        return {each.name: as_json(getattr(self, each.name)) for each in fields(self)}


def as_json(value: Any) -> Any:
    """Return what `json.dumps` takes: records and mappings as dicts, sequences as lists, all else as it is."""
    if isinstance(value, JsonRecord):
        return value.to_json()
    if isinstance(value, Mapping):
        return {name: as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    return value
