"""One session after the other: drawn, counted undisturbed, counted under kills, compared; copies continued."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.verifying import verify
from tests.torture.comparing import Content, compare, flaws
from tests.torture.desk import SESSION, SIZE, UM_PER_PX, Desk
from tests.torture.killing import Killer, draw_deeds

OF_THE_ORDER = ("frames_found_otherwise", "cells_missing", "cells_more", "cells_judged_otherwise", "counts_equal")
"""What another order of frames may change in a comparison: which view of a leukocyte counts, for one."""

FRAMES_A_SECOND = 15.0
"""About how many fields of this size two cores count, so that a kill comes while there is work."""


def torture(
    folder: Path, *, kills: int, frames: int, sessions: int, copies: int, seed: int, first: int = 0
) -> Iterator[dict[str, Any]]:
    """Yield what came of each session from `first` on; kills and frames are shared out among all of them."""
    for number in range(first, sessions):
        share_of_kills = kills * (number + 1) // sessions - kills * number // sessions
        share_of_frames = frames * (number + 1) // sessions - frames * number // sessions
        yield one_session(folder / str(number), share_of_kills, share_of_frames, copies, seed * 1000 + number)
        shutil.rmtree(folder / str(number))


def draw(desk: Desk, frames: int, seed: int, *, truth: Path | None = None) -> None:
    """Draw fields of a slide that a hand moves, back to where it was at times, so that fields share leukocytes."""
    drawn = desk.type(
        "slide", "--out", desk.watched, "--fields", frames, "--rate", "0", "--seed", seed, "--um-per-px", UM_PER_PX,
        "--size", SIZE, "--route", "freehand", "--revisits", "0.1", *(() if truth is None else ("--truth", truth)),
    )  # fmt: skip
    assert drawn.status == 0, drawn.err


def one_session(folder: Path, kills: int, frames: int, copies: int, seed: int) -> dict[str, Any]:
    """Draw a slide that is gone over by hand, count it undisturbed and under kills, compare."""
    chance = random.Random(seed)
    still, killed = Desk(folder / "still"), Desk(folder / "killed")
    draw(still, frames, seed)
    undisturbed = still.type(*still.run_command()[3:])
    assert undisturbed.status == 0, undisturbed.err
    reference = Content.of(still.session)
    killer = Killer(killed, sorted(still.watched.iterdir()), chance)
    ended = killer.kill(draw_deeds(kills, chance), copies=copies, batch_s=frames / max(1, kills) / FRAMES_A_SECOND)
    compared = compare(Content.of(killed.session), reference, frames)
    bad = flaws_of(killed, compared)
    copied = [
        _of_copy(copy, killed, reference, frames, goes_on=not at and seed % 4 == 0)
        for at, copy in enumerate(killer.done.copies)
    ]
    bad += [flaw for each in copied for flaw in each["flaws"]]
    return {
        "seed": seed,
        "kills": sum(killer.done.deeds.values()),
        "deeds": dict(sorted(killer.done.deeds.items())),
        "kills_in_work": killer.done.in_work,
        "runs_started": killer.done.started,
        "starts_refused": killer.done.refused,
        "runs_that_gave_up": killer.done.gave_up,
        "unexpected": killer.done.unexpected,
        "counters": ended.summary["counters"],
        **compared,
        "counts": reference.counts,
        "copies": copied,
        "flaws": bad,
    }


def flaws_of(desk: Desk, compared: dict[str, Any]) -> list[str]:
    """Return what is not as it has to be; what another order of frames may change is left to a replay in that order."""
    if not compared["frames_in_other_order"]:
        return flaws(compared)
    bad = [flaw for flaw in flaws(compared) if not any(name in flaw for name in OF_THE_ORDER)]
    replayed = desk.type("replay", SESSION, "--compare", "--json")
    compared["replay_identical"] = replayed.status == 0 and replayed.summary["comparison"]["identical"]
    return bad if compared["replay_identical"] else [*bad, "its replay, undisturbed, differs"]


def _of_copy(copy: Path, killed: Desk, reference: Content, frames: int, *, goes_on: bool) -> dict[str, Any]:
    """Verify a copy of the state as it was at one moment; where it is to go on, count the rest and compare."""
    desk = Desk(copy)
    with LedgerReader.read(desk.session) as ledger:
        faults = [fault.what for fault in verify(ledger)]
        told: dict[str, Any] = {"events": ledger.last_number, "faults": len(faults)}
    bad = [f"copy: {fault}" for fault in faults[:3]]
    if goes_on:
        desk.watched.rmdir()
        desk.watched.symlink_to(killed.watched, target_is_directory=True)
        ended = desk.type(*desk.run_command()[3:], "--continue")
        compared = compare(Content.of(desk.session), reference, frames) if ended.status == 0 else {}
        bad += [f"copy: {flaw}" for flaw in flaws(compared)] if compared else [f"copy: {ended.err[-300:]}"]
        told = {**told, "continued": compared}
    return {**told, "flaws": bad}
