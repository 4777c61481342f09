"""The paper's method on labelled cells of one's own: its two databases, its protocol, its tables, and what leaks."""
