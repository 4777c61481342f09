"""The installed service: its files, and how they are laid and removed."""
