"""What other weights would have answered in recorded sessions, and which reports would have read otherwise."""
