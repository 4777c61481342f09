"""An anchor: where a session's chain stood at a moment."""

from typing import Annotated, Any, Final

from pydantic import StringConstraints, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.values import STRICT, Count, Sha256

MOST_CARRIED: Final = 1000
"""An archive takes no more along."""


@dataclass(frozen=True, slots=True, config=STRICT)
class Anchor:
    """Where a session's chain stood at a moment.

    Attributes
    ----------
    record
        The chain's first value: it says which record this is, whatever its session is called.
    event, chain
        The last entry then, and the chain's value at it.
    at_ns, why
        When that was, and on what occasion.
    """

    record: Sha256
    event: Count
    chain: Sha256
    at_ns: Count = 0
    why: Annotated[str, StringConstraints(max_length=64)] = ""

    def as_values(self) -> dict[str, Any]:
        """Return it as an entry of the audit journal has it, which has the time itself."""
        return {"record": self.record, "event": self.event, "chain": self.chain}


ANCHORS: Final[TypeAdapter[Anchor]] = TypeAdapter(Anchor)
