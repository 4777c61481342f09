"""An error that a person can put right: what is wrong and how to mend it, a line each."""


class Hinted(Exception):
    """Something is wrong that a person can mend; the command line prints both lines, and no traceback.

    Parameters
    ----------
    what : str
        What is wrong, and where.
    hint : str
        How to mend it.
    """

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint
