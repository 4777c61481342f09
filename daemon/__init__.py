"""The daemon: record, wire, hub, workers and the command line."""
