"""The session record: events, ledger, frame store and tally."""
