"""The commands of the daemon itself."""
