"""Structured logging to stderr: readable lines on a terminal, logfmt-like lines elsewhere, never on stdout."""

import logging
import os
import sys

import structlog

from smearwatch.daemon.columns import fold, visible

Logger = structlog.typing.FilteringBoundLogger

# What only a developer asks for: left out on a terminal unless everything is shown.
_FOR_DEVELOPERS = frozenset({"role", "epoch", "runtime_dir", "flaw", "code"})
_COLOUR = {"warning": "\033[33m", "error": "\033[31m", "critical": "\033[31m"}


def configure(level: str, *, role: str) -> None:
    """Set up logging once for this process; every line says which role wrote it."""
    interactive = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        ScreenRenderer(everything=level == "debug", colour="NO_COLOR" not in os.environ)
        if interactive
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "role", "event"])
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _visible,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if interactive else "iso", utc=not interactive),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(role=role)


def _visible(_logger: object, _method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replace letters that cannot be seen, in names that somebody else gave."""
    return {key: visible(value) if isinstance(value, str) else value for key, value in entry.items()}


class ScreenRenderer:
    """Renders an entry for a person: time, what happened, the values behind it, folded to the usual width.

    Parameters
    ----------
    everything : bool
        Whether the values that are for developers are shown too.
    colour : bool
        Whether warnings and errors are coloured.
    """

    def __init__(self, *, everything: bool, colour: bool) -> None:
        self._everything = everything
        self._colour = colour

    def __call__(self, _logger: object, _method: str, entry: structlog.typing.EventDict) -> str:
        """Return the entry's lines."""
        at, level, event = entry.pop("timestamp"), entry.pop("level"), entry.pop("event")
        shown = {key: value for key, value in entry.items() if self._everything or key not in _FOR_DEVELOPERS}
        values = ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in shown.items())
        known = level in _COLOUR or self._everything
        text = f"{f'{level}: ' if known else ''}{event}{f' ({values})' if values else ''}"
        lines = fold(text, first=f"{at} ", rest=" " * (len(at) + 1))
        colour = _COLOUR.get(level, "") if self._colour else ""
        return "\n".join(f"{colour}{line}\033[0m" if colour else line for line in lines)


def get_logger() -> Logger:
    """Return the process's logger."""
    logger: Logger = structlog.get_logger()
    return logger


def is_worth_a_line(times: int) -> bool:
    """Return whether what happened so often is logged once more: ten times, a hundred times, no flood of lines."""
    return times <= 10 or times == 10 ** (len(str(times)) - 1)
