"""What can go wrong with a simulated slide."""


class SlideError(Exception):
    """A slide that cannot be drawn or written as asked.

    Attributes
    ----------
    hint
        What to do about it, in a few words.
    """

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(what)
        self.hint = hint
