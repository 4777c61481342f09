"""The commands that look at pictures: calibrate, segment, slide."""
