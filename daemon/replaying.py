"""A recorded session's frames counted again: how it was set then, and what comes of it, without times and places."""

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import typer

from smearwatch.daemon.compare_sessions import compare, kept_frames
from smearwatch.daemon.config import Settings
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.events import Counted, Found, Opened, Rejected, Seen, event_to_bytes
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import find_session, session_folder
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.running import RunFailed, carry_out
from smearwatch.daemon.tasks.unpacked import unpacked
from smearwatch.daemon.weights import manifest_mark

ARCHIVED_TASK: Final = f"{__name__}:replay_archived"
"""`replay_archived` by import string."""

# What was done before there was a setting for it.
_AS_BEFORE = {"search_stain": "as_photographed", "judged_view": "first"}
_OF_TALLY = (
    "cells", "counts", "neutrophils", "percent", "rejected", "poisoned", "flagged", "verdicts", "at_edge",
    "seen_again", "judged_again", "frames_unplaced", "rejected_by_reason", "unfamiliar", "mark",
)  # fmt: skip


class OtherWeightsThere(Hinted):
    """On the computer that does a task the weights are others."""


class ReplayFailed(Hinted):
    """A replay of an archived session that came to no end."""


def recorded_settings(folder: Path) -> dict[str, Any]:
    """Return the settings that a replay takes from the session: which cells are found, and where the count ended."""
    ended = ended_at_target(folder)
    return _recorded(folder) | ({} if ended is None else {"target": ended.target})


def replay_plan(settings: Settings, session: str, into: str, *, speed: str = "max", as_json: bool = False) -> RunPlan:
    """Return the plan of a replay.

    Parameters
    ----------
    settings
        With `recorded_settings` among them.
    session, into
        The recorded session's name, and the new one's.
    speed, as_json
        As they were typed.
    """
    ended = ended_at_target(find_session(settings.state_dir, session))
    targets = None if ended is None else ended.targets
    return RunPlan(
        settings=settings,
        session=into,
        source="replay",
        source_options={"session": session, "speed": speed},
        stop_at_target=ended is not None,
        target_classes=dict(targets.classes) if targets else {},
        target_within=dict(targets.within) if targets else {},
        as_json=as_json,
    )


def _recorded(folder: Path) -> dict[str, Any]:
    """Return the settings that decide which cells are found and are in no frame, as the session had them last.

    And the engine of its last verdict: another one's numbers may differ in their last digits.
    """
    kept: dict[str, Any] = {}
    engine = "eager"
    with LedgerReader.read(folder) as ledger:
        for recorded in ledger.events():
            if isinstance(recorded.event, Opened):
                kept = {name: recorded.event.settings.get(name, before) for name, before in _AS_BEFORE.items()}
            elif isinstance(recorded.event, Counted) and not recorded.event.poisoned:
                engine = (recorded.event.engine or "eager").partition("_")[0]  # what follows is an extra's version
    return kept | {"engine": engine}


def ended_at_target(folder: Path) -> Opened | None:
    """Return how the run began that counted the last cell, where it was to end at its target: so is a replay."""
    opened = counted_by = None
    with LedgerReader.read(folder) as ledger:
        for recorded in ledger.events():
            if isinstance(recorded.event, Opened):
                opened = recorded.event
            elif isinstance(recorded.event, Counted):
                counted_by = opened
    return counted_by if counted_by is not None and counted_by.settings.get("stop_at_target") else None


def replay_archived(order: dict[str, Any]) -> dict[str, Any]:
    """Replay a session of an archive, in a state folder of its own that is removed in the end.

    Parameters
    ----------
    order
        ``path`` of the session, ``weights`` (their folder) and ``weights_manifest`` (`manifest_mark`), ``settings``,
        and ``engine`` by which the networks are to run, None for each session's own.

    Raises
    ------
    OtherWeightsThere, ReplayFailed
        Beside what `smearwatch.daemon.tasks.unpacked.unpacked` and `carry_out` raise.
    """
    weights = Path(order["weights"])
    if not weights.is_dir() or manifest_mark(weights) != order["weights_manifest"]:
        raise OtherWeightsThere(
            f"{os.uname().nodename}: other weights in {weights}, or none", "have the same there on every computer"
        )
    with unpacked(Path(order["path"])) as folder:
        state_dir, session, again = folder.parent.parent, folder.name, f"{folder.name[:40]}-replay"
        given = {**order["settings"], "state_dir": state_dir, "runtime_dir": state_dir.parent / "run"}
        # Where none was named, the networks run as they ran then.
        engine = {} if order["engine"] is None else {"engine": order["engine"]}
        settings = Settings(**{**given, **recorded_settings(folder), **engine, "weights": weights})
        with _lines() as said:
            try:
                ((_, summary),) = carry_out(replay_plan(settings, session, again))
            except typer.Exit as ended:
                why = next((line for line in reversed(said()) if line.startswith("smearwatch: ")), "it was ended")
                raise ReplayFailed(why.removeprefix("smearwatch: "), "replay it alone to see more") from ended
            except RunFailed as error:
                raise ReplayFailed(str(error), "replay it alone to see more") from error
        if not summary["complete"] and not summary["target_reached"]:
            raise ReplayFailed("it ended before all was counted", "give the same command again")
        comparison = compare(state_dir, session, again)
        del comparison["before"], comparison["after"]
        return {**_account(session_folder(state_dir, again)), "comparison": comparison}


def _account(folder: Path) -> dict[str, Any]:
    """Return what a session holds, without what a second replay may have otherwise: times, how far ahead it looked."""
    fold, kept = TallyFold(), kept_frames(folder)
    frames: dict[str, dict[str, Any]] = {}
    cells: dict[tuple[str, int], dict[str, Any]] = {}
    with LedgerReader.read(folder) as ledger:
        for recorded in ledger.events():
            event = recorded.event
            if isinstance(event, Seen | Found | Rejected) and event.frame not in kept:
                continue
            fold.apply(event)
            if isinstance(event, Found):
                digest = hashlib.sha256(event_to_bytes(event)).hexdigest()
                frames[event.frame] = {"cells": len(event.cells), "um_per_px": event.um_per_px, "found_sha256": digest}
            elif isinstance(event, Rejected):
                frames[event.frame] = {"rejected": event.reason}
            elif isinstance(event, Counted):
                cells[event.frame, event.index] = json.loads(event_to_bytes(event))
    tally = tally_json(fold, folder.name, 0)
    return {
        "tally": {name: tally[name] for name in _OF_TALLY},
        "frames": frames,
        "cells": [cells[key] for key in sorted(cells)],
    }


@contextmanager
def _lines() -> Iterator[Any]:
    """Take what this process and its children say on stderr; yields what gives the lines that came by then."""
    with tempfile.TemporaryFile() as said:
        sys.stderr.flush()
        before = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield lambda: os.pread(said.fileno(), 1 << 20, 0).decode(errors="replace").splitlines()
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
