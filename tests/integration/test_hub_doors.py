"""The hub's doors: for groups of this computer, and for other computers by their keys."""

import os
import shutil
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import zmq
from structlog.testing import capture_logs

from smearwatch.clients.asking import NotAgreed, ask
from smearwatch.clients.feed import Feed
from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.config import Settings
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.hub.doors import group_doors, net_door
from smearwatch.daemon.hub.strangers import Strangers
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.process.joining import NotAllowed
from smearwatch.daemon.reaching import hub_at
from smearwatch.daemon.wire.codec import encode
from smearwatch.daemon.wire.endpoints import Curve, Endpoints, EndpointUnusable, private_dir, why_closed
from smearwatch.daemon.wire.hub_sockets import NetDoor
from smearwatch.daemon.wire.keyring import Allowed, Keyring, as_text
from smearwatch.daemon.wire.keys import KeyUnusable, as_z85, make_pair, read_pair, write_pair
from smearwatch.daemon.wire.link import KeyNotAllowed, OtherHub
from smearwatch.daemon.wire.messages import (
    Agreed,
    ControlRun,
    CropLease,
    FrameLease,
    Hello,
    LabelCells,
    OfferFrame,
    Ready,
    Refused,
    Snapshot,
    WantSnapshot,
    Welcome,
)
from smearwatch.daemon.wire.parts import LabelOnWire
from smearwatch.daemon.wire.sockets import Listener, Peer
from tests.integration.hub_bench import Bench, cells, judged

pytestmark = pytest.mark.integration

PATIENCE_S = 15.0


class Net:
    """A hub that other computers reach, and their keys."""

    def __init__(self, folder):
        self.list = folder / "allowed.json"
        self.hub = make_pair()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.said: list[str] = []
        self.strangers: list[str] = []
        self._allowed = {}
        keyring = Keyring(self.list, self.said.append)
        self.bench = Bench(folder, net=NetDoor(self.address, self.hub, keyring, 4096, self.strangers.append))

    def allow(self, name, *rights, pair=None):
        pair = pair or make_pair()
        self._allowed[name] = Allowed(name, pair.public, frozenset(rights))
        self._write()
        return self.endpoints(pair, rights[0])

    def revoke(self, name):
        del self._allowed[name]
        self._write()

    def _write(self):
        write_atomically(self.list, as_text(list(self._allowed.values())).encode())
        time.sleep(0.6)  # it is looked at twice a second

    def endpoints(self, pair, right="watch", server=None):
        return Endpoints.at(self.address, Curve(server or self.hub.public, pair, right))

    def connect(self, endpoints):
        """Connect somebody who says nothing yet."""
        peer = self.bench.stack.enter_context(Peer(self.bench.context, endpoints))
        self.bench._heard[peer] = []
        return peer

    def answer(self, peer, message, buffers=(), kind=Refused):
        peer.send(message, buffers)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.bench.hub.turn(0.01)
            received = peer.receive(0.01)
            if received is not None and isinstance(received[0], kind):
                return received[0]
        raise AssertionError("no answer")


@pytest.fixture
def net(tmp_path):
    net = Net(tmp_path)
    yield net
    net.bench.close()


def listen(to):
    """Listen until something is raised."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        to.receive(0.1)


def label():
    return LabelCells(1, "t", "A", (LabelOnWire("ab" * 32, 0, "lymphocyte"),))


def test_each_key_does_what_it_is_allowed_and_no_more(net):
    watch = net.connect(net.allow("screen", "watch"))
    feed = net.connect(net.allow("microscope", "feed"))
    work = net.connect(net.allow("card", "work"))
    control = net.connect(net.allow("desk", "control"))
    assert net.answer(watch, WantSnapshot(1), kind=Snapshot).session == "t"
    offer = OfferFrame(1, "a.jpg", 5, "folder"), [b"x"]
    for peer, message, buffers in (
        (watch, label(), []), (watch, ControlRun(2, "stop"), []), (watch, *offer), (watch, Hello("finder", "f", 1), []),
        (feed, WantSnapshot(1), []), (feed, label(), []), (feed, Hello("worker", "w", 1), []),
        (work, *offer), (work, Hello("source", "s", 1), []), (work, WantSnapshot(1), []),
        (control, *offer), (control, WantSnapshot(1), []),
    ):  # fmt: skip
        refused = net.answer(peer, message, buffers)
        assert refused.code == "not_allowed", (message.kind, refused)
    assert net.bench.journal.counters["not_allowed"] == 12
    assert (net.bench.hub.stopped, net.bench.frames["seen"]) == (False, 0)
    assert "paused" in net.answer(control, ControlRun(3, "pause"), kind=Agreed).text
    pair = make_pair()
    there = net.allow("other", "watch", pair=pair)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, there, ControlRun(1, "stop"), 1)
        net.bench.turn_until(asked.done)
        with pytest.raises(NotAgreed, match="that takes the right control") as told:
            asked.result()
    assert f"smearwatch keys allow NAME {pair.public} --right watch" in told.value.hint


def test_frames_are_counted_over_the_net_and_a_key_that_is_revoked_does_nothing_from_then_on(net):
    bench = net.bench
    there = net.allow("microscope", "feed", "work", "watch")
    source = bench.peer("source", "s", endpoints=there)
    finder = bench.peer("finder", "f", 2, endpoints=there)
    worker = bench.peer("worker", "w", 2, endpoints=there)
    bench.offer(source, b"one", b"two")
    leases = [lease for lease, _ in bench.hear(finder, FrameLease, least=2)]
    finder.send(*cells(leases[0]))
    (crop, _), *_ = bench.hear(worker, CropLease, least=1)
    worker.send(judged(crop))
    bench.turn_until(lambda: bench.journal.fold.cells == 1)
    net.revoke("microscope")
    finder.send(*cells(leases[1]))
    bench.now += 1.5
    bench.turn_until(lambda: not bench.hub._peers.count("finder"))
    assert bench.frames == {"seen": 2, "counted": 1, "rejected": 0, "pending": 1}
    assert bench.hub._frames.leases.out == 0  # another finder may have it
    refused = net.answer(worker, Ready(2))
    assert (refused.code, bench.hub._peers.count("worker")) == ("key_revoked", 0)
    again = net.connect(there)
    with pytest.raises(KeyNotAllowed):
        net.answer(again, Ready(1))


def test_who_watches_over_the_net_is_cut_off_when_the_key_is_revoked_and_told(net):
    there = net.allow("screen", "watch")
    with Feed(there, None) as feed:

        def followed(condition):
            deadline = time.monotonic() + PATIENCE_S
            while not condition():
                assert time.monotonic() < deadline
                net.bench.hub.turn(0.01)
                net.bench.now += 0.02
                feed.poll(0.01)

        followed(lambda: feed.view().workers is not None)
        assert feed.view().session == "t"
        net.revoke("screen")
        with pytest.raises(NotAllowed, match="not allowed any more"):
            followed(lambda: False)
        assert net.bench.sockets._following == {}


def test_the_log_names_whose_key_it_was_and_no_key_in_full(net):
    bench, pair = net.bench, make_pair()
    there = net.allow("screen", "watch", pair=pair)
    with capture_logs() as logs:
        peer = net.connect(there)
        net.answer(peer, label())
        peer = net.connect(net.allow("card", "work"))
        net.answer(peer, Hello("worker", "w", 1), kind=Welcome)
        net.revoke("card")
        bench.now += 1.5
        bench.turn_until(lambda: not bench.hub._peers.count("worker"))
        net.answer(peer, Ready(1))
        here = bench.stack.enter_context(Peer(bench.context, bench.endpoints))
    assert [entry["who"] for entry in logs if "not allowed" in entry["event"]] == ["key screen", "key card", "key card"]
    assert bench.sockets.who(b"\x00any") == "the account that counts"
    assert pair.public not in str(logs)
    here.socket.close(linger=0)


def test_strangers_are_named_once_a_minute_and_only_some_of_them():
    now = [0.0]
    strangers = Strangers(lambda: now[0])
    with capture_logs() as logs:
        for number in range(100):
            for _ in range(3):
                strangers.refused(f"{number:064x}"[::-1])
        now[0] = 61.0
        strangers.refused("ab" * 32)
    assert [entry.get("keys") for entry in logs] == [None] * 10 + [270, None]
    assert logs[-1]["key"] == "abababababab…"


def test_an_unknown_key_is_told_what_to_type_within_seconds(net):
    pair = make_pair()
    began = time.monotonic()
    for right in ("watch", "work"):
        with Peer(net.bench.context, net.endpoints(pair, right)) as stranger, pytest.raises(KeyNotAllowed) as told:
            listen(stranger)
        assert f"smearwatch keys allow NAME {pair.public} --right {right}" in str(one_line(told.value))
    assert set(net.strangers) == {pair.public}
    listener = Listener(net.bench.context, net.endpoints(pair))
    with pytest.raises(KeyNotAllowed):
        listen(listener)
    listener.close()
    with pytest.raises(KeyNotAllowed):
        ask(net.endpoints(pair, "control"), ControlRun(1, "stop"), 1)
    assert time.monotonic() - began < 8.0


def test_another_hub_than_the_one_whose_key_was_named_is_known_for_what_it_is(net):
    known = make_pair()
    net.allow("screen", "watch", pair=known)
    plain = net.bench.context.socket(zmq.ROUTER)
    port = plain.bind_to_random_port("tcp://127.0.0.1")
    other = Curve(make_pair().public, known, "watch")
    for address in (net.address, f"tcp://127.0.0.1:{port}"):
        with (
            Peer(net.bench.context, Endpoints.at(address, other)) as peer,
            pytest.raises(OtherHub, match=other.server[:8]),
        ):
            listen(peer)
    plain.close(linger=0)


def test_garbage_and_two_hundred_strangers_do_not_disturb_the_count(net):
    there = net.allow("screen", "watch")
    bench, me = net.bench, psutil.Process()
    before = me.num_fds()
    strangers = []
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + bytes(32)
    huge = b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE" + bytes(15) + bytes(32) + b"\x06" + (2**40).to_bytes(8, "big")
    for number in range(200):
        stranger = socket.create_connection(("127.0.0.1", net.port))
        said = (b"GET / HTTP/1.1\r\n\r\n", os.urandom(200), greeting, huge, b"")[number % 5]
        stranger.sendall(said)
        strangers.append(stranger)
    watch = net.connect(there)
    began = time.monotonic()
    assert net.answer(watch, WantSnapshot(1), kind=Snapshot).session == "t"
    assert time.monotonic() - began < 5.0
    deadline = time.monotonic() + PATIENCE_S
    while me.num_fds() - before > 200 + 25:  # the hub's ends of them are closed, though they never close theirs
        assert time.monotonic() < deadline, me.num_fds() - before
        time.sleep(0.1)
    assert bench.journal.counters["not_allowed"] == 0
    for stranger in strangers:
        stranger.close()


def test_who_takes_anothers_identity_has_its_own_rights(net):
    feed, watch = net.allow("microscope", "feed"), net.allow("screen", "watch")

    def named(endpoints):
        dealer = net.bench.context.socket(zmq.DEALER)
        for option, value in (
            (zmq.CURVE_SERVERKEY, as_z85(endpoints.curve.server)),
            (zmq.CURVE_PUBLICKEY, as_z85(endpoints.curve.pair.public)),
            (zmq.CURVE_SECRETKEY, as_z85(endpoints.curve.pair.secret)),
            (zmq.ROUTING_ID, b"same"),
        ):
            dealer.setsockopt(option, value)
        dealer.connect(endpoints.talk)
        return dealer

    def said(dealer, message, buffers=()):
        dealer.send_multipart(encode(message, buffers))
        deadline = time.monotonic() + PATIENCE_S
        while not dealer.poll(10):
            assert time.monotonic() < deadline
            net.bench.hub.turn(0.01)
        return b"".join(dealer.recv_multipart())

    first = named(feed)
    assert b"welcome" in said(first, Hello("finder", "f", 1))
    first.close(linger=0)
    for _ in range(20):  # until it is free again
        net.bench.hub.turn(0.01)
    second = named(watch)
    assert b"not_allowed" in said(second, OfferFrame(1, "a.jpg", 5, "folder"), [b"x"])
    assert net.bench.frames["seen"] == 0
    second.close(linger=0)


def test_keys_that_others_may_read_or_that_are_none_are_refused(tmp_path):
    path, pair = tmp_path / "keys" / "own.key", make_pair()
    write_pair(path, pair)
    assert (read_pair(path), path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (pair, 0o600, 0o700)
    assert pair.secret not in repr(pair)
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(KeyUnusable, match="may be read by others"):
            read_pair(path)
    path.chmod(0o600)
    for text in ("", "x = 1", f'public = "{make_pair().public}"\nsecret = "{pair.secret}"', "\0\xff"):
        path.write_text(text)
        with pytest.raises(KeyUnusable, match="holds no pair"):
            read_pair(path)
    with pytest.raises(KeyUnusable, match="No such file"):
        read_pair(tmp_path / "none")


def test_a_list_of_keys_that_is_damaged_or_open_lets_nobody_in(tmp_path):
    path, pair = tmp_path / "allowed.json", make_pair()
    said: list[str] = []
    now = [0.0]
    keyring = Keyring(path, said.append, lambda: now[0])

    def of(text=None, mode=0o644):
        if text is not None:
            path.write_text(text)
        path.chmod(mode)
        os.utime(path, ns=(int(now[0] + 1) * 10**9,) * 2)
        now[0] += 1.0
        return keyring.of(pair.public)

    whole = as_text([Allowed("a", pair.public, frozenset(("watch",)))])
    assert of(whole) is not None
    damaged = ("{", "[]", whole.replace("watch", "everything"), whole.replace(pair.public, "short"), '{"a": 1}')
    for text in (*damaged, "[" * 100_000):
        assert of(text) is None
        assert of(whole) is not None
    assert of(mode=0o666) is None
    assert sum("nobody is let in" in line for line in said) == 7
    assert of(mode=0o600) is not None
    path.unlink()
    now[0] += 1.0
    assert keyring.of(pair.public) is None


def test_rights_that_change_while_the_hub_runs_are_noticed_and_said(tmp_path):
    """Only the rights change: no byte, no size, no time of a change of the bytes."""
    folder, pair = tmp_path / "keys", make_pair()
    secret, path = folder / "own.key", folder / "allowed.json"
    write_pair(secret, make_pair())
    path.write_text(as_text([Allowed("a", pair.public, frozenset(("watch",)))]))
    said: list[str] = []
    now = [0.0]
    keyring = Keyring(path, said.append, lambda: now[0], secret=secret)

    def of():
        now[0] += 1.0
        return keyring.of(pair.public)

    assert of() is not None
    opened = ((path, 0o666, "written"), (folder, 0o777, "written"), (secret, 0o644, "read"))
    for number, (what, mode, by_others) in enumerate(opened, start=1):
        before = what.stat()
        what.chmod(mode)
        os.utime(what, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert of() is None, what
        assert of() is None, what
        assert len(said) == 2 * number - 1, "said once"
        assert f"may be {by_others} by others" in said[-1]
        assert "nobody is let in" in said[-1]
        assert "chmod" in said[-1]
        what.chmod(before.st_mode)
        assert of() is not None, what
        assert said[-1].endswith("are let in again")
    secret.rename(folder / "away")
    assert of() is None
    assert "bring it back" in said[-1]


def test_a_port_that_is_taken_is_one_line_and_leaves_nothing_behind(net, tmp_path):
    door = NetDoor(net.address, net.hub, Keyring(net.list), 4096)
    with pytest.raises(EndpointUnusable, match="Address already in use"):
        Bench(tmp_path / "second", net=door)


def test_nothing_listens_off_this_computer_without_keys(tmp_path):
    settings = Settings(state_dir=tmp_path, listen="tcp://127.0.0.1:5760")
    with pytest.raises(EndpointUnusable, match="without a key") as told:
        net_door(settings)
    assert "smearwatch keys make" in str(one_line(told.value))
    write_pair(tmp_path / "keys" / "own.key", make_pair())
    assert net_door(settings) is not None
    with pytest.raises(EndpointUnusable, match="no address"):
        net_door(Settings(state_dir=tmp_path, listen="tcp://127.0.0.1"))
    with pytest.raises(Hinted, match="key"):
        hub_at(Settings(state_dir=tmp_path, hub="tcp://127.0.0.1:5760"), "watch")


def as_account(uid, gids, ask_it):
    """Run something as another account; returns what it answers."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.setgroups(gids)
            os.setgid(gids[0])
            os.setuid(uid)
            said = str(ask_it())
        except BaseException as error:  # noqa: BLE001  # whatever it is, the parent reads it
            said = f"{type(error).__name__}: {one_line(error) or error}"
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    return pid, read


@pytest.mark.skipif(os.geteuid() != 0, reason="acting as other accounts needs root")
def test_accounts_of_a_group_see_or_control_the_count_and_others_are_told_their_group():
    place = Path(tempfile.mkdtemp(prefix="sw-"))
    place.chmod(0o711)
    settings = Settings(state_dir=place / "s", runtime_dir=place / "r", watch_group="games", control_group="users")
    runtime_dir = private_dir(settings.runtime_dir, passable=True)
    bench = Bench(place, groups=group_doors(settings, runtime_dir))
    try:
        assert [path.stat().st_mode & 0o777 for path in (runtime_dir, runtime_dir / "hub.sock")] == [0o711, 0o600]
        for name in ("watch", "operate"):
            assert [path.stat().st_mode & 0o7777 for path in (runtime_dir / name, runtime_dir / name / "hub.sock")] == [
                0o750,
                0o660,
            ]
            assert (runtime_dir / name / "feed.sock").stat().st_gid == {"watch": 60, "operate": 100}[name]

        def say(action):
            return lambda: ask(runtime_dir, ControlRun(1, action), 1, answer_s=10.0)

        def where():
            return Path(Endpoints.to(runtime_dir).shown).parent.name

        def answered(uid, gids, ask_it):
            pid, read = as_account(uid, gids, ask_it)
            bench.turn_until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, 30.0)
            with os.fdopen(read) as pipe:
                return pipe.read()

        # nobody is 65534, games 60, users 100
        assert answered(65534, [60], where) == "watch"
        assert answered(65534, [60, 100], where) == "operate"
        assert answered(65534, [60], say("state")) == "counting"
        assert answered(65534, [60], say("pause")).startswith("NotAgreed: that takes the right control")
        assert answered(65534, [100], say("pause")).startswith("paused")
        told = answered(65534, [65534], say("state"))
        assert "for the group games or users, and this account is not in it" in told
        straight = answered(65534, [60, 100], lambda: ask(Endpoints.under(runtime_dir), ControlRun(1, "stop"), 1))
        assert "no count answers" in straight  # the owner's socket is the owner's
    finally:
        bench.close()
        shutil.rmtree(place)


def test_a_group_that_is_not_there_is_named(tmp_path):
    settings = Settings(runtime_dir=tmp_path, watch_group="no-such-group")
    with pytest.raises(EndpointUnusable, match="no group 'no-such-group'"):
        group_doors(settings, private_dir(tmp_path / "r"))


def test_the_owners_folder_is_passable_only_where_that_was_said(tmp_path):
    path = private_dir(tmp_path / "r")
    path.chmod(0o711)
    assert private_dir(path, passable=True) == path
    for mode in (0o755, 0o751, 0o715, 0o731):
        path.chmod(mode)
        with pytest.raises(EndpointUnusable):
            private_dir(path, passable=True)
    assert why_closed(Endpoints.under(path)) is None
