"""A session as the hub counts it: its own queues, journal, ledger and feed; finder and worker cost nothing.

What the finder and the worker would say is made here, in full: stain, nucleus, place, look, moments and a small picture
of four thousand bytes. Their answers go into the functions that the hub's loop calls with a message, so that a hundred
thousand crops of 1.7 MB need not go through a socket; the feed goes out on a real one.
"""

import os
import random
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from smearwatch.daemon.config import Settings
from smearwatch.daemon.hub.crop_queue import CROP_BYTES, CropQueue
from smearwatch.daemon.hub.frame_queue import FrameQueue
from smearwatch.daemon.hub.intake import Intake
from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.hub.opening import opened
from smearwatch.daemon.hub.stages import StageTimes
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.events import Closed
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.wire.endpoints import Endpoints, private_dir
from smearwatch.daemon.wire.hub_sockets import HubSockets
from smearwatch.daemon.wire.messages import CellsFound, CropJudged, CropLease, FrameLease, OfferFrame
from smearwatch.daemon.wire.parts import CellOnWire, NucleusOnWire, PlaceOnWire, StainOnWire
from smearwatch.daemon.wire.sockets import context

WEIGHTS = "cd" * 32
CELLS = 10
"""In each field."""

_ACROSS = 100  # fields in a row of the slide
_FIELD_UM = 100.0
_MOMENTS = 1_920  # float16, of the shipped weights
_CROP = memoryview(bytes(CROP_BYTES))
_LOOKS = ("background", "density", "nucleus_blue", "nucleus_green", "nucleus_red", "red_cells_blue", "sharpness")


class Count:
    """One session being counted. Use as a context manager."""

    def __init__(self, state_dir: Path, session: str, runtime_dir: Path) -> None:
        self._settings = Settings(state_dir=state_dir, runtime_dir=runtime_dir, log_level="error")
        self._plan = RunPlan(settings=self._settings, session=session, source="folder")
        self.folder = session_folder(state_dir, session)

    def __enter__(self) -> "Count":
        self._stack = ExitStack()
        self._ledger = self._stack.enter_context(Ledger.open(self.folder))
        owner = self._stack.enter_context(context())
        private_dir(self._settings.runtime_dir)
        sockets = HubSockets(owner, Endpoints.under(self._settings.runtime_dir), max_bytes=2**20)
        self._stack.callback(sockets.close)
        self.journal = Journal(self._ledger, sockets)
        self.journal.commit(opened(self._plan, self._ledger))
        stages, lease_s = StageTimes(), self._settings.lease_s
        self._intake = Intake(self.journal, max_frame_bytes=2**20)
        self._crops = CropQueue(self.journal, stages, lease_s=lease_s)
        self._frames = FrameQueue(self.journal, self._crops, stages, lease_s=lease_s, most_pixels=2**28)
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.commit(Closed(self._ledger.epoch, self.journal.fold.complete, {}, {}))
        self._stack.close()

    @property
    def fields(self) -> int:
        """How many were seen."""
        return self.journal.fold.frames["seen"]

    def fill(self, fields: int) -> None:
        """Count so many fields in all."""
        for number in range(self.fields, fields):
            self.field(number)

    def block(self, fields: int) -> tuple[float, float]:
        """Count so many more fields; returns the seconds of CPU and of wall time that each of their cells took."""
        cpu, wall, before = time.process_time(), time.perf_counter(), self.fields
        self.fill(before + fields)
        cells = fields * CELLS
        return (time.process_time() - cpu) / cells, (time.perf_counter() - wall) / cells

    def field(self, number: int) -> None:
        """Count a field of `CELLS` cells."""
        drawn = random.Random(number)
        offered = OfferFrame(number, f"field-{number:06}.jpg", time.time_ns(), "folder", 0.1, "configured")
        self._intake.offer(offered, [memoryview(number.to_bytes(8, "big") * 64)])
        while (leased := self._frames.lease(b"finder", number)) is not None:
            self._frames.found(*_found(leased[0], drawn), b"finder")
        moments = memoryview(np.random.default_rng(number).uniform(0.1, 2.0, _MOMENTS).astype(np.float16).tobytes())
        while (crop := self._crops.lease(b"worker", WEIGHTS)) is not None:
            self._crops.judged(_judged(crop[0], drawn), [moments], b"worker", WEIGHTS)


def _found(lease: FrameLease, drawn: random.Random) -> tuple[CellsFound, list[memoryview]]:
    cells = tuple(
        CellOnWire(
            index,
            (50 + 150 * (index % 5), 50 + 200 * (index // 5), 90, 96),
            (95.0 + 150 * (index % 5), 98.0 + 200 * (index // 5)),
            round(drawn.uniform(60.0, 140.0), 2),
            False,
            round(drawn.uniform(0.6, 1.0), 4),
            stain=StainOnWire(_three(drawn), _three(drawn), round(drawn.uniform(6.5, 7.5), 3)),
            nucleus=NucleusOnWire(round(drawn.uniform(4.0, 9.0), 2), round(drawn.uniform(1.0, 4.0), 2), 14.5, 3),
        )
        for index in range(CELLS)
    )
    across, down = lease.turn % _ACROSS, lease.turn // _ACROSS
    place = PlaceOnWire("placed", 0, across * _FIELD_UM, down * _FIELD_UM, 0.0, 1.0, (lease.frame[::-1],))
    cropped = tuple(index for index in range(CELLS) if index not in lease.known_cells)
    found = CellsFound(
        lease.lease, lease.frame, 1000, 800, 0.1, "configured", None, 0.7, cells, cropped,
        {"decode": 9.0, "find": 30.0}, place,
    )  # fmt: skip
    return found, [_CROP] * len(cropped) + [memoryview(b"\xff\xd8" + drawn.randbytes(3_998)) for _ in cells]


def _three(drawn: random.Random) -> tuple[float, float, float]:
    blue, green, red = (round(drawn.uniform(0.1, 0.9), 4) for _ in range(3))
    return blue, green, red


def _judged(lease: CropLease, drawn: random.Random) -> CropJudged:
    cls = drawn.choices(range(6), (3, 55, 3, 1, 8, 30))[0]
    rest = round(drawn.uniform(0.001, 0.05), 6)
    shares = tuple(round(1.0 - 5 * rest, 6) if each == cls else rest for each in range(6))
    verdict: Any = drawn.choices(("confirmed", "flagged", "rejected"), (86, 11, 3))[0]
    return CropJudged(
        lease.lease, lease.frame, lease.index, CLASSES[cls], verdict, shares, shares,
        round(drawn.uniform(0.0, 0.4), 6), WEIGHTS, {"classify": 20.0, "wait": 5.0},
        look={name: round(drawn.uniform(0.2, 0.8), 4) for name in _LOOKS}, restained=lease.stain is not None,
    )  # fmt: skip


def bytes_of(folder: Path) -> dict[str, int]:
    """Return the bytes of a session's ledger and of its frames, as the disk holds them."""
    ledger = sum(each.stat().st_blocks * 512 for each in folder.glob("ledger.sqlite*"))
    frames = sum(os.stat(each).st_blocks * 512 for each in (folder / "frames").rglob("*") if each.is_file())
    return {"ledger": ledger, "frames": frames}
