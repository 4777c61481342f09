"""Cells that a person counts at the eyepiece and names by keys: what was typed, kept from key to key."""
