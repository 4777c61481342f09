"""The keys of one session: those that the laboratory has set, for the classes that the session knows."""

from pathlib import Path

from smearwatch.daemon.config import Settings
from smearwatch.daemon.key_layout import KeyLayout
from smearwatch.daemon.record.beside import is_tallied
from smearwatch.daemon.record.events import LabelName
from smearwatch.daemon.record.extra_classes import extra_classes_of
from smearwatch.daemon.record.reading import LedgerReader


def layout_of_session(settings: Settings, folder: Path) -> KeyLayout:
    """Return which key names which cell in a session.

    Raises
    ------
    KeysClash
        What is set now cannot go with a class that the session has recorded.
    LedgerUnusable
        It cannot be read.
    """
    with LedgerReader.read(folder) as ledger:
        openings = [each.extra_classes for each in ledger.openings()]
    return settings.key_layout(extra_classes_of(openings) if openings else None)


def tally_keys(layout: KeyLayout) -> dict[str, LabelName]:
    """Return which key counts which cell of a tally."""
    return {key: label for key, label in layout.tally.items() if is_tallied(label)}
