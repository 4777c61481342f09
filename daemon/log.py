"""Structured logging to stderr, never to stdout: lines for a person on a terminal, JSON for systemd's journal."""

import logging
import os
import sys
from collections import Counter
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Final, Literal, TextIO

import structlog

from smearwatch.daemon.columns import fold, visible
from smearwatch.daemon.withheld import WITHHELD, is_journal, without_names

Logger = structlog.typing.FilteringBoundLogger
LogFormat = Literal["auto", "text", "json"]

# What only a developer asks for: left out on a terminal unless everything is shown.
_FOR_DEVELOPERS = frozenset({"role", "epoch", "record", "runtime_dir", "flaw", "code"})
_COLOUR = {"warning": "\033[33m", "error": "\033[31m", "critical": "\033[31m"}
_PRIORITY: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}

NAMED: Final = frozenset({"file", "files", "folder", "session", "subfolder"})
"""The values of an entry that a person has named: they are left out of a log, and shown on a terminal."""

_OWN: Final = frozenset({"event", "level", "role", "timestamp", "frame", "record", "chain"})
_SHORT: Final = 12  # hex digits of a frame's name; of a million frames two hardly ever share them
_MOST_REPORTS: Final = 1000
_steps_are: Literal["debug", "info"] | None = None  # before `configure` nobody asks for them
_as_json = False
_log_from: float = float("inf")  # before `configure`, and on a screen


def configure(level: str, *, role: str, log_format: LogFormat = "auto") -> None:
    """Set up logging once for this process; every line says which role wrote it.

    Parameters
    ----------
    level : str
        The lowest level that is written. With ``debug`` names are written, too.
    role : str
        What this process does.
    log_format : {"auto", "text", "json"}
        ``auto`` is JSON where stderr goes to systemd's journal, and text elsewhere.
    """
    global _steps_are, _log_from, _as_json
    interactive = sys.stderr.isatty() and log_format != "json"
    journal = is_journal(sys.stderr)
    as_json = log_format == "json" or (log_format == "auto" and journal)
    _steps_are = "info" if as_json else "debug"
    _as_json = as_json
    lowest = logging.getLevelNamesMapping()[level.upper()]
    _log_from = float("inf") if interactive else lowest
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _visible,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if interactive else "iso", utc=not interactive),
            *([] if interactive or level == "debug" else [leave_out_names]),
            _renderer(level, interactive=interactive, as_json=as_json, journal=journal),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.PrintLoggerFactory(_Patient(sys.stderr)),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(role=role)
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if not isinstance(each, _OfLibraries)] + [_OfLibraries()]


class _OfLibraries(logging.Handler):
    """Makes what a library reports by `logging` or `warnings` an entry of ours, for it would write bare lines."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._reported: Counter[tuple[str, str]] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Write an entry, the same one now and then only."""
        why = next(iter(record.getMessage().strip().splitlines()), "")
        if record.exc_info is not None and (error := record.exc_info[1]) is not None:
            why = f"{why}: {type(error).__name__}: {error}"
        if len(self._reported) > _MOST_REPORTS:
            self._reported.clear()
        self._reported[record.name, why] += 1
        if is_worth_a_line(self._reported[record.name, why]):
            log = get_logger().error if record.levelno >= logging.ERROR else get_logger().warning
            log("a library reports", library=record.name, why=without_names(visible(why)))


class _Patient:
    """A stream that may lie on a full disk: no count ends for its log.

    What was not taken is written with what follows.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def writes_a_log(level: int) -> bool:
    """Return whether this process writes entries of a level (as `logging` has them) into a log, and not on a screen."""
    return _log_from <= level


def is_for_machines() -> bool:
    """Return whether this process's log is JSON."""
    return _as_json


def frame_id(frame: str) -> str:
    """Return the short name of a frame by which its lines are found in the logs of all processes."""
    return frame[:_SHORT]


def working_on(frame: str) -> AbstractContextManager[None]:
    """Let all entries of the body name the frame that it works on (SHA-256 in hex; empty: none)."""
    return structlog.contextvars.bound_contextvars(frame=frame_id(frame)) if frame else nullcontext()


def log_step(event: str, **values: Any) -> None:
    """Write that a frame got a step further: always into a log for machines, elsewhere with ``debug`` only."""
    if _steps_are is not None:
        (get_logger().info if _steps_are == "info" else get_logger().debug)(event, **values)


def leave_out_names(_logger: object, _method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Leave the names out of an entry that people give: those said as such, and where an error's text repeats them.

    A hint keeps the words that a file's name without its ending happens to be: `link.jpg` is one, and `link` none.
    """
    given = [entry[key] for key in NAMED & entry.keys()]
    names = [str(name) for each in given for name in (each if isinstance(each, list | tuple) else (each,))]
    names += [os.path.basename(name) for name in names]
    stems = [os.path.splitext(name)[0] for name in names]
    return {
        key: WITHHELD
        if key in NAMED and value
        else without_names(value, names if key == "hint" else [*names, *stems])
        if isinstance(value, str) and key not in _OWN
        else value
        for key, value in entry.items()
    }


def _renderer(level: str, *, interactive: bool, as_json: bool, journal: bool) -> structlog.typing.Processor:
    if interactive:
        return ScreenRenderer(everything=level == "debug", colour="NO_COLOR" not in os.environ)
    inner: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if as_json
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "role", "event"])
    )
    if not journal:
        return inner

    def with_priority(logger: object, method: str, entry: structlog.typing.EventDict) -> str:
        # How a line that goes to the journal says its level, see sd-daemon(3).
        return f"<{_PRIORITY.get(entry['level'], 6)}>{inner(logger, method, entry)}"  # type: ignore[str-bytes-safe]

    return with_priority


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
