"""From a field's bytes to its leukocytes, and the child process that does it."""
