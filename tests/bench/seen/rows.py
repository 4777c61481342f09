"""A measured share with what it rests on."""

from typing import Any

from smearwatch.daemon.record.intervals import clopper_pearson


def share(what: str, data: str, hits: int, of: int, aim: str) -> dict[str, Any]:
    """A row of a proportion, with its exact 95 % interval."""
    low, high = clopper_pearson(hits, of)
    interval = f"{low:.4f} to {high:.4f}"
    return row(what, data, of, f"{hits / of:.4f}" if of else "-", interval, aim)


def row(what: str, data: str, n: int, value: str, interval: str, aim: str) -> dict[str, Any]:
    """A row of anything."""
    return {"what": what, "data": data, "n": n, "value": value, "95 % interval": interval, "aim": aim}
