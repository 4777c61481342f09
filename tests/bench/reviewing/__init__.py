"""Smears whose truth is known, machines that err in known ways, and what a random review makes of them."""
