"""The pictures of a session that were rejected, by name."""

from dataclasses import dataclass

from smearwatch.daemon.record.reading import LedgerReader


@dataclass(frozen=True, slots=True)
class RejectedFrame:
    """A picture that was not searched.

    Attributes
    ----------
    name
        What a person knows it by.
    frame
        SHA-256 of its bytes.
    reason, detail
        Why, as the record has it.
    """

    name: str
    frame: str
    reason: str
    detail: str


def rejected_frames(ledger: LedgerReader) -> list[RejectedFrame]:
    """Return the pictures that were rejected, in the order in which they came."""
    rows = ledger.rows(
        "SELECT json_extract(seen.body, '$.name'), frame, json_extract(rejected.body, '$.reason'), "
        "json_extract(rejected.body, '$.detail') FROM events AS rejected "
        "JOIN frames ON frame = json_extract(rejected.body, '$.frame') "
        "JOIN events AS seen ON seen.number = seen_number "
        "WHERE rejected.kind = 'rejected' ORDER BY seen_number"
    )
    return [RejectedFrame(*row) for row in rows]
