"""The commands of the capture room."""
