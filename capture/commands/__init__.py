"""The commands calibrate, segment and slide."""
