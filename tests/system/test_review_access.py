"""The review page for other computers: real TLS, real accounts, a real Chromium; who gets in, and what each may."""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from smearwatch.clients.web import passwords
from smearwatch.clients.web.accounts import Accounts
from smearwatch.clients.web.app import ReadAs, ReviewPage
from smearwatch.clients.web.attempts import FREE
from smearwatch.clients.web.starting import Starting
from smearwatch.clients.web.weights import BetterWeights
from smearwatch.daemon.config import Settings
from smearwatch.daemon.record.audit import read_trail
from smearwatch.daemon.record.description import Described
from smearwatch.daemon.record.events import Amended, Labelled, Signed
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.verifying import verify
from tests.paged import fits, press, reviewing, until
from tests.reviewed import close, record

pytestmark = pytest.mark.system

XSS = "<img src=x onerror=document.title='taken'>"
READER, VIEWER, OTHER = f"A. {XSS}", "V. Iewer", "B. Reader"
PASSWORD = "as long as this"  # everybody's
PAGES = ("/", "/sessions", "/tally", "/weights", "/location", "/trend", "/map")
CHANGES = (
    *("data-label=", 'data-key="Enter"', 'data-key="u"', "data-action=", 'id="sign"', 'id="amend"', 'id="random"'),
    *('id="describe"', 'id="start"', 'id="begin', 'id="undo"', 'id="adapt"', 'id="back"', 'id="discard"'),
    *('href="tally"', "<dialog"),
)
"""What only a reader is offered."""


def changing(state: Path) -> list[str]:
    """Return the paths that change something."""
    folder, settings = state / "sessions" / "monday", Settings(state_dir=state, runtime_dir=state / "run")
    page = ReviewPage(folder, settings, ReadAs(), BetterWeights(settings), Starting(settings))
    try:
        return [route.path for route in page.routes() if "POST" in (route.methods or ())]
    finally:
        page.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of accounts, one of them made by the command: two readers, one whose name is markup, and a viewer."""
    state = tmp_path_factory.mktemp("accounts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_N", 1 << 10)  # their lines say so, and log in quickly
        Accounts(state).add(READER, "reader", PASSWORD)
        Accounts(state).add(VIEWER, "viewer", PASSWORD)
    done = smearwatch(state, "account", "add", OTHER, "--role", "reader", "--password-stdin", typed=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    listed = smearwatch(state, "account", "list", "--json").stdout.splitlines()
    assert [json.loads(line)["name"] for line in listed] == [READER, VIEWER, OTHER]
    return state / "accounts.json"


@pytest.fixture
def state(tmp_path: Path, accounts: Path) -> Path:
    folder = tmp_path / "sessions" / "monday"
    record(folder, 72, name=XSS + "{}.jpg")
    close(folder)
    with Ledger.open(folder) as ledger:
        ledger.append([Described("A", 1, 1, title=XSS, specimen="7 " + XSS.replace("/", ""), note=XSS)])
    shutil.copy(accounts, tmp_path)
    return tmp_path


def smearwatch(state: Path, *words: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
    given = {**os.environ, "SMEARWATCH_STATE_DIR": str(state), "SMEARWATCH_RUNTIME_DIR": str(state / "run")}
    command = [sys.executable, "-m", "smearwatch.daemon.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, env=given, input=typed, check=False, timeout=100)


def tls(certificate: Path, listen: str = "127.0.0.1:0") -> list[str]:
    files = ["--tls-cert", str(certificate / "cert.pem"), "--tls-key", str(certificate / "key.pem")]
    return ["--listen", listen, *files]


def said(state: Path) -> list[tuple[str, str]]:
    """Return who said what, in the order of the record, which must hold."""
    with LedgerReader.read(state / "sessions" / "monday") as ledger:
        assert list(verify(ledger)) == []
        events = [each.event for each in ledger.events()]
    kinds = {Signed: "signed", Amended: "amended"}
    return [
        (each.label if isinstance(each, Labelled) else kinds[type(each)], each.by)
        for each in events
        if isinstance(each, Labelled | Signed | Amended)
    ]


class Visitor:
    """Asks as a browser does that keeps a cookie, or as none ever would."""

    def __init__(self, address: str) -> None:
        self.host = address.removeprefix("https://").rstrip("/")
        self.cookie: str | None = None
        self.certificates = ssl.create_default_context()
        self.certificates.check_hostname, self.certificates.verify_mode = False, ssl.CERT_NONE

    def ask(self, path: str, body: object = None, **headers: str | None) -> tuple[int, str]:
        """Return status and text; a body is sent as the page does, but for headers that are given otherwise."""
        given = {"cookie": self.cookie, "x-smearwatch": "1" if body is not None else None}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPSConnection(self.host, timeout=30, context=self.certificates)
        try:
            data = None if body is None else json.dumps(body).encode()
            method = "GET" if body is None else "POST"
            connection.request(method, path, data, {name: value for name, value in given.items() if value is not None})
            answer = connection.getresponse()
            if (cookie := answer.headers["set-cookie"]) is not None:
                self.set_cookie = cookie
                self.cookie = cookie.partition(";")[0]
            text = answer.read().decode("latin-1")
            assert "Traceback" not in text
            return answer.status, text
        finally:
            connection.close()

    def log_in(self, name: str, password: str = PASSWORD, **headers: str | None) -> int:
        return self.ask("/log-in", {"name": name, "password": password}, **headers)[0]


def test_who_gets_in_and_what_each_may(state: Path, certificate: Path):
    paths = changing(state)
    assert {
        "/labels",
        "/run",
        "/sign",
        "/amend",
        "/location/begin",
        "/next",
        "/describe",
        "/tally/begin",
        "/weights/promote",
    } <= set(paths)
    with reviewing(state, "monday", *tls(certificate)) as (address, process):
        stranger, reader, viewer = (Visitor(address) for _ in range(3))
        assert stranger.ask("/healthz") == (503, "no count is running: nothing was heard of it\n")
        assert stranger.ask("/healthz", {})[0] == 401
        # Nobody without an account sees or changes anything, and no other site logs anybody in.
        assert stranger.ask("/")[0] == 401
        assert 'name="password"' in stranger.ask("/")[1]
        assert "monday" not in stranger.ask("/")[1]
        for path in (
            "/cells",
            "/static/review.js",
            "/static/../app.py",
            "/picture/x/0",
            "/?token=x",
            "/log-in/../cells",
        ):
            status, text = stranger.ask(path)
            assert (status, "cell" in text) == (401, False), path
        for path in paths:
            assert stranger.ask(path, {})[0] == 401
        assert stranger.log_in(READER, x_smearwatch=None) == 403
        assert stranger.log_in(READER, origin="https://evil.example") == 403
        for name, password in ((READER, "as long as thiS"), ("Nobody", PASSWORD), (f"{READER} ", f" {PASSWORD}")):
            assert stranger.log_in(name, password) == 403
        bad: tuple[object, ...] = ([], {"name": READER}, {"name": READER, "password": 1}, {"name": "", "password": "x"})
        for body in bad:
            assert stranger.ask("/log-in", body)[0] == 400
        assert stranger.ask("/log-in", {"name": READER, "password": "x" * (1 << 20)})[0] == 413
        assert stranger.cookie is None
        # A reader says everything in the own name, and in no other.
        assert reader.log_in(READER, origin=f"https://{reader.host}") == 200
        for word in ("__Host-", "HttpOnly", "Secure", "SameSite=strict", "Max-Age=43200", "Path=/"):
            assert word in reader.set_cookie
        cell = json.loads(reader.ask("/cells")[1])["cells"][0]["id"]
        label = {"by": READER, "labels": {cell: "basophil"}}
        assert reader.ask("/labels", label | {"by": OTHER})[0] == 403
        assert reader.ask("/labels", label, x_smearwatch=None)[0] == 403
        assert reader.ask("/labels", label, origin="https://evil.example")[0] == 403
        assert reader.ask("/labels", label, cookie=f"{reader.cookie}x")[0] == 401
        assert reader.ask("/sign", {"by": OTHER, "event": 1, "overrule": {}})[0] == 403
        assert said(state) == []
        assert reader.ask("/labels", label)[0] == 200
        # What one reader tallies another one neither types nor ends; what is said of a session is changed name by name.
        assert reader.ask("/tally/begin", {"by": READER})[0] == 200
        other = Visitor(address)
        assert other.log_in(OTHER) == 200
        for path, body in (("/tally/key", {"name": "basophil", "number": 0}), ("/tally/end", {"ending": "discard"})):
            assert other.ask(path, body)[0] == 409
        assert reader.ask("/tally/key", {"name": "basophil", "number": 0})[0] == 200
        assert reader.ask("/tally/end", {"ending": "discard"})[0] == 200
        assert reader.ask("/describe", {"by": READER, "note": "late"})[0] == 200
        assert json.loads(other.ask("/said")[1])["specimen"] == json.loads(reader.ask("/said")[1])["specimen"] != ""
        # A viewer looks.
        assert viewer.log_in(VIEWER) == 200
        assert "A. &lt;img" not in viewer.ask("/")[1]
        assert json.loads(viewer.ask("/cells")[1])["tally"]["labelled"] == 1
        assert viewer.ask("/gates")[0] == 200
        status, report = viewer.ask("/report?wbc=7.2")
        assert (status, "<b>7.2 10" in report, XSS in report) == (200, True, False)
        last = read_trail(state).entries[-1]
        assert (last.kind, last.by, last.values["to"]) == ("exported", VIEWER, "a browser")
        assert viewer.ask("/report?wbc=7200")[0] == viewer.ask("/report?kind=pdf")[0] == 400
        assert stranger.ask("/report")[0] == 401
        pages = {path: (reader.ask(path)[1], viewer.ask(path)[1]) for path in PAGES}
        for path, (changes, looks) in pages.items():
            assert ("You are a viewer" in changes, looks.count("You are a viewer")) == (False, 1), path
        for mark in CHANGES:
            assert any(mark in changes for changes, _ in pages.values()), mark
            assert not any(mark in looks for _, looks in pages.values()), mark
        for path in paths:
            for by in (VIEWER, READER):
                assert viewer.ask(path, label | {"by": by}) == (403, "this account may look, and not change anything")
        assert said(state) == [("basophil", READER)]
        # Out: by one's own wish, by a password that was changed, by being removed; and not by a restart.
        before = viewer.cookie
        assert viewer.ask("/log-out", {})[0] == 200
        assert viewer.ask("/cells", cookie=before)[0] == 401
        assert viewer.log_in(VIEWER) == 200
        Accounts(state).set_password(VIEWER, "another one")
        assert viewer.ask("/cells")[0] == 401
        assert viewer.log_in(VIEWER) == 403
        process.kill()
        process.wait(20)
    with reviewing(state, "monday", *tls(certificate, reader.host)):
        assert reader.ask("/cells")[0] == 200
        (state / "accounts.json").chmod(0o640)
        assert reader.ask("/cells")[0] == 503
        (state / "accounts.json").chmod(0o600)
        Accounts(state).remove(READER)
        assert reader.ask("/labels", label | {"labels": {cell: "band"}})[0] == 401
        assert [stranger.log_in(VIEWER, "a guess") for _ in range(FREE)] == [403] * FREE
        assert stranger.log_in(VIEWER, "another one") == stranger.log_in(OTHER) == 429, (
            "who guesses waits, and is not told when it was right"
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            stranger.certificates.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError):
            stranger.ask("/")
    assert said(state) == [("basophil", READER)]


@contextmanager
def logged_in(browser: Browser, address: str, name: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, ignore_https_errors=True)
    page = context.new_page()
    page.goto(address)
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".cell")
    yield page
    context.close()


def notice(text: str) -> str:
    return f"document.querySelector('#notice').textContent.includes({json.dumps(text)})"


def test_readers_and_a_viewer_in_a_browser(state: Path, certificate: Path, browser: Browser):
    with (
        reviewing(state, "monday", *tls(certificate)) as (address, _),
        logged_in(browser, address, READER) as first,
        logged_in(browser, address, OTHER) as other,
        logged_in(browser, address, VIEWER) as viewer,
    ):
        # Whatever is called as markup is text.
        for page in (first, other, viewer):
            assert page.title() == "monday: review"
            assert page.locator("img[src=x]").count() == 0
        until(first, f"document.querySelector('#said').textContent.includes({json.dumps(XSS)})")
        assert first.input_value("#reader") == READER
        assert not first.is_editable("#reader")
        # Two people on one cell: who comes later, and could not know, is told; both labels are kept.
        other.route("**/cells?*", lambda route: route.abort())
        other.wait_for_timeout(100)
        press(first, "n 6", 1)
        press(other, "n 5")
        until(other, notice(f"a moment before you, {READER} called cell 7 lymphocyte: your label stands now"))
        other.unroute("**/cells?*")
        first.locator(".cell[aria-label^='cell 7:']").click()
        until(first, "document.querySelector('#facts').textContent.includes('monocyte by B. Reader')")
        # Where one looks on while another one labels the chosen cell, it is said, and shown.
        other.locator(".cell[aria-label^='cell 7:']").click()
        press(other, "3")
        until(first, notice("B. Reader calls cell 7 eosinophil by now"))
        until(first, "document.querySelector('#facts').textContent.includes('eosinophil by B. Reader')")
        assert said(state) == [("lymphocyte", READER), ("monocyte", OTHER), ("eosinophil", OTHER)]
        # A viewer sees it, and can do nothing, whatever the page is made to send.
        until(viewer, "document.querySelector('#state').textContent.includes(' 1 labelled')")
        press(viewer, "n 6")
        until(viewer, notice("this account may look, and not change anything"))
        assert viewer.locator("#sign, #names, .cell[draggable=true]").count() == 0
        # Every page works for who only looks, on a telephone, too.
        wrong: list[str] = []
        viewer.on("pageerror", lambda error: wrong.append(str(error)))
        viewer.set_viewport_size({"width": 390, "height": 844})
        for path in PAGES:
            viewer.goto(address + path.strip("/"))
            viewer.wait_for_load_state("networkidle")
            assert fits(viewer), path
        assert wrong == []
        # Signed with the name of the account.
        first.click("#sign")
        first.wait_for_selector("#signing[open]")
        form = first.locator("#sign-form")
        assert form.locator("input[name=by]").input_value() == READER
        assert not form.locator("input[name=by]").is_editable()
        for gate in first.locator("#gates input").all():
            gate.fill("a test")
        form.locator("button[type=submit]").click()
        until(first, "document.querySelector('#standing').textContent.includes('Signed by A. <img')")
        assert said(state)[3:] == [("signed", READER)]
        first.click("#log-out")
        first.wait_for_selector("input[name=password]")
        assert first.context.cookies() == []
        for page in (first, other, viewer):
            assert "taken" not in page.title()


def test_without_tls_and_accounts_it_does_not_listen_and_says_how(state: Path):
    done = smearwatch(state, "review", "monday", "--listen", "0.0.0.0", "--no-browser")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "does not listen on 0.0.0.0 without a certificate and its key (give --tls-cert FILE" in done.stderr
    assert "ssh -L 8000:127.0.0.1:8000 THIS-COMPUTER smearwatch review --port 8000 --no-browser" in done.stderr
