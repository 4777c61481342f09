"""Who holds connections and asks nothing keeps nobody out: real sockets, the server that page and metrics use."""

import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from smearwatch.clients.web import connections
from smearwatch.clients.web.connections import MOST, Connection
from smearwatch.clients.web.listening import MOST_OF_ADDRESS, Place, listen_here, listen_to_others
from smearwatch.clients.web.server import Server

HALF = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-"
WHOLE = b"GET /%b HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@contextmanager
def served(listening, tls=None):
    """Serve two answers, one at once and one that takes its time; yields the port."""

    async def health(_):
        return PlainTextResponse("alive")

    async def slow(_):
        await run_in_threadpool(time.sleep, 1.5)
        return PlainTextResponse("slow")

    async def body(request):
        return PlainTextResponse(str(len(await request.body())))

    routes = [Route("/healthz", health), Route("/slow", slow), Route("/body", body, methods=["POST"])]
    config = uvicorn.Config(Starlette(routes=routes), log_level="warning", http=Connection, timeout_graceful_shutdown=1)
    config.load()
    config.ssl = tls
    over = threading.Event()
    thread = threading.Thread(target=Server(config, over.is_set).run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        over.set()
        thread.join(20.0)
        listening.close()


@pytest.fixture
def port():
    with served(listen_here(0)) as port:
        yield port


def connect(port, *, of="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", port), timeout=15.0, source_address=(of, 0))


def ask(port, path=b"healthz", *, of="127.0.0.1", tls=None):
    """Return the whole answer to one request."""
    with connect(port, of=of) as plain, ExitStack() as stack:
        asking = plain if tls is None else stack.enter_context(tls.wrap_socket(plain, server_hostname="localhost"))
        asking.sendall(WHOLE % path)
        return received(asking)


def received(asking):
    answer = b""
    while data := asking.recv(65536):
        answer += data
    return answer


def is_closed(asking):
    asking.settimeout(0.0)
    try:
        return asking.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_requests_that_are_half_sent_do_not_keep_out_who_asks(port):
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(connect(port)).sendall(HALF)
        assert ask(port).startswith(b"HTTP/1.1 200")
        time.sleep(0.6)  # none of them has only just come any more
        for _ in range(300):
            stack.enter_context(connect(port)).sendall(HALF)
        assert ask(port).startswith(b"HTTP/1.1 200")


def test_a_request_that_does_not_become_whole_is_ended(port, monkeypatch):
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)
    begun = {
        "nothing": b"",
        "a head": HALF,
        "a body": b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
    }
    for what, data in begun.items():
        with connect(port) as asking:
            asking.sendall(data)
            began_s = time.monotonic()
            assert received(asking) == b"", what
            assert time.monotonic() - began_s < 10.0
    with connect(port) as asking:  # byte by byte is no way to have more time
        for _ in range(200):
            if is_closed(asking):
                break
            asking.settimeout(5.0)
            asking.sendall(b"G")
            time.sleep(0.05)
        else:
            raise AssertionError("it was waited for")


def test_one_that_began_its_second_request_is_ended_too(port, monkeypatch):
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)
    with connect(port) as asking:
        asking.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert asking.recv(4096).startswith(b"HTTP/1.1 200")
        asking.sendall(HALF)
        began_s = time.monotonic()
        assert not received(asking).startswith(b"HTTP")
        assert time.monotonic() - began_s < 10.0


def test_an_answer_may_take_longer_than_a_request(port, monkeypatch):
    monkeypatch.setattr(connections, "REQUEST_S", 0.3)
    assert ask(port, b"slow").endswith(b"slow")


def test_the_oldest_of_the_address_with_most_makes_room(port):
    with ExitStack() as stack:
        first = stack.enter_context(connect(port, of="127.0.0.9"))
        hog = [stack.enter_context(connect(port)) for _ in range(MOST - 1)]
        time.sleep(0.8)
        answered = stack.enter_context(connect(port, of="127.0.0.7"))
        answered.sendall(WHOLE % b"healthz")
        assert received(answered).startswith(b"HTTP/1.1 200")
        assert is_closed(hog[0])
        assert not is_closed(first)
        assert not is_closed(hog[-1])


def test_who_waits_for_an_answer_is_not_sent_away_for_others(port):
    with ExitStack() as stack:
        waiting = stack.enter_context(connect(port))
        waiting.sendall(WHOLE % b"slow")
        time.sleep(0.6)
        for _ in range(2 * MOST):
            stack.enter_context(connect(port)).sendall(HALF)
        assert received(waiting).endswith(b"slow")


def test_five_thousand_connections_one_after_the_other_leave_it_answering(port):
    held = []
    try:
        for number in range(5000):
            held.append(connect(port, of=f"127.0.0.{number % 8 + 1}"))
            if number % 1000 == 999:
                assert ask(port).startswith(b"HTTP/1.1 200")
            if len(held) > 400:  # this side may not have so many open either
                held.pop(0).close()
    finally:
        for each in held:
            each.close()


FLOOD = """
import socket, sys
port, asked, held = int(sys.argv[1]), b"GET /healthz HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n" * int(sys.argv[2]), []
while True:
    try:
        held.append(socket.create_connection(("127.0.0.1", port), timeout=2.0, source_address=("127.0.0.1", 0)))
        held[-1].sendall(asked)
    except OSError:
        continue
    if len(held) > 250:
        held.pop(0).close()
"""


@pytest.mark.parametrize("requests", [0, 200])  # of each connection, whose answers are not read
def test_a_flood_from_one_address_keeps_out_none_from_another(port, requests):
    command = [sys.executable, "-c", FLOOD, str(port), str(requests)]
    floods = [subprocess.Popen(command) for _ in range(2)]
    try:
        time.sleep(2.0)
        for _ in range(4):
            began_s = time.monotonic()
            assert ask(port, of="127.0.0.2").startswith(b"HTTP/1.1 200")
            assert time.monotonic() - began_s < 5.0
            time.sleep(0.5)
        assert all(flood.poll() is None for flood in floods)
    finally:
        for flood in floods:
            flood.kill()
            flood.wait()
    assert ask(port, of="127.0.0.3").startswith(b"HTTP/1.1 200")


def test_one_address_has_a_quarter_of_all_at_most(port):
    with ExitStack() as stack:
        others = [stack.enter_context(connect(port, of="127.0.0.9")) for _ in range(MOST)]
        for each in others:
            each.sendall(WHOLE % b"slow")  # they wait for answers
        hog = [stack.enter_context(connect(port)) for _ in range(connections.share() + 30)]
        assert ask(port, of="127.0.0.2").startswith(b"HTTP/1.1 200")
        assert sum(map(is_closed, hog)) >= 30
        assert all(received(each).endswith(b"slow") for each in others[:1])


def test_with_tls_one_address_keeps_no_other_out(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)
    listening, tls = listen_to_others(Place("127.0.0.1:0", certificate, key), ["an account"])  # type: ignore[arg-type]
    client = ssl.create_default_context(cafile=certificate)
    client.check_hostname = False
    with served(listening, tls) as port, ExitStack() as stack:
        silent = [stack.enter_context(connect(port)) for _ in range(MOST_OF_ADDRESS + 20)]
        assert ask(port, of="127.0.0.2", tls=client).startswith(b"HTTP/1.1 200")
        assert sum(map(is_closed, silent)) == 20
        deadline_s = time.monotonic() + 30.0  # a handshake that does not come is not waited for a minute
        while sum(map(is_closed, silent)) < len(silent):
            assert time.monotonic() < deadline_s
            time.sleep(0.2)
        assert ask(port, tls=client).startswith(b"HTTP/1.1 200")
