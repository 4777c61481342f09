"""A run over subfolders, each a session of its own."""
