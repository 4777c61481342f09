"""What can go wrong with a simulated slide, each with how to mend it."""


class SlideError(Exception):
    """A slide that cannot be drawn or written as asked.

    Attributes
    ----------
    hint
        How to mend it, in a few words.
    """

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(what)
        self.hint = hint
