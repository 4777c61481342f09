"""What a person left unfinished: a tally, a location test; each is a file beside the session until it is kept."""

from smearwatch.daemon.hinted import Hinted


class DraftUnusable(Hinted):
    """What is unfinished cannot be read or written, or is somebody else's."""
