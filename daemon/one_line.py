"""Errors that a person can mend carry how, as their attribute ``hint``; this makes the one line from them."""


def one_line(error: BaseException) -> str | None:
    """Return the line for a person, or None for an error that nobody foresaw."""
    hint = getattr(error, "hint", None)
    return f"{error} ({hint})" if hint else None
