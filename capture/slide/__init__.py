"""The simulated slide: a stained blood smear drawn by rule, with the truth about every cell."""
