"""Starting a count from the page or the terminal client: `smearwatch run` as a process of its own, which outlives both.

It is the command that a person would type, and it refuses what it refuses there; its last line is told.
"""

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smearwatch.clients.counted_now import CountedNow
from smearwatch.daemon.config import Settings
from smearwatch.daemon.folder_check import FolderUnusable, check_watch_dir
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.place_setting import CameraPlace
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.description import checked
from smearwatch.daemon.record.lock import holder
from smearwatch.daemon.record.sessions import check_name, session_folder
from smearwatch.daemon.specimens import whose_pictures
from smearwatch.daemon.wire.endpoints import private_dir

PLACES: Final = 'set [places] in the settings file: NAME = "/path/of/the/folder", or NAME = { camera = "0" }'
"""How a page gets places to start at."""

START_QUESTION: Final = (
    "Pictures that lie in a folder are counted, too, and those that come. What a camera shows is counted from the "
    "start: lay the slide under it before. Another slide afterwards: the next specimen."
)
"""What is to be known before a count is started."""

LOG_FILE: Final = "started.log"
"""What the last count that was started from a page or a terminal client says, in the state folder."""

_LISTEN_S: Final = 2.5  # a daemon is heard every second
_WAIT_S: Final = 20.0
_POLL_S: Final = 0.1


class NotStarted(Hinted):
    """No count was started."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A count that somebody wants.

    Attributes
    ----------
    place
        What is to be watched: a folder or a camera.
    said
        What is said of the session, by the names of `smearwatch.daemon.record.description`; the specimen is needed.
    by
        Who says so.
    session
        A new session's name, or that of one that goes on; None for date and time.
    target
        Its wanted number of cells, None for the settings'.
    options
        More of what `smearwatch run` takes.
    """

    place: Path | CameraPlace
    said: Mapping[str, str]
    by: str
    session: str | None = None
    target: int | None = None
    options: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Started:
    """A count that was started: its session, None while it is not heard; a sentence for whoever wanted it."""

    session: str | None
    text: str


def place_named(settings: Settings, place: str) -> Path | CameraPlace:
    """Return a place that is set; raises `NotStarted` for any other name."""
    if place not in settings.places:
        known = f"there are: {', '.join(settings.places)}" if settings.places else PLACES
        raise NotStarted(f"no place is called {place!r}", known)
    return settings.places[place]


def start(settings: Settings, wanted: Wanted, config: Path | None = None) -> Started:
    """Start a count, and return once it is heard.

    Parameters
    ----------
    settings
        Where sessions and sockets are.
    config
        The settings file that was named, None for the usual one.

    Raises
    ------
    NotStarted
        A count runs already, the folder cannot be watched or holds pictures of another session, or `smearwatch run`
        has refused.
    DescriptionUnusable, EndpointUnusable, NameUnusable
        What was typed cannot be so, or the runtime folder cannot be used.
    """
    said = {name: text for name, given in wanted.said.items() if (text := checked(name, given))}
    if "specimen" not in said:
        raise NotStarted("no count without a specimen", "give the number of the specimen or order")
    name = check_name(wanted.session or time.strftime("%Y-%m-%dT%H-%M-%S"))
    source = _source(wanted.place)
    with (
        _one_at_a_time(private_dir(settings.runtime_dir, passable=settings.has_groups)),
        CountedNow(settings.runtime_dir) as counted,
    ):
        if (running := _until(lambda: counted.session, _LISTEN_S)) is not None:
            raise NotStarted(
                f"session {running} is being counted",
                "go on there with the next specimen, or stop it first",
            )
        if isinstance(wanted.place, Path):
            _refuse_mixed(settings, name, wanted.place.resolve(), said["specimen"])
        words = ["run", source, f"--session={name}"]
        words += [f"--{key}={text}" for key, text in said.items()]
        words += [f"--by={wanted.by}", *([] if wanted.target is None else [f"--target={wanted.target}"])]
        words += [*wanted.options, *([] if config is None else [f"--config={config.absolute()}"])]
        process = _begun(settings, words)
        heard = _until(lambda: _heard(settings, counted, process), _WAIT_S)
    log = settings.state_dir / LOG_FILE
    if process.poll() is not None:
        raise NotStarted(f"no count: {_last_line(log)}", f"all that it said stands in {log}")
    threading.Thread(target=process.wait, daemon=True, name="started").start()
    if heard is None:
        return Started(None, f"session {name} begins, and is not heard yet; what it says stands in {log}")
    if heard != name:
        return Started(heard, f"session {name} has ended, and session {heard} goes on after it")
    return Started(heard, f"session {heard} is being counted, specimen {said['specimen']}")


def _source(place: Path | CameraPlace) -> str:
    """Return how a place is told to `smearwatch run`, which itself looks whether a camera is there."""
    if isinstance(place, CameraPlace):
        return f"--camera={place.camera}"
    try:
        return f"--watch={check_watch_dir(place)}"
    except FolderUnusable as unusable:
        raise NotStarted(str(unusable), "see that it is there and may be read, then start again") from unusable


def _refuse_mixed(settings: Settings, name: str, folder: Path, specimen: str) -> None:
    """Start no new specimen where pictures of another session lie: they would be counted to it, too."""
    plan = RunPlan(settings=settings, session=name, source="folder", source_options={"dir": str(folder)})
    if (other := whose_pictures(plan)) is not None:
        raise NotStarted(
            f"pictures of session {other} lie in the folder, and would be counted to specimen {specimen}, too",
            f"give the session {other} and its own specimen, and begin the next specimen once it runs; or move its "
            "pictures out of the folder",
        )


@contextmanager
def _one_at_a_time(runtime_dir: Path) -> Iterator[None]:
    descriptor = os.open(runtime_dir / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotStarted("a count is being started just now", "wait until it is there") from None
        yield
    finally:
        os.close(descriptor)


def _begun(settings: Settings, words: list[str]) -> "subprocess.Popen[bytes]":
    """Begin the process, which has neither the terminal nor the page's program to lose."""
    paths = {key: value for key, value in settings if isinstance(value, Path)}
    # It works in /, so none may be meant from where this process works; the others it reads itself.
    meant = {key for key, path in paths.items() if not path.is_absolute()} | {"state_dir", "runtime_dir"}
    told = {f"SMEARWATCH_{key.upper()}": str(paths[key].absolute()) for key in meant}
    if named := os.environ.get("SMEARWATCH_CONFIG"):
        told["SMEARWATCH_CONFIG"] = str(Path(named).absolute())
    log = settings.state_dir / LOG_FILE
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "smearwatch.daemon.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
            env={**os.environ, **told},
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


def _heard(settings: Settings, counted: CountedNow, process: "subprocess.Popen[bytes]") -> str | None:
    """Return the session that a process counts, "" where it has ended; not that of a count that somebody else began."""
    if process.poll() is not None:
        return ""
    session = counted.session
    writer = None if session is None else holder(session_folder(settings.state_dir, session))
    try:
        ours = writer is not None and writer.pid is not None and os.getsid(writer.pid) == process.pid
    except ProcessLookupError:
        ours = False
    return session if ours else None


def _until(look: Callable[[], str | None], seconds: float) -> str | None:
    """Return what a look gives as soon as it gives something, None where it does not in time."""
    until_s = time.monotonic() + seconds
    while (found := look()) is None and time.monotonic() < until_s:
        time.sleep(_POLL_S)
    return found


def _last_line(log: Path) -> str:
    """Return what the command said last to a person."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("smearwatch: ")]
    return (told or lines or ["it ended without a word"])[-1].removeprefix("smearwatch: ")
