"""The day on the page: what a session is of, a tally by keys with its sign at the target, another session found."""

import json

import pytest

from smearwatch.clients.tallying.draft import FILE
from tests.in_process import of_state as typed
from tests.paged import fits, opened, reviewing, until
from tests.reviewed import close, record

pytestmark = pytest.mark.system


@pytest.fixture
def state(tmp_path):
    for name in ("monday", "tuesday"):
        folder = tmp_path / "sessions" / name
        record(folder, 12)
        close(folder)
    return tmp_path


def counted(page, name):
    return page.inner_text(f"#classes tr[data-name={name}] td:nth-child(3)")


def test_described_tallied_and_another_session_found(browser, state):
    with reviewing(state, "monday") as (link, _), opened(browser, link, refused=("409", "400", "404")) as page:
        page.click("#describe")
        page.fill("#describing [name=by]", "A. Reader")
        page.fill("#describing [name=specimen]", "a/b")
        page.click("#describing [type=submit]")
        page.wait_for_selector("#describing .refused:has-text('cannot be a number of one')")
        page.fill("#describing [name=title]", "Slide two")
        page.fill("#describing [name=specimen]", "H26-9")
        page.click("#describing [type=submit]")
        page.wait_for_selector("#said:has-text('Slide two, specimen H26-9')")

        page.click("#light")  # dark, on this page and on those that follow
        page.click("nav a:has-text('tally by hand')")
        page.wait_for_selector("html[data-room=dark] #light[aria-pressed=true]")
        page.fill("#begin [name=by]", "A. Reader")
        page.fill("#begin [name=target]", "4")
        page.click("#begin [type=submit]")
        page.wait_for_selector("#classes tbody tr")
        # What sounds is counted: the real sounds are made by the page itself.
        page.evaluate(
            "() => { window.tones = []; const { start } = OscillatorNode.prototype; OscillatorNode.prototype.start ="
            "function (at) { tones.push(this.frequency.value); start.call(this, at); } }"
        )
        for key in ("1", "2", "6"):
            page.keyboard.press(key)
        page.wait_for_selector("#state:has-text('3 of 4')")
        page.set_viewport_size({"width": 390, "height": 844})  # a telephone has no keys
        assert fits(page)
        page.click("#apart tr[data-name=blast] button")
        page.wait_for_selector("#ring:has-text('blast')")
        page.keyboard.press("Backspace")
        page.set_viewport_size({"width": 1280, "height": 800})
        page.wait_for_selector("#ring:has-text('taken back: blast')")
        assert not page.is_visible("#ring.reached")
        page.keyboard.press("2")
        page.wait_for_selector("#ring.reached:has-text('4 leukocytes: the target of 4 is reached')")
        until(page, "window.tones.length === 7")  # one a key, none for what is taken back, three bells at the target
        assert len(set(page.evaluate("window.tones"))) == 5
        assert (counted(page, "band"), counted(page, "segmented"), counted(page, "lymphocyte")) == ("1", "2", "1")

        second = page.context.new_page()  # in another window it is the same tally
        second.goto(page.url)
        second.fill("#begin [name=by]", "A. Reader")
        second.click("#begin [type=submit]")
        second.wait_for_selector("#ring:has-text('continued: 4 cells')")
        second.keyboard.press("3")
        second.wait_for_selector("#state:has-text('5 of 4')")
        page.keyboard.press("4")  # this one shows 4 still
        page.wait_for_selector("#notice:has-text('NOT COUNTED: another window has counted meanwhile')")
        page.wait_for_selector("#state:has-text('5 of 4')")
        second.close()

        page.keyboard.press("Enter")
        page.click("[data-ending='']")
        page.keyboard.press("Enter")
        page.click("[data-ending=later]")
        page.wait_for_selector("#state:has-text('unfinished')")
        assert (state / "sessions" / "monday" / FILE).is_file()
        page.click("#begin [type=submit]")
        page.wait_for_selector("#ring:has-text('continued: 5 cells')")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        page.wait_for_selector("#state:has-text('kept with the session, as tally 1')")
        shown = json.loads(typed(state, "sessions", "show", "monday", "--pooled", "--json")[1])
        assert (shown["tallies"][0]["cells"], shown["cells"] + 5, shown["tallies"][0]["target"]) == (
            5,
            shown["pooled"]["cells"],
            4,
        )

        page.click("header a")
        page.click("nav a:has-text('all sessions')")
        page.wait_for_selector("html[data-room=dark] #sessions")
        page.click("#light")
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_selector("#sessions a:has-text('tuesday')")
        assert fits(page)
        page.set_viewport_size({"width": 1280, "height": 800})
        page.fill("#find", "slide TWO")
        page.wait_for_selector("#state:has-text('1 session')")
        page.fill("#find", "tues")
        page.wait_for_selector("#sessions a:has-text('tuesday')")
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:has-text('tuesday')")
        page.wait_for_selector(".cell img")
        assert page.url.endswith("/session/tuesday/")
        assert page.get_attribute("html", "data-room") == "light"
        page.fill("#reader", "A. Reader")
        page.keyboard.press("Enter")
        page.click(".cell >> nth=0")
        page.keyboard.press("2")
        until(page, "document.querySelector('#state').textContent.includes(' 1 labelled')")
        answer = page.goto(page.url.replace("tuesday", "wednesday"))
        assert answer is not None
        assert answer.status == 404
    labelled = {
        name: json.loads(typed(state, "sessions", "show", name, "--json")[1])["cells_labelled"]
        for name in ("monday", "tuesday")
    }
    assert labelled == {"monday": 0, "tuesday": 1}
