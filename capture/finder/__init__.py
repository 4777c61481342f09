"""Find the leukocytes in a field's bytes, and the child process that does so."""
