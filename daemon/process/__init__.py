"""Child processes: how they are started, watched, told to stop, and how one asks the hub for work."""
