"""Structured logging to stderr: readable lines on a terminal, logfmt-like lines elsewhere, never on stdout."""

import logging
import sys

import structlog

Logger = structlog.typing.FilteringBoundLogger


def configure(level: str, *, role: str) -> None:
    """Set up logging once for this process; every line says which role wrote it."""
    interactive = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=True, pad_event_to=30)
        if interactive
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "role", "event"])
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if interactive else "iso", utc=not interactive),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(role=role)


def get_logger() -> Logger:
    """Return the process's logger."""
    logger: Logger = structlog.get_logger()
    return logger
