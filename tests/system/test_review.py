"""The review page as a person uses it: `smearwatch review`, and a real Chromium."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from smearwatch.daemon.record.events import CLASSES, Labelled
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.verifying import verify
from tests.paged import opened, press, reviewing, until
from tests.reviewed import record

pytestmark = pytest.mark.system

XSS = "<img src=x onerror=document.title='taken'>{}.jpg"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    record(tmp_path / "sessions" / "monday", 72, name=XSS)
    return tmp_path


@pytest.fixture
def page(state: Path, browser: Browser) -> Iterator[Page]:
    with reviewing(state, "monday", "--by", "A. Reader") as (link, _), opened(browser, link) as page:
        yield page


def labels(state: Path) -> list[Labelled]:
    with LedgerReader.read(state / "sessions" / "monday") as ledger:
        assert list(verify(ledger)) == []
        return [each.event for each in ledger.events() if isinstance(each.event, Labelled)]


def result(page: Page, name: str) -> list[str]:
    """Return a row of the results: counted, percent, reviewed, percent."""
    return page.locator(f"#results tr[data-name={name}] td").all_inner_texts()


def test_doubtful_cells_come_first_and_are_named_by_keys_alone(page: Page, state: Path):
    first = page.locator("#gallery section h2").first
    assert first.inner_text() == "to be seen first: flagged, and rejected (24)"
    assert "24 still to be seen" in page.inner_text("#state")
    assert result(page, "band") == ["10", "16.7", "10", "16.7", "8.3 \N{EN DASH} 28.5"]
    press(page, "n 6", 1)  # a flagged band is a lymphocyte
    assert result(page, "band")[:4] == ["10", "16.7", "9", "15.0"]
    assert result(page, "lymphocyte")[:4] == ["10", "16.7", "11", "18.3"]
    assert "23 still to be seen" in page.inner_text("#state")
    press(page, "e", 2)  # the next one is chosen already
    assert "nucleated red cell: 1" in page.inner_text("#apart")
    press(page, "Enter", 3)
    said = [(each.label, each.by) for each in labels(state)]
    assert said == [("lymphocyte", "A. Reader"), ("erythroblast", "A. Reader"), ("eosinophil", "A. Reader")]
    machine = [each.machine.cls for each in labels(state) if each.machine is not None]
    assert machine == ["band", "segmented", "eosinophil"]


def test_keys_that_come_faster_than_answers_name_one_cell_each(page: Page, state: Path):
    page.keyboard.press("n")
    for key in "123456123456":
        page.keyboard.press(key)
    press(page, "", 12)
    given = labels(state)
    assert [each.label for each in given] == [*CLASSES, *CLASSES]
    assert len({(each.frame, each.index) for each in given}) == 12
    page.keyboard.press("u")
    page.keyboard.press("u")
    page.keyboard.press("y")
    deadline_s = time.monotonic() + 20
    while len(labels(state)) < 15 and time.monotonic() < deadline_s:
        page.wait_for_timeout(50)
    assert [each.label for each in labels(state)[12:]] == ["withdrawn", "withdrawn", "monocyte"]
    press(page, "", 11)


def test_undo_and_redo(page: Page, state: Path):
    press(page, "n 4", 1)
    press(page, "3", 2)
    press(page, "u", 1)
    press(page, "u", 0)
    assert result(page, "basophil")[:4] == ["10", "16.7", "10", "16.7"]
    press(page, "u")
    until(page, "document.querySelector('#notice').textContent === 'nothing to undo'")
    press(page, "y", 1)
    press(page, "Control+y", 2)
    press(page, "Control+z", 1)
    with LedgerReader.read(state / "sessions" / "monday") as ledger:
        assert ledger.summary().cells_labelled == 1
    assert [each.label for each in labels(state)] == [
        "basophil", "eosinophil", "withdrawn", "withdrawn", "basophil", "eosinophil", "withdrawn",
    ]  # fmt: skip
    # After a redo the next cell is chosen, as after a label; where none is left, further keys name nothing.
    press(page, "y b", 3)
    page.locator(".cell:not(.said)").nth(4).click()  # some are left before it
    for _ in range(30):
        page.keyboard.press("Enter")
    until(page, "document.querySelector('#notice').textContent.startsWith('no flagged or rejected cell is left')")
    assert "; 0 still to be seen" in page.inner_text("#state")
    press(page, "1")
    until(page, "document.querySelector('#notice').textContent === 'choose a cell first'")
    given = labels(state)[7:]
    assert [each.label for each in given[:2]] == ["eosinophil", "blast"]
    assert len(given) == len({(each.frame, each.index) for each in given}) == 23


def test_several_at_once_by_keys_by_mouse_and_by_dragging(page: Page, state: Path):
    press(page, "n Shift+ArrowRight Shift+ArrowRight 5", 3)
    cards = page.locator(".cell:not(.said)")
    cards.nth(0).click()
    cards.nth(2).click(modifiers=["Control"])
    page.click("#names button[data-label=smudge]")
    until(page, "document.querySelector('#state').textContent.includes(' 5 labelled')")
    page.locator(".cell:not(.said)").nth(0).drag_to(page.locator("#results tr[data-name=basophil]"))
    until(page, "document.querySelector('#state').textContent.includes(' 6 labelled')")
    assert [each.label for each in labels(state)] == ["monocyte"] * 3 + ["smudge"] * 2 + ["basophil"]


def test_who_does_not_see_a_cell_does_not_name_it(page: Page, state: Path):
    press(page, "n Shift+ArrowRight")
    until(page, "document.querySelector('#several').textContent.startsWith('2 cells are chosen')")
    page.keyboard.press("Space")
    until(page, "document.querySelector('#several').hidden")
    page.select_option("#verdict", "confirmed")
    assert page.locator("#detail").is_hidden()
    page.locator("#help").focus()
    press(page, "a")
    until(page, "document.querySelector('#notice').textContent === 'choose a cell first'")
    page.select_option("#labelled", "yes")
    assert page.locator("#none").is_visible()
    assert labels(state) == []
    # Named, and so out of sight by the filter: the next key is not for it.
    page.select_option("#labelled", "no")
    page.locator(".cell:not([hidden])").last.click()
    press(page, "1", 1)
    press(page, "2")
    until(page, "document.querySelector('#notice').textContent === 'choose a cell first'")
    page.locator("#light").focus()
    press(page, "Space")
    assert page.get_attribute("#light", "aria-pressed") == "true"
    assert [each.label for each in labels(state)] == ["band"]


def test_buttons_do_what_keys_do(page: Page, state: Path):
    press(page, "n")
    for key, labelled in (("Enter", 1), ("Enter", 2), ("u", 1), ("y", 2)):
        page.click(f"#actions button[data-key={key}]")
        press(page, "", labelled)
    assert [each.label for each in labels(state)] == ["band", "segmented", "withdrawn", "segmented"]


def test_what_is_known_of_a_cell_and_its_pictures(page: Page, state: Path):
    press(page, "n f")
    until(page, "document.querySelector('#field .box')?.style.width.endsWith('%')")
    facts = page.inner_text("#facts")
    assert "the networks are not certain enough" in facts
    assert "<img src=x" in facts  # a picture's name is text, whatever it says
    assert page.title() == "monday: review"
    bar = page.eval_on_selector(".bar", "bar => [bar.offsetWidth, bar.parentElement.offsetWidth]")
    assert bar[0] / bar[1] == pytest.approx(5 / 22, rel=0.02)
    until(page, "document.querySelector('#large img').naturalWidth === 220")  # 22 um at 0.1 um a pixel: none made up
    press(page, "z")
    until(page, "document.querySelector('#large img').naturalWidth === 330")
    # The field, which is below, takes the large picture out of sight only while it is looked at.
    page.set_viewport_size({"width": 1280, "height": 720})
    wholly = """(() => {
      const [large, column] = ["#large", "#detail"].map((each) => document.querySelector(each).getBoundingClientRect());
      return large.top >= column.top && large.bottom <= column.bottom && large.width >= 280 && large.height >= 280;
    })()"""
    scrolled = "document.querySelector('#detail').scrollTop > 100"
    for key in ("f", "ArrowRight", "g"):
        press(page, "f f")
        until(page, scrolled)
        page.keyboard.press(key)
        until(page, wholly)
        if key == "f":
            press(page, "f")
    page.select_option("#verdict", "rejected")
    until(page, "document.querySelector('#shown').textContent === '12 of 72 cells'")
    page.keyboard.press("Tab")
    assert page.locator(".cell:not([hidden]) .verdict").first.inner_text().startswith("✕ rejected")
    named = page.locator(".cell:not([hidden])").first.get_attribute("aria-label")
    assert named is not None
    assert re.fullmatch(r"cell \d+: \w+, rejected, 90 percent", named)


def test_labels_are_signed_or_not_given(state: Path, browser: Browser):
    with reviewing(state, "monday") as (link, _), opened(browser, link) as page:
        press(page, "n 6")
        until(page, "document.querySelector('#notice').textContent.startsWith('write your name')")
        assert page.evaluate("document.activeElement.id") == "reader"
        page.keyboard.type("B. Other 123")
        page.keyboard.press("Enter")
        press(page, "n 6", 1)
    assert [(each.label, each.by) for each in labels(state)] == [("lymphocyte", "B. Other 123")]


def test_two_readers_at_once_see_each_other(state: Path, browser: Browser):
    with (
        reviewing(state, "monday", "--by", "A") as (one, _),
        reviewing(state, "monday", "--by", "B") as (two, _),
        opened(browser, one) as first,
        opened(browser, two) as second,
    ):
        press(first, "n 6", 1)
        until(second, "document.querySelector('#state').textContent.includes(' 1 labelled')")
        press(second, "n 5", 2)
        until(first, "document.querySelector('#state').textContent.includes(' 2 labelled')")
    assert [(each.label, each.by) for each in labels(state)] == [("lymphocyte", "A"), ("monocyte", "B")]


def test_nobody_gives_back_a_label_in_another_ones_name(state: Path, browser: Browser):
    with reviewing(state, "monday", "--by", "A") as (link, _), opened(browser, link) as page:
        press(page, "n 6", 1)
        cell = page.locator(".cell.said")
        page.fill("#reader", "B")
        cell.click()
        press(page, "5")
        until(page, "document.querySelector('.cell.said .name').textContent === 'monocyte'")
        press(page, "u")
        until(page, "document.querySelector('#notice').textContent.includes('of A, which only they can give')")
        page.click("#names button[data-label=basophil]")
        until(page, "document.querySelector('.cell.said .name').textContent === 'basophil'")
    assert [(each.label, each.by) for each in labels(state)] == [
        ("lymphocyte", "A"), ("monocyte", "B"), ("basophil", "B"),
    ]  # fmt: skip


def test_two_sessions_in_one_browser(state: Path, browser: Browser):
    record(state / "sessions" / "tuesday", 6)
    context = browser.new_context()
    with reviewing(state, "monday") as (one, _), reviewing(state, "tuesday") as (two, _):
        first, second = context.new_page(), context.new_page()
        for page, link in ((first, one), (second, two), (first, one.partition("?")[0])):
            page.goto(link)
            page.wait_for_selector(".cell")
        assert (first.title(), second.title()) == ("monday: review", "tuesday: review")
    context.close()


def test_the_program_ends_under_the_page(state: Path, browser: Browser):
    context = browser.new_context()
    with reviewing(state, "monday", "--by", "A") as (link, process):
        page = context.new_page()
        page.goto(link)
        page.wait_for_selector(".cell")
        process.terminate()
        process.wait(20)
        press(page, "n 6")
        until(page, "document.querySelector('#notice').textContent.includes(\": the page's program does not answer\")")
        assert page.inner_text("#notice").startswith("not labelled: cell 7 as lymphocyte: ")
        assert page.locator(".cell.said").count() == 0
    context.close()
    assert labels(state) == []


# --- without a browser: who gets in, and what is refused


Ask = Callable[..., tuple[int, str, Any]]


@pytest.fixture
def ask(state: Path) -> Iterator[Ask]:
    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    opener = urllib.request.build_opener(NoRedirect)
    with reviewing(state, "monday", "--by", "A. Reader") as (link, _):

        def ask(path: str, body: object = None, **headers: str) -> tuple[int, str, Any]:
            url = link if path == "link" else link.partition("/?")[0] + path
            data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            request = urllib.request.Request(url, data, given)
            try:
                with opener.open(request, timeout=20) as answer:
                    return answer.status, answer.read().decode("latin-1"), answer.headers
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode("latin-1"), error.headers

        yield ask


def test_the_link_is_good_once_and_nobody_else_gets_in(ask: Ask):
    for path in ("/", "/?token=guess", "/cells", "/static/review.js", "/picture/x/0", "/labels"):
        status, text, _ = ask(path)
        assert (status, "again for a new one" in text) == (403, True), path
    status, _, headers = ask("link")
    cookie = headers["set-cookie"]
    assert status == 303
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert ask("link")[0] == 403
    known = cookie.partition(";")[0]
    status, text, headers = ask("/", cookie=known)
    assert (status, "A. Reader" in text) == (200, True)
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert ask("/", cookie=known, host="evil.example")[0] == 421
    assert ask("/", cookie=f"{known}x")[0] == 403


def test_requests_that_do_not_fit_change_nothing(ask: Ask, state: Path):
    known = ask("link")[2]["set-cookie"].partition(";")[0]
    cells = json.loads(ask("/cells", cookie=known)[1])["cells"]
    cell = cells[0]["id"]
    ours = {"cookie": known, "x_smearwatch": "1"}
    right = {"by": "A", "labels": {cell: "band"}}
    for body, headers, status in (
        (right, {"cookie": known}, 403),
        (right, {**ours, "origin": "http://evil.example"}, 403),
        (right, {**ours, "origin": "null"}, 403),
        ({"by": "A", "labels": {cell: "metamyelocyte"}}, ours, 400),
        ({"by": " ", "labels": {cell: "band"}}, ours, 400),
        ({"by": "A" * 201, "labels": {cell: "band"}}, ours, 400),
        ({"by": "A", "labels": {}}, ours, 400),
        ({"by": "A", "labels": {cell: "band", "ee" * 32 + ":0": "band"}}, ours, 400),
        ({"by": "A", "labels": {cell: "band", cell.partition(":")[0]: "band"}}, ours, 400),
        ({"by": "A", "labels": {cell: "band"}, "more": 1}, ours, 400),
        ({"by": "A", "labels": {cell: "band", cell.replace(":", ":0"): "smudge"}}, ours, 400),
        ({"by": "A", "labels": {f"{cell}{'1' * 5000}": "band"}}, ours, 400),
        ("{not json", ours, 400),
    ):
        got = ask("/labels", body, **headers)
        assert got[0] == status, (body, got)
        assert "Traceback" not in got[1]
    for path in (
        "/frame/..%2f..%2fledger.sqlite", "/frame/" + "ee" * 32, "/picture/../../etc/passwd/0", "/static/../app.py",
        "/static/%2e%2e/app.py", "/picture/" + cell.partition(":")[0] + "/99", "/cell/x/0", "/cells/", "/nothing",
        f"/cell/{cell.partition(':')[0]}/{'1' * 5000}", f"/picture/{cell.partition(':')[0]}/-1",
    ):  # fmt: skip
        assert ask(path, cookie=known)[0] in (404, 405), path
    assert ask("/cells?after=x", cookie=known)[0] == 400
    assert labels(state) == []
    assert json.loads(ask("/labels", right, **ours)[1]) == {"written": 1}
    assert json.loads(ask("/labels", right, **ours)[1]) == {"written": 0}


def test_many_requests_at_once_all_label(ask: Ask, state: Path):
    ours = {"cookie": ask("link")[2]["set-cookie"].partition(";")[0], "x_smearwatch": "1"}
    cells = [cell["id"] for cell in json.loads(ask("/cells", **ours)[1])["cells"]]
    wanted = [{"by": "A", "labels": {cell: "band"}} for cell in cells[:12]]
    with ThreadPoolExecutor(12) as pool:
        answers = [*pool.map(lambda body: ask("/labels", body, **ours)[0], wanted)]
    assert answers == [200] * 12
    assert len(labels(state)) == 12


def test_a_session_that_is_deleted_under_the_page_stays_deleted(ask: Ask, state: Path):
    ours = {"cookie": ask("link")[2]["set-cookie"].partition(";")[0], "x_smearwatch": "1"}
    cell = json.loads(ask("/cells", **ours)[1])["cells"][0]["id"]
    folder = state / "sessions" / "monday"
    shutil.rmtree(folder)
    for path, body in (("/labels", {"by": "A", "labels": {cell: "band"}}), ("/cells", None)):
        status, text, _ = ask(path, body, **ours)
        assert (status, "Traceback" in text) == (409, False)
    assert not folder.exists()
    record(folder, 6)
    status, text, _ = ask("/cells", **ours)
    assert (status, "deleted and begun anew" in text) == (409, True)


def test_a_name_that_is_no_text_is_written_as_it_can_be(state: Path):
    with reviewing(state, "monday", "--by", os.fsdecode(b"\xffA")) as (link, _):
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(link, timeout=20) as answer:
            assert 'value="?A"' in answer.read().decode()


def test_what_cannot_be_reviewed_is_one_line(tmp_path: Path):
    given = {**os.environ, "SMEARWATCH_STATE_DIR": str(tmp_path / "none"), "SMEARWATCH_RUNTIME_DIR": str(tmp_path)}
    for options, line in (
        (["--no-browser"], "no sessions under"),
        (["tuesday", "--no-browser"], "no session 'tuesday'"),
    ):
        typed = [sys.executable, "-m", "smearwatch.daemon.cli", "review", *options]
        run = subprocess.run(typed, capture_output=True, text=True, env=given, check=False, timeout=60)
        assert run.returncode == 1
        assert line in run.stderr
        assert len(run.stderr.splitlines()) == 1
