"""The parts of `smearwatch demo`: its processes, and its count beside the slide's truth."""
