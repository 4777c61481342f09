"""What people are told of pictures that other sessions have, too; without what reads these sessions."""

from collections.abc import Mapping


def elsewhere_text(elsewhere: Mapping[str, int] | None) -> str | None:
    """Return what a person is told of pictures that other sessions have, too; None where none has."""
    if not elsewhere:
        return None
    (name, pictures), *others = elsewhere.items()
    more = "".join(f", {number} in {other}" for other, number in others[:2])
    more += f", and some in {len(others) - 2} more" if len(others) > 2 else ""
    are = "1 of these pictures is" if pictures == 1 else f"{pictures} of these pictures are"
    return f"{are} also in session {name}{more}: the same slide may be counted twice"
