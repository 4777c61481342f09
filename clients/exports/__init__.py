"""Results that leave the house: one module a format, found by its entry point."""
