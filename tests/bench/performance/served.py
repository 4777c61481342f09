"""Crops a second and delays of the daemon, its record kept, beside the same weights served otherwise.

Each server has one process for the networks. The daemon's is a real hub with its ledger and a real worker; source and
finder are this process, which offers a small picture, waits until the hub has it on the disk, and sends the crop.

The daemon judges by what its session shows, so there are two: one of a session that looks like those trained on, and
one that does not, whose first layers run twice. The others know of no session.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
import psutil
import zmq

from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.events import Counted, event_from_bytes
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import EventNotice, FrameLease, Hello, OfferFrame, Pulse, Ready, SourceState
from smearwatch.daemon.wire.parts import StainOnWire
from smearwatch.daemon.wire.sockets import Listener, Peer, context
from smearwatch.models.engine import Engine, Stain
from smearwatch.train.data.simulated import draw_cells
from tests.bench.performance.crops import engine_in_use
from tests.bench.performance.size import Size, on_disk
from tests.bench.turns import Aim, Figure, paired, percentile_95
from tests.integration.hub_bench import cells
from tests.integration.hub_process import hub_process

PICTURE_BYTES = 400_000
ROUNDS, CROPS = 6, 24
AT_ONCE = {"one crop on its way": 1, "eight on their way": 8}
PATIENCE_S = 120.0
SESSIONS = {"a familiar session": True, "a strange one": False}
"""Whether its stain is known, and is the one that the weights learnt; else each of its cells looks strange."""


@dataclass
class Turn:
    """What a number of crops took."""

    delays_s: list[float] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    took_s: float = 0.0
    cpu_s: float = 0.0


Server = Callable[[Sequence[np.ndarray], int], Turn]
"""Takes crops and how many may be on their way at once."""


def figures(size: Size) -> Iterator[Figure]:
    """Measure every server in turn, round by round."""
    engine = engine_in_use()
    stain = engine.preprocessing.reference_stain
    assert stain is not None
    crops = _familiar(engine, stain, size.of(CROPS, 2))
    with ExitStack() as stack:
        ours: dict[str, Server] = {
            name: stack.enter_context(_daemon(StainOnWire(**stain.model_dump()) if known else None))
            for name, known in SESSIONS.items()
        }
        theirs: dict[str, Server] = {}
        for name, (kind, inside) in PEERS.items():
            if find_spec(kind) is None:
                print(f"  {kind} is not here: `make performance` has it")
            else:
                theirs[name] = stack.enter_context(CLIENTS[kind](inside))
        for what, at_once in AT_ONCE.items():
            yield from _in_turn(what, ours, theirs, crops, at_once, size.of(ROUNDS))


def _familiar(engine: Engine, stain: Stain, most: int) -> list[np.ndarray]:
    """Draw cells that look like those trained on, where their stain is this."""
    drawn = [sample.draw() for sample in draw_cells(3 * most)]
    familiar = [crop for crop in drawn if not engine.judge([crop], [stain])[0].unfamiliar]
    return familiar[:most]


def _in_turn(
    what: str,
    ours: dict[str, Server],
    theirs: dict[str, Server],
    crops: Sequence[np.ndarray],
    at_once: int,
    rounds: int,
) -> Iterator[Figure]:
    turns: dict[str, list[Turn]] = {name: [] for name in (*ours, *theirs)}
    for turn in range(1 + rounds):
        for name, serve in (*ours.items(), *theirs.items()):
            done = serve(crops, at_once)
            if turn:
                turns[name].append(done)
    for session in ours:
        for name in theirs:
            yield from _beside(f"{what}, {session}", name, turns[session], turns[name])


def _beside(what: str, name: str, ours: Sequence[Turn], theirs: Sequence[Turn]) -> Iterator[Figure]:
    rates, rates_beside = ([len(each.classes) / each.took_s for each in some] for some in (ours, theirs))
    yield paired(f"crops counted, {what}", "a second", name, rates, rates_beside, aim=Aim("at least", 1.0))
    slow, slow_beside = ([1000.0 * percentile_95(each.delays_s) for each in some] for some in (ours, theirs))
    yield paired(f"95th percentile of the delay, {what}", "ms", name, slow, slow_beside, aim=Aim("at most", 1.0))
    spent, spent_beside = ([1000.0 * each.cpu_s / len(each.classes) for each in some] for some in (ours, theirs))
    yield paired(f"processor time a crop, {what}", "ms", name, spent, spent_beside)
    of = len(ours[0].classes)
    alike = sum(a == b for a, b in zip(ours[0].classes, theirs[0].classes, strict=True))
    print(f"  {what}: the same class as {name} for {alike} of {of} crops")


@contextmanager
def _daemon(stain: StainOnWire | None = None) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(dir=on_disk()) as name, ExitStack() as stack:
        folder = Path(name)
        settings = Settings(state_dir=folder / "s", runtime_dir=folder / "r", log_level="error", target=10**6)
        hub = stack.enter_context(hub_process(RunPlan(settings=settings, session="bench", source="folder")))
        environment = {"SMEARWATCH_STATE_DIR": str(folder / "s"), "SMEARWATCH_RUNTIME_DIR": str(folder / "r")}
        command = [
            sys.executable,
            "-m",
            "smearwatch.daemon.cli",
            "worker",
            "--device",
            "cpu",
            "--set",
            "log_level=error",
        ]
        worker = stack.enter_context(_process(command, environment))
        staff = stack.enter_context(_Staff.at(Endpoints.under(settings.runtime_dir), stain))
        yield _measured(staff.count, [hub.pid, worker.pid])


class _Staff:
    """Source, finder and client of the daemon."""

    def __init__(self, source: Peer, finder: Peer, client: Listener, stain: StainOnWire | None) -> None:
        self._source, self._finder, self._client = source, finder, client
        self._stain = stain
        self._ticket = 0

    @classmethod
    @contextmanager
    def at(cls, endpoints: Endpoints, stain: StainOnWire | None) -> Iterator["_Staff"]:
        with context() as owner, Peer(owner, endpoints) as source, Peer(owner, endpoints) as finder:
            client = Listener(owner, endpoints)
            while not (isinstance(pulse := client.receive(PATIENCE_S), Pulse) and pulse.workers):
                assert pulse is not None, "no worker has come"
            yield cls(source, finder, client, stain)
            client.close()

    def _join(self) -> None:
        for role, peer in (("source", self._source), ("finder", self._finder)):
            peer.send(Hello(role, "bench", os.getpid()))  # type: ignore[arg-type]
        self._source.send(SourceState(0, True, False, {}))

    def count(self, crops: Sequence[np.ndarray], at_once: int) -> Turn:
        """Have crops counted, each from a picture of its own."""
        turn, first, counted, offered = Turn(), self._ticket, 0, 0
        sent_s: dict[int, float] = {}
        crop_of: dict[str, int] = {}
        classes: dict[int, str] = {}
        poller = zmq.Poller()
        for each in (self._source.socket, self._finder.socket, self._client.socket):
            poller.register(each, zmq.POLLIN)
        self._join()  # again, for the hub forgets whom it does not hear while it is another's turn
        until_s, said_s = time.monotonic() + PATIENCE_S, 0.0
        while counted < len(crops):
            assert time.monotonic() < until_s, f"{counted} of {len(crops)} crops were counted"
            if time.monotonic() - said_s > 0.5:
                said_s = time.monotonic()
                self._finder.send(Ready(2 * at_once))
            while offered < len(crops) and offered - counted < at_once:
                picture = self._ticket.to_bytes(8, "big") * (PICTURE_BYTES // 8)
                sent_s[self._ticket] = time.monotonic()
                self._source.send(
                    OfferFrame(self._ticket, f"{self._ticket}.jpg", 5, "bench", 0.1, "configured"), [picture]
                )
                self._ticket, offered = self._ticket + 1, offered + 1
            poller.poll(100)
            while self._source.receive(0.0) is not None:
                pass
            while (leased := self._finder.receive(0.0)) is not None:
                if isinstance(lease := leased[0], FrameLease):
                    crop_of[lease.frame] = ticket = int(lease.name.partition(".")[0])
                    found, buffers = cells(lease)
                    stained = tuple(replace(cell, stain=self._stain) for cell in found.cells)
                    found = replace(found, cells=stained)
                    self._finder.send(found, [crops[ticket - first].data.cast("B"), *buffers[1:]])
            while (notice := self._client.receive(0.0)) is not None:
                if isinstance(notice, EventNotice) and notice.event == "counted":
                    event = event_from_bytes(notice.body.encode())
                    assert isinstance(event, Counted)
                    if event.anew is None and (ticket := crop_of[event.frame]) not in classes:
                        classes[ticket], counted = event.cls, counted + 1
                        turn.delays_s.append(time.monotonic() - sent_s[ticket])
        turn.classes = [classes[ticket] for ticket in sorted(classes)]
        return turn


@contextmanager
def _litserve(engine: str) -> Iterator[Server]:
    with _peer("litserve", engine) as (port, pid):
        form = b'--crop\r\nContent-Disposition: form-data; name="crop"; filename="crop"\r\n\r\n'

        def ask(crop: np.ndarray) -> str:
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/predict",
                data=form + crop.tobytes() + b"\r\n--crop--\r\n",
                headers={"Content-Type": "multipart/form-data; boundary=crop"},
            )
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return str(answer.read().decode()).split('"')[3]

        yield _measured(_by_threads(ask), [pid])


@contextmanager
def _imagezmq(engine: str) -> Iterator[Server]:
    from imagezmq import ImageSender

    with _peer("imagezmq", engine) as (port, pid):
        senders: Queue[Any] = Queue()  # each waits for its answer before it sends again
        for _ in range(max(AT_ONCE.values())):
            senders.put(ImageSender(f"tcp://127.0.0.1:{port}"))

        def ask(crop: np.ndarray) -> str:
            sender = senders.get()
            answer = sender.send_image("crop", crop)
            senders.put(sender)
            return str(answer.decode())

        yield _measured(_by_threads(ask), [pid])
        while not senders.empty():
            senders.get().close()


PEERS = {
    "LitServe, plain PyTorch": ("litserve", "plain"),
    "imagezmq and a loop, plain PyTorch": ("imagezmq", "plain"),
    "imagezmq and a loop, our engine": ("imagezmq", "ours"),
}
CLIENTS: dict[str, Callable[[str], Any]] = {"litserve": _litserve, "imagezmq": _imagezmq}


@contextmanager
def _peer(kind: str, engine: str) -> Iterator[tuple[int, int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.bench.performance.peers", kind, engine, str(port)]
    with _process(command, {}) as process:
        _until_open(port, process)
        yield port, process.pid


def _by_threads(ask: Callable[[np.ndarray], str]) -> Server:
    def serve(crops: Sequence[np.ndarray], at_once: int) -> Turn:
        turn = Turn()

        def one(crop: np.ndarray) -> str:
            began_s = time.monotonic()
            answer = ask(crop)
            turn.delays_s.append(time.monotonic() - began_s)
            return answer

        with ThreadPoolExecutor(at_once) as pool:
            turn.classes = list(pool.map(one, crops))
        return turn

    return serve


def _measured(serve: Server, pids: Sequence[int]) -> Server:
    """Measure also how long all took, and the time of the processor that the server's processes had."""

    def measured(crops: Sequence[np.ndarray], at_once: int) -> Turn:
        before_s, began_s = _cpu_s(pids), time.monotonic()
        turn = serve(crops, at_once)
        turn.took_s, turn.cpu_s = time.monotonic() - began_s, _cpu_s(pids) - before_s
        return turn

    return measured


def _cpu_s(pids: Sequence[int]) -> float:
    each = [process for pid in pids for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))]
    times = [process.cpu_times() for process in each]
    return sum(one.user + one.system for one in times)


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for child in children:
            if child.is_running():
                child.kill()


def _until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < until_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("a peer did not start")
