"""What carrying and keeping cost: a crop through the hub's sockets beside memcpy, the record beside fsync."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import zmq

from smearwatch.daemon.record.events import Seen, event_to_bytes
from smearwatch.daemon.record.frame_store import FrameStore
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.wire.endpoints import Endpoints, private_dir
from smearwatch.daemon.wire.hub_sockets import HubSockets
from smearwatch.daemon.wire.messages import CropLease, FrameLease
from smearwatch.daemon.wire.sockets import Peer, context
from tests.bench.performance.size import Size, on_disk
from tests.bench.turns import Figure, compared, in_turn
from tests.integration.hub_bench import cells

CROP = np.full((750, 750, 3), 7, np.uint8)
FRAME_BYTES = 400_000
_JPEG = b"small picture" * 300


def figures(size: Size) -> Iterator[Figure]:
    """Measure the wire, then the record."""
    with tempfile.TemporaryDirectory() as name, context() as owner:
        yield from _wire(Path(name), owner, size.of(60))
    with tempfile.TemporaryDirectory(dir=on_disk()) as name:
        yield from _record(Path(name), size.of(80))


def _wire(folder: Path, owner: zmq.Context[zmq.Socket[bytes]], rounds: int) -> Iterator[Figure]:
    """Measure a crop from a finder by the hub to a worker: messages, checks and sockets, not what the hub does."""
    private_dir(folder / "r")
    endpoints = Endpoints.under(folder / "r")
    crop = CROP.tobytes()
    lease = FrameLease(1, "ab" * 32, "1.jpg", 0.1, "configured", ())
    found, buffers = cells(lease)
    hub = HubSockets(owner, endpoints, max_bytes=20_000_000)
    bare = [owner.socket(kind) for kind in (zmq.DEALER, zmq.ROUTER, zmq.DEALER)]
    try:
        for at, each in enumerate(bare):
            each.setsockopt(zmq.LINGER, 0)
            each.setsockopt(zmq.IDENTITY, f"peer {at}".encode())
        bare[1].bind(f"ipc://{folder}/bare")
        bare[0].connect(f"ipc://{folder}/bare")
        bare[2].connect(f"ipc://{folder}/bare")
        bare[2].send(b"here")
        bare[1].recv_multipart()
        with Peer(owner, endpoints) as finder, Peer(owner, endpoints) as worker:
            worker.send(lease, [])
            met = hub.receive(10.0)
            assert met is not None

            def by_hub() -> None:
                finder.send(found, [crop, *buffers[1:]])
                got = hub.receive(10.0)
                assert got is not None
                hub.send(met[0], CropLease(1, lease.frame, 0, 750), [got[2][0]])
                assert worker.receive(10.0) is not None

            def by_zmq() -> None:
                bare[0].send(crop, copy=False)
                bare[1].send_multipart([b"peer 2", bare[1].recv_multipart(copy=False)[1]], copy=False)
                bare[2].recv(copy=False)

            taken = in_turn({"ours": by_hub, "zmq": by_zmq, "memcpy": lambda: CROP.copy()}, rounds, discarded=3)
    finally:
        for each in bare:
            each.close()
        hub.close()
    what = "a crop of 1.7 MB by the hub's sockets, from finder to worker"
    yield compared(what, "bare ZeroMQ over the same two hops", taken["ours"], taken["zmq"])
    yield compared(what, "one memcpy", taken["ours"], taken["memcpy"])


def _record(folder: Path, rounds: int) -> Iterator[Figure]:
    """Measure an event's way into the ledger, and a picture's into the store: both are on the disk after it."""
    numbers = iter(range(10**9))
    store = FrameStore(folder / "session" / "frames")
    with Ledger.open(folder / "session", session="bench") as ledger, (folder / "bare").open("wb") as bare:
        table = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            table.execute(f"PRAGMA {pragma}")
        table.execute("CREATE TABLE events (number INTEGER PRIMARY KEY, body BLOB)")

        def seen() -> Seen:
            number = next(numbers)
            return Seen(f"{number:064x}", f"{number}.jpg", FRAME_BYTES, 5, 0.1, "configured", True, "folder")

        body = event_to_bytes(seen())

        def fsync() -> None:
            bare.write(body)
            bare.flush()
            os.fsync(bare.fileno())

        ways = {
            "ledger": lambda: ledger.append([seen()]),
            "table": lambda: table.execute("INSERT INTO events (body) VALUES (?)", (body,)),
            "fsync": fsync,
        }
        events = in_turn(ways, rounds, discarded=3)
        table.close()

        def picture() -> bytes:
            return next(numbers).to_bytes(8, "big") * (FRAME_BYTES // 8)

        def plain() -> None:
            with (folder / f"{next(numbers)}").open("wb") as file:
                file.write(picture())
                file.flush()
                os.fsync(file.fileno())

        pictures = in_turn({"store": lambda: store.put(picture()), "plain": plain}, rounds, discarded=3)
    what = "an event into the ledger"
    yield compared(what, "a row into a bare SQLite table", events["ledger"], events["table"])
    yield compared(what, "as many bytes to a file, and fsync", events["ledger"], events["fsync"])
    what = "a picture of 0.4 MB into the frame store"
    yield compared(what, "the same to a file, and fsync", pictures["store"], pictures["plain"])
