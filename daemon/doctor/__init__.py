"""Whether this machine and this installation can count: each check says what it found, and how to mend it."""
