"""Errors that a person can mend carry how, as their attribute ``mend``; this makes the one line from them."""


def one_line(error: BaseException) -> str | None:
    """Give the line for a person, or None for an error that nobody foresaw."""
    mend = getattr(error, "mend", None)
    return f"{error} ({mend})" if mend else None
