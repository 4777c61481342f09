"""The differential in a terminal, live."""
