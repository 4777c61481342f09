"""Labelled cells: where they come from, how they are divided, and their crops on disk."""
