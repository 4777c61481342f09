"""What is said of a result's standing: preliminary, signed by whom and with what overruled, amended how often."""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from smearwatch.daemon.notices import PRELIMINARY

_ALTHOUGH: Final = {
    "flagged": "flagged cells had no label",
    "rejected": "rejected cells had no label",
    "drift": "the drift alarm was on",
    "target": "the target was not reached",
    "incomplete": "the count was not complete",
    "scale": "the red cells contradicted the scale",
}


def when_text(at_ns: int | None) -> str:
    """Return a moment as local date and time."""
    if at_ns is None:
        return "not begun"
    return datetime.fromtimestamp(at_ns / 1e9, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def sign_lines(tally: Mapping[str, Any]) -> list[str]:
    """Return how a result stands; the last line of an unsigned one says that it is preliminary.

    Parameters
    ----------
    tally : mapping
        As `smearwatch.daemon.record.tally_json.tally_json` gives it.
    """
    signed, amendments = tally.get("signed"), tally.get("amendments", [])
    if signed is None:
        return [*_amended(amendments), PRELIMINARY]
    lines = [f"Signed by {signed['by']}, {when_text(signed['signed_at_ns'])}"]
    lines += [f"  signed although {_ALTHOUGH[each['gate']]}: {each['reason']}" for each in signed["overruled"]]
    if signed["note"]:
        lines.append(f"  note: {signed['note']}")
    return lines + _amended(amendments)


def sign_command(session: str) -> str:
    """Return the command that signs a session's result."""
    return f"smearwatch sessions sign {shlex.quote(session)} --by WHO"


def how_to_verify(result: Mapping[str, Any]) -> list[str]:
    """Return how a person sees the cells of a session and signs its result; nothing where that is not to be done.

    Parameters
    ----------
    result : mapping
        A summary of a run, or a session as it is shown.
    """
    if result.get("signed") or not result["cells_found"]:
        return []
    name = shlex.quote(result["session"])
    return [
        f"See and correct its cells in a browser: smearwatch review {name}",
        f"or in a terminal, by key n: smearwatch watch {name}",
        f"Then sign the result: {sign_command(result['session'])}",
    ]


def _amended(amendments: list[Mapping[str, Any]]) -> list[str]:
    if not amendments:
        return []
    last, n = amendments[-1], len(amendments)
    times = "once" if n == 1 else f"{n} times, last"
    return [f"Amended {times} by {last['by']}, {when_text(last['amended_at_ns'])}: {last['reason']}"]
