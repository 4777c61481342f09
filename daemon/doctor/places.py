"""Where things are kept: room, rights, sessions, calibrations, sockets."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from smearwatch.daemon.columns import size_text
from smearwatch.daemon.config import Settings
from smearwatch.daemon.disk_room import FULL_BYTES, LOW_BYTES, MEND, free_room
from smearwatch.daemon.doctor.check import Check
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import session_folder, session_names
from smearwatch.daemon.wire.endpoints import Endpoints, EndpointUnusable

_USUAL_CALIBRATION: Final = "default"
"""What a run uses where none is named."""


def room(folder: Path, name: str = "disk") -> Check:
    """Return how much room is left where a folder is, or is to be."""
    try:
        free, nodes = free_room(folder)
    except OSError as error:
        return Check(name, "failed", f"{folder}: {error.strerror}", "mount it, or choose another state_dir")
    says, values = f"{size_text(free)} free for {folder}", {"free_bytes": free, "free_files": nodes}
    mend = f"delete old sessions ({MEND}), or choose another state_dir"
    if free < FULL_BYTES or nodes == 0:
        return Check(name, "failed", says if nodes else f"{says}, and no room for another file", mend, values)
    if free < LOW_BYTES:
        return Check(name, "warning", says, mend, values)
    return Check(name, "ok", says, values=values)


def rights(state_dir: Path) -> Check:
    """Return whether the state folder can be written, and not by everybody."""
    if not state_dir.exists():
        above = next(each for each in state_dir.parents if each.exists())
        if os.access(above, os.W_OK | os.X_OK):
            return Check("rights", "ok", f"{state_dir} is made with the first session")
        return Check("rights", "failed", f"{state_dir} cannot be made: no right to write in {above}", _OTHER)
    if not os.access(state_dir, os.W_OK | os.X_OK):
        return Check("rights", "failed", f"no right to write in {state_dir}", _OTHER)
    mode = stat.S_IMODE(state_dir.stat().st_mode)
    if mode & 0o002:
        return Check("rights", "failed", f"everybody may write in {state_dir}", f"chmod o-w {state_dir}")
    return Check("rights", "ok", f"{state_dir} can be written", values={"mode": f"{mode:o}"})


_OTHER: Final = "give this user the right, or choose another state_dir"


def sessions(state_dir: Path) -> tuple[Check, int | None]:
    """Return whether the recorded sessions can be read, and when the last entry of any was recorded (ns)."""
    unreadable, latest, names = [], None, session_names(state_dir)
    for name in names:
        try:
            with LedgerReader.read(session_folder(state_dir, name)) as ledger:
                summary = ledger.summary()
        except (LedgerUnusable, OSError):
            unreadable.append(name)
            continue
        latest = max(latest or 0, summary.last_at_ns or 0) or None
    count = f"{len(names)} recorded"
    if unreadable:
        mend = f"see what is wrong: smearwatch sessions verify {unreadable[0]}"
        return Check("sessions", "failed", f"{count}, unreadable: {', '.join(unreadable[:5])}", mend), latest
    return Check("sessions", "ok", count, values={"sessions": len(names)}), latest


def calibrations(settings: Settings) -> Check:
    """Return how the scale is known: from the settings, from calibrated cameras, or from red cells alone."""
    stored = sorted((settings.state_dir / "calibrations").glob("*.json"))
    values = {"calibrations": len(stored)}
    if isinstance(settings.um_per_px, float):
        return Check("scale", "ok", f"{settings.um_per_px:g} µm a pixel, by the settings", values=values)
    if stored:
        names = [path.stem for path in stored]
        says = f"calibrated: {', '.join(names[:5])}"
        used = settings.calibration or _USUAL_CALIBRATION
        if used in names:
            return Check("scale", "ok", says, values=values)
        which = f"none of them is {used}" if settings.calibration else f"none is called {used}"
        mend = f'name one: smearwatch run --calibration {names[0]}, or in the settings calibration = "{names[0]}"'
        return Check(
            "scale", "warning", f"{says}; {which}, so a run uses none of them unless it is named", mend, values
        )
    mend = "measure it once: smearwatch calibrate"
    return Check("scale", "warning", "no camera is calibrated: the scale comes from red cells", mend, values)


def endpoints(settings: Settings) -> Check:
    """Return whether the sockets' folder can be used, and whether a count listens there."""
    try:
        talk = Endpoints.under(settings.runtime_dir).talk.removeprefix("ipc://")
    except EndpointUnusable as error:
        return Check("sockets", "failed", str(error), error.hint)
    runtime_dir = settings.runtime_dir
    if runtime_dir.exists():
        status = runtime_dir.stat()
        if status.st_uid != os.geteuid():
            return Check("sockets", "warning", f"{runtime_dir} belongs to another user", "ask as the user who counts")
        if stat.S_IMODE(status.st_mode) & (0o006 if settings.has_groups else 0o007):
            mode = "711" if settings.has_groups else "700"
            return Check("sockets", "failed", f"everybody may enter {runtime_dir}", f"chmod {mode} {runtime_dir}")
    listens = _listens(talk)
    says = f"a count runs, at {runtime_dir}" if listens else f"no count runs at {runtime_dir}"
    return Check("sockets", "ok", says, values={"running": listens})


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(1.0)
        try:
            asked.connect(path)
        except OSError:
            return False
    return True


def of_places(settings: Settings, recorded: Check) -> Iterator[Check]:
    """Yield all checks of places; ``recorded`` is that of the sessions."""
    yield room(settings.state_dir)
    yield rights(settings.state_dir)
    yield recorded
    yield calibrations(settings)
    yield endpoints(settings)
