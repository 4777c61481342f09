"""The hub: the session's only writer, between sources, finders, workers and clients."""
