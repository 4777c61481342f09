"""The page beside a count: it shows the session whose daemon it hears, goes on to the next, and outlives restarts."""

import signal
import socket
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from playwright.sync_api import Browser, Page

from smearwatch.daemon.record.events import Labelled
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.endpoints import Endpoints, private_dir
from smearwatch.daemon.wire.hub_sockets import HubSockets
from smearwatch.daemon.wire.messages import Pulse
from smearwatch.daemon.wire.sockets import context
from tests.in_process import of_state
from tests.paged import press, reviewing, until
from tests.reviewed import record
from tests.system.test_run import wait_for

pytestmark = pytest.mark.system


class Hub:
    """Says on the real feed which session is counted, as the daemon does; with None it is silent."""

    def __init__(self, runtime_dir: Path) -> None:
        self.session: str | None = None
        self._endpoints = Endpoints.under(private_dir(runtime_dir))
        self._over = Event()
        self._thread = Thread(target=self._run)

    def _run(self) -> None:
        with context() as owner:
            sockets = HubSockets(owner, self._endpoints, max_bytes=1 << 20)
            while not self._over.wait(0.1):
                if self.session is not None:
                    sockets.publish(Pulse(self.session, 1, 1, 1, "running", 0, 0, 0, None, {}))
            sockets.close()

    def __enter__(self) -> "Hub":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def link(state: Path) -> str:
    code, out, err = of_state(state, "review", "--link")
    if code:
        assert len(err.splitlines()) == 1
        return err
    return out.strip()


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def labels(state: Path, session: str, by: str | None = None) -> list[str]:
    """Return the labels in their order, or those that one reader gave."""
    with LedgerReader.read(state / "sessions" / session) as ledger:
        assert list(verify(ledger)) == []
        given = [each.event for each in ledger.events() if isinstance(each.event, Labelled)]
    return [each.label for each in given if by in (None, each.by)]


@contextmanager
def a_page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def shows(page: Page, session: str) -> None:
    page.wait_for_url(f"**/session/{session}/", timeout=20_000)
    page.wait_for_selector(".cell")


def test_from_session_to_session_and_over_restarts(tmp_path: Path, browser: Browser):
    port = free_port()
    follow = ["--follow", "--port", str(port)]
    with Hub(tmp_path / "run") as hub, a_page(browser) as page, a_page(browser) as touched:
        with reviewing(tmp_path, *follow) as (address, process):
            # The token is no log's: whoever may read this user's files asks for a link, and each is good once.
            assert address == f"http://127.0.0.1:{port}/"
            assert status(address) == 403
            first = link(tmp_path)
            assert stat.S_IMODE((tmp_path / "run" / "review-link").stat().st_mode) == 0o600
            page.goto(first)
            assert status(first) == 403
            touched.goto(link(tmp_path))
            assert "None yet" in page.inner_text("body")
            page.click("#start")  # no place is set: it says how
            assert "[places]" in page.inner_text("#starting")
            page.click("#starting .leave")
            record(tmp_path / "sessions" / "monday", 72)
            hub.session = "monday"
            for each in (page, touched):
                shows(each, "monday")
            # Closed in the middle: what was typed before is written or not, whole, and maybe only after the next one.
            with a_page(browser) as closed:
                closed.goto(link(tmp_path))
                shows(closed, "monday")
                for key in "n123":
                    closed.keyboard.press(key)
            touched.fill("#reader", "A. Reader")
            touched.keyboard.press("Enter")
            press(touched, "n 6")
            wait_for(lambda: labels(tmp_path, "monday", "A. Reader") == ["lymphocyte"])
            # The next session: who has touched nothing is taken there, who labels is shown the way.
            record(tmp_path / "sessions" / "tuesday", 6)
            hub.session = "tuesday"
            shows(page, "tuesday")
            until(touched, "document.querySelector('#next').textContent === 'now: tuesday'")
            assert touched.url.endswith("/session/monday/")
            process.send_signal(signal.SIGKILL)
            process.wait(20)
        # The program is killed and begun again, and so is the daemon: open pages go on by themselves.
        hub.session = None
        until(touched, "document.querySelector('#notice').textContent.startsWith('no answer')")
        with reviewing(tmp_path, *follow):
            until(touched, "document.querySelector('#notice').hidden")
            press(touched, "5", len(labels(tmp_path, "monday")) + 1)
            assert labels(tmp_path, "monday")[-1] == "monocyte"
            record(tmp_path / "sessions" / "wednesday", 6)
            hub.session = "wednesday"
            shows(page, "wednesday")
            # The two pages ask at moments of their own: the line may lead to the session before still.
            until(touched, "document.querySelector('#next').textContent === 'now: wednesday'")
            touched.click("#next a")
            shows(touched, "wednesday")
            touched.click("nav a[href=sessions]")
            touched.wait_for_selector("#sessions tbody tr")
            heads = touched.locator("#sessions tbody th").all_inner_texts()
            assert [head.split(" ")[0] for head in sorted(heads)] == ["monday", "tuesday", "wednesday"]
            # Nothing but sessions has a page.
            for path in ("session/nothing/", "session/..%2f..%2frun/", "session/.hidden/", "session/monday/../../x"):
                answer = touched.request.get(f"http://127.0.0.1:{port}/{path}")
                assert answer.status == 404, path
        assert "no page answers" in link(tmp_path)
