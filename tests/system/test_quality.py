"""The location test and the slide map as a person uses them: `smearwatch review`, and a real Chromium."""

import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Browser, Page

from smearwatch.daemon.record.location import location_tests
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.verifying import verify
from tests.paged import opened, reviewing, until
from tests.placed import HEIGHT, WIDTH, At, Laid, record
from tests.reviewed import close

pytestmark = pytest.mark.system


def click(page: Page, x: float, y: float) -> None:
    """Click a place of the field, in its px."""
    box = page.locator("#over").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x / WIDTH * box["width"], box["y"] + y / HEIGHT * box["height"])


def asks(page: Page, text: str) -> None:
    until(page, f"document.querySelector('#asks').textContent.includes({text!r})")


def drawn(page: Page, kind: str) -> int:
    return page.locator(f"#over .{kind}").count()


def test_a_location_test_and_the_map_in_the_browser(tmp_path, browser: Browser):
    folder = tmp_path / "sessions" / "monday"
    first = [At(100, 200), At(320, 240, "band"), At(600, 400, "monocyte")]
    record(folder, [Laid(0, 0, 0, first), Laid(20, 0, 0, [At(120, 240, same_as=(0, 1)), At(500, 100)])])
    close(folder)
    with reviewing(tmp_path, "monday", "--by", "A. Reader") as (link, _), opened(browser, link) as page:
        page.click("text=location test")
        page.wait_for_selector("#begin-form")
        page.select_option("#begin-form select", "in_order")
        page.click("#begin-form button")
        asks(page, "Field 1, 0.png: mark every leukocyte")
        page.wait_for_timeout(600)  # so long a field is looked at before Enter compares it
        click(page, 104, 203)
        click(page, 500, 40)
        click(page, 502, 41)  # and taken away
        asks(page, "1 marked here")
        # By keys: from the middle, where a cell is.
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Space")
        asks(page, "2 marked here")
        click(page, 50, 440)
        page.keyboard.press("u")
        asks(page, "2 marked here")
        assert drawn(page, "mark") == 2
        page.keyboard.press("Enter")
        asks(page, "the cell in the thick frame")
        assert (drawn(page, "found"), drawn(page, "now"), drawn(page, "mark")) == (2, 1, 0)
        page.keyboard.press("Enter")  # nothing comes before it is said
        page.keyboard.press("x")
        asks(page, "0 missed here")
        page.reload()
        asks(page, "Field 2, 1.png")
        assert drawn(page, "again") == 1  # the one that this field shows, too
        page.wait_for_timeout(600)
        click(page, 300, 400)
        page.click("#buttons [data-key=Enter]")
        asks(page, "the cell in the thick frame")
        page.click("#buttons [data-key=l]")
        asks(page, "1 missed here")
        assert drawn(page, "missed") == 1
        page.keyboard.press("Enter")
        asks(page, "Every field of the session was marked")
        assert "2 of 3: 66.7 % (9.4 \N{EN DASH} 99.2)" in page.inner_text("#figures")
        page.fill("#keep-form input", "new stain")
        page.click("#keep-form button[type=submit]")
        until(page, "document.querySelector('#notice').textContent.startsWith('kept as location test 1: 2 of 3 leuko')")
        assert "Note: new stain." in page.inner_text("#kept")
        assert (page.locator("#begin").is_visible(), page.locator("#test").is_visible()) == (True, False)
        page.click("text=tests by day")
        page.wait_for_selector("svg.trend circle")
        assert page.locator("#days td").all_inner_texts()[:4] == ["2", "3 (few)", "66.7", "9.4 \N{EN DASH} 99.2"]
        assert page.locator("#days td").all_inner_texts()[-2:] == ["monday", "new stain"]
        assert page.locator("svg.trend line.note").count() == 1  # the stain was changed on that day
        page.click("text=slide map")
        page.wait_for_selector("svg.map")
        assert page.locator(".map .field").count() == 2
        assert page.locator(".map .dot").count() == 4
        assert "2 of 2 searched fields placed" in page.inner_text("#figures")
        assert "about one field wide" in page.inner_text("#edge")
        page.click("text=review")
        page.click("a[href=report]")
        page.wait_for_selector("h1:has-text('Leukocyte differential')")
        assert page.locator("#differential ~ .scroll tbody tr").count() == 7
        assert page.locator(".across").inner_text() == "PRELIMINARY"
        assert page.locator(".map .field").count() == 2
        assert page.evaluate("getComputedStyle(document.querySelector('.across')).position") == "fixed"  # styled
    with LedgerReader.read(folder) as ledger:
        assert list(verify(ledger)) == []
        ((test, withdrawn),) = location_tests(ledger)
    assert (test.by, test.order, test.found, test.marked, test.overlooked, test.not_leukocytes) == (
        "A. Reader", "in_order", 2, 3, 1, 1,
    )  # fmt: skip
    assert withdrawn is None


def test_who_is_refused(tmp_path):
    folder = tmp_path / "sessions" / "monday"
    record(folder, [Laid(cells=[At(300, 300)])])
    close(folder)
    with (
        reviewing(tmp_path, "monday") as (link, _),
        reviewing(tmp_path, "monday", "--second", "--by", "B") as (blind, _),
    ):
        for address, paths in ((link, ()), (blind, ("/location", "/location/state", "/map", "/report"))):
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            opener.open(address, timeout=20).close()
            base = address.partition("/?")[0]

            def status(path: str, body: bytes | None = None, opener=opener, base=base, **headers: str) -> int:
                asked = urllib.request.Request(base + path, body, {k.replace("_", "-"): v for k, v in headers.items()})
                try:
                    with opener.open(asked, timeout=20) as answer:
                        return int(answer.status)
                except urllib.error.HTTPError as error:
                    return error.code

            for path in paths:  # a second reader sees none of it
                assert status(path) == 404, path
            if not paths:
                begin = b'{"by": "A", "order": "random"}'
                assert status("/location/begin", begin) == 403
                ours = {"x_smearwatch": "1"}
                assert status("/location/begin", b'{"by": "", "order": "random"}', **ours) == 400
                assert status("/location/begin", b'{"by": "A", "order": "mine"}', **ours) == 400
                assert status("/location/keep", b"{}", **ours) == 409
                assert status("/location/begin", begin, **ours) == 200
                assert status("/location/compare", b'{"frame": "x", "marks": [[1, 2]]}', **ours) == 409
                assert status("/location/compare", b'{"frame": "x", "marks": [[1, "a"]]}', **ours) == 400
                assert status("/location/field/..%2fledger.sqlite") == 404
