"""Anchoring a session's chain: in the audit journal, and as a line that leaves this folder, to systemd's journal."""

import logging
import syslog
from collections.abc import Callable
from pathlib import Path
from typing import Final

from smearwatch.daemon.log import get_logger, writes_a_log
from smearwatch.daemon.record.anchor import Anchor
from smearwatch.daemon.record.anchors import LINE, drop, present, short_id, state_of
from smearwatch.daemon.record.audit import AuditUnusable, Entry, writing
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader

_PATIENCE_S: Final = 0.2  # nobody who counts waits for whoever holds the journal


class Anchoring:
    """Anchors the session that is counted, again and again, where it has got on.

    Parameters
    ----------
    ledger
        The session.
    every_s
        How often, in seconds.
    clock
        Monotonic seconds.
    """

    def __init__(self, ledger: Ledger, every_s: float, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._every_s = every_s
        self._clock = clock
        self._next_s = clock() + every_s
        self._event = -1
        self._said = False

    def turn(self) -> None:
        """Anchor where it is time and something was recorded since."""
        if self._clock() >= self._next_s:
            self.anchor("counting")

    def anchor(self, why: str) -> None:
        """Anchor now, where something was recorded since the last time; what hinders it is logged, once."""
        self._next_s = self._clock() + self._every_s
        if self._ledger.last_number == self._event:
            return
        state_dir = state_of(self._ledger.folder)
        if state_dir is None:
            return
        try:
            with writing(state_dir, patience_s=_PATIENCE_S) as journal:
                anchor, entry = drop(journal, self._ledger, why)
            self._event, self._said = anchor.event, False
        except AuditUnusable as error:
            anchor, entry = present(self._ledger), None
            if not self._said:
                self._said = True
                get_logger().warning("not in the audit journal", why=str(error), hint=error.hint)
        tell(anchor, short_id(self._ledger), entry)


def anchor_once(folder: Path, why: str, by: str | None = None) -> None:
    """Anchor a session at an occasion that a person makes, in the journal and the log; raises `AuditUnusable`."""
    state_dir = state_of(folder)
    if state_dir is None:
        return
    with LedgerReader.read(folder) as ledger:
        with writing(state_dir) as journal:
            anchor, entry = drop(journal, ledger, why, by)
        short = short_id(ledger)
    tell(anchor, short, entry)


def tell(anchor: Anchor, short: str, entry: Entry | None) -> None:
    """Write an anchor where whoever alters a ledger does not look, or may not write: no name is in that line."""
    values = {"record": short, "entry": anchor.event, "chain": anchor.chain}
    if entry is not None:
        values |= {"audit": entry.number, "audit_chain": entry.chain}
    if writes_a_log(logging.INFO):
        get_logger().info(LINE, **values)
        return
    # A command, or a run on a terminal: the system's log, which systemd's journal reads; without one nothing happens.
    syslog.openlog("smearwatch", 0, syslog.LOG_USER)
    syslog.syslog(syslog.LOG_INFO, f"{LINE} {' '.join(f'{key}={value}' for key, value in values.items())}")
