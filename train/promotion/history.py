"""Which weights were in use, one after the other."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.regular_file import read_regular

_FILE: Final = "history.json"


@dataclass(frozen=True, slots=True)
class Step:
    """One change. ``weights`` and ``before`` are identities, None for the weights that come with the package.

    ``by`` is who wanted it, None where nobody said.
    """

    at: str
    how: Literal["promoted", "forced", "back"]
    weights: str | None
    before: str | None
    by: str | None = None


_STEPS: Final = TypeAdapter(list[Step])


class HistoryDamaged(Exception):
    """The history of promotions cannot be read."""

    hint = "move that file away; the weights that are in use stay in use"

    def __init__(self, path: Path, matter: str) -> None:
        super().__init__(f"{path}: {matter}")


def read_steps(root: Path, current: str | None) -> list[Step]:
    """Read the steps that led to what is in use.

    A step is written before the change itself. So the last one is left out where it was never carried out.

    Parameters
    ----------
    root
        The folder of promoted weights.
    current
        Identity of the promoted weights in use, None for the shipped ones.

    Raises
    ------
    HistoryDamaged
        The file is there and cannot be read.
    """
    path = root / _FILE
    try:
        steps = _STEPS.validate_json(read_regular(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HistoryDamaged(path, (error.strerror or str(error)).lower()) from error
    except ValidationError as error:
        raise HistoryDamaged(path, "not a history of promotions") from error
    if steps and steps[-1].weights != current:
        return steps[:-1]
    return steps


def write_steps(root: Path, steps: list[Step]) -> None:
    """Keep the steps, whole or not at all; raises OSError."""
    write_atomically(root / _FILE, json.dumps([asdict(step) for step in steps], indent=1).encode() + b"\n")


def undo_stack(steps: list[Step], current: str | None) -> list[str | None]:
    """Return what going back leads to: identities, the shipped weights' None first, the ones in use last.

    Where somebody changed the link by hand, only the shipped weights are before it.
    """
    standing: list[str | None] = [None]
    for step in steps:
        if step.how != "back":
            standing.append(step.weights)
            continue
        while len(standing) > 1 and standing[-1] != step.weights:
            standing.pop()
    if standing[-1] == current:
        return standing
    return [None] if current is None else [None, current]
