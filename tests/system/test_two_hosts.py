"""A hub on one computer, pictures and a worker on another, and the cable between them pulled in the middle."""

import shutil
import time

import pytest

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.record.events import Counted, Found
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.keyring import Allowed, as_text
from smearwatch.daemon.wire.keys import make_pair, write_pair
from smearwatch.daemon.wire.rights import Right
from tests.stage import wait_for
from tests.two_hosts import TwoHosts

pytestmark = pytest.mark.system

LEASE_S = "2"


class Bench:
    """The hub on host one; a folder, a capture and a worker on host two."""

    def __init__(self, hosts, pictures, folder):
        self.hosts, self.one, self.two = hosts, hosts.one, hosts.two
        self.pictures = pictures
        self.camera = folder / "camera"
        self.camera.mkdir()
        self.address = f"tcp://{self.one.address}:5760"
        self.running = []
        pairs = {host: make_pair() for host in (self.one, self.two)}
        for host, pair in pairs.items():
            write_pair(host.keys / "own.key", pair)
        rights: frozenset[Right] = frozenset(("feed", "work"))
        self._allowed = as_text([Allowed("microscope", pairs[self.two].public, rights)])
        self.let_in(True)
        self.joins = {"SMEARWATCH_HUB": self.address, "SMEARWATCH_HUB_KEY": pairs[self.one].public}

    def hub(self, session, *options):
        # At a given scale, for what red cells say of the first fields depends on which of them came before which.
        typed = ("hub", "--listen", self.address, "--session", session, "--um-per-px", "0.09", *options)
        hub = self.one.start(*typed, SMEARWATCH_LEASE_S=LEASE_S)
        self.running.append(hub)
        return hub

    def let_in(self, is_let_in):
        write_atomically(self.one.keys / "allowed.json", (self._allowed if is_let_in else "{}").encode())

    def kill(self, process):
        """End a supervisor without a word; what it started ends by itself."""
        process.kill()
        process.wait()
        self.running.remove(process)

    def join(self, *typed):
        self.running.append(self.two.start(*typed, **self.joins))
        return self.running[-1]

    def drop(self, pictures):
        for picture in pictures:
            partial = self.camera / f".{picture.name}.partial"
            shutil.copyfile(picture, partial)
            partial.rename(self.camera / picture.name)

    def folder_of(self, session):
        return self.one.folder / "state" / "smearwatch" / "sessions" / session

    def frames(self, session):
        try:
            with LedgerReader.read(self.folder_of(session)) as ledger:
                summary = ledger.summary()
                return summary.frames - summary.pending
        except LedgerUnusable:
            return 0

    def result(self, session):
        """What was found and judged, without clock times; every cell once, and nothing left."""
        fold, cells, found = TallyFold(), {}, {}
        with LedgerReader.read(self.folder_of(session)) as ledger:
            assert list(verify(ledger)) == []
            for recorded in ledger.events():
                fold.apply(recorded.event)
                event = recorded.event
                if isinstance(event, Counted):
                    assert event.anew or (event.frame, event.index) not in cells
                    cells[event.frame, event.index] = event.cls, event.verdict, event.probabilities
                if isinstance(event, Found):
                    found[event.frame] = [(cell.box, cell.same_as) for cell in event.cells]
        assert fold.complete
        assert fold.balanced
        return cells, found, fold.counts

    def end(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(30)


def test_a_cable_that_is_pulled_longer_than_a_lease_changes_nothing(tmp_path, fields):
    with TwoHosts(tmp_path) as hosts:
        bench = Bench(hosts, sorted(fields.iterdir())[:4], tmp_path)
        try:
            bench.join("capture", "--watch", bench.camera)
            bench.join("worker", "--device", "cpu")
            bench.drop(bench.pictures)
            first = bench.hub("undisturbed", "--until-idle", "0.5")
            assert first.wait(120) == 0
            for picture in bench.camera.iterdir():
                picture.unlink()
            second = bench.hub("pulled", "--until-idle", "2")
            wait_for(bench.folder_of("pulled").exists)
            bench.drop(bench.pictures[:2])
            wait_for(lambda: bench.frames("pulled") >= 1)
            hosts.cable(there=False)
            bench.drop(bench.pictures[2:])
            time.sleep(2 * float(LEASE_S) + 1)
            hosts.cable(there=True)
            assert second.wait(120) == 0
            assert bench.result("pulled") == bench.result("undisturbed")
        finally:
            bench.end()


@pytest.mark.long
@pytest.mark.parametrize("lease_s", ["2", "30"])
def test_whatever_ends_or_is_cut_off_between_two_hosts_the_count_is_the_same(tmp_path, here, monkeypatch, lease_s):
    """The cable pulled three times, the hub, the capture and the worker killed, the key taken away and given back."""
    monkeypatch.setattr(f"{__name__}.LEASE_S", lease_s)
    folder = tmp_path / "fields"
    assert (
        here(
            "slide",
            "--out",
            folder,
            "--fields",
            "24",
            "--rate",
            "0",
            "--seed",
            "9",
            "--route",
            "freehand",
            "--overlap",
            "0.3",
        )[0]
        == 0
    )
    with TwoHosts(tmp_path) as hosts:
        bench = Bench(hosts, sorted(folder.iterdir()), tmp_path)
        try:
            capture, worker = bench.join("capture", "--watch", bench.camera), bench.join("worker", "--device", "cpu")
            bench.drop(bench.pictures)
            assert bench.hub("undisturbed", "--until-idle", "2").wait(300) == 0
            for picture in bench.camera.iterdir():
                picture.unlink()
            hub = bench.hub("disturbed")
            wait_for(bench.folder_of("disturbed").exists)
            for number, picture in enumerate(bench.pictures):
                bench.drop([picture])
                time.sleep(0.5)
                if number in (4, 11, 18):
                    hosts.cable(there=False)
                    time.sleep((3.0, 8.0, 40.0)[number // 7])
                    hosts.cable(there=True)
                if number == 7:
                    bench.kill(hub)
                    hub = bench.hub("disturbed")
                if number == 13:
                    bench.kill(capture)
                    capture = bench.join("capture", "--watch", bench.camera)
                if number == 15:
                    bench.kill(worker)
                    worker = bench.join("worker", "--device", "cpu")
                if number == 20:
                    bench.let_in(False)
                    assert (capture.wait(30), worker.wait(30)) == (1, 1)
                    assert "smearwatch keys allow NAME" in (hosts.two.folder / "worker.err").read_text()
                    bench.let_in(True)
                    bench.join("capture", "--watch", bench.camera)
                    bench.join("worker", "--device", "cpu")
            wait_for(lambda: bench.frames("disturbed") == len(bench.pictures), 300.0)
            time.sleep(3.0)
            hub.terminate()
            assert hub.wait(30) == 0
            assert bench.result("disturbed") == bench.result("undisturbed")
        finally:
            bench.end()
