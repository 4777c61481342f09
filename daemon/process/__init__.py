"""Child processes: how they are started, watched and stopped, and how one asks the hub for work."""
