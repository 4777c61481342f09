"""Signing on the review page: gates, reasons, the banner, two pages at once; a real Chromium, and keys alone."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from smearwatch.daemon.record.events import Amended, Event, Labelled, Seen, Signed
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.verifying import verify
from tests.paged import opened, press, reviewing, until
from tests.reviewed import close, record

pytestmark = pytest.mark.system

REFUSED = ("status of 409", "ERR_FAILED")  # what the browser logs of a refusal, and of a page that hears nothing
BANNER = (
    "!document.querySelector('#signature').hidden && document.querySelector('#signature').classList.contains('signed')"
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Record 12 cells, of which 6 are flagged; the target is 100."""
    folder = tmp_path / "sessions" / "monday"
    record(folder, 12)
    close(folder)
    return tmp_path


def events(state: Path) -> list[Event]:
    with LedgerReader.read(state / "sessions" / "monday") as ledger:
        assert list(verify(ledger)) == []
        return [each.event for each in ledger.events()]


def gates(page: Page) -> dict[str, str]:
    return dict(page.eval_on_selector_all("#gates li", "rows => rows.map(row => [row.dataset.gate, row.className])"))


def sign_by_keys(page: Page) -> None:
    page.focus("#sign")
    page.keyboard.press("Enter")
    page.wait_for_selector("#signing[open]")


def test_gates_reasons_banner_and_amending_by_keys_alone(
    state: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SMEARWATCH_MESSAGES", json.dumps({"folder": str(state)}))
    with reviewing(state, "monday", "--by", "A. Reader") as (link, _), opened(browser, link) as page:
        assert page.is_hidden("#signature")
        assert page.is_visible("#preliminary")
        press(page, "n 6", 1)
        sign_by_keys(page)
        assert gates(page) == {
            "flagged": "open", "rejected": "passed", "drift": "passed", "scale": "passed", "target": "open",
            "incomplete": "passed", "nothing_counted": "passed", "being_counted": "passed",
        }  # fmt: skip
        assert page.inner_text("#unsent").startswith(
            "its message cannot be sent, for it has no specimen or order number"
        )
        assert "5 flagged cells have no label" in page.inner_text("#gates li[data-gate=flagged]")
        row = page.locator("#signed-result tbody tr").nth(5).inner_text()
        assert row.split("\t") == ["lymphocyte", "3", "25.0", "5.5 \N{EN DASH} 57.2"]
        assert page.inner_text("#signed-apart") == "1 cell labelled, 1 of them renamed"
        named = page.get_attribute("#sign-form input[name=flagged]", "aria-label")
        assert named == "reason to sign although 5 flagged cells have no label"
        # The first field is chosen; without a reason nothing is signed, and the missing one is chosen.
        assert page.evaluate("document.activeElement.name") == "flagged"
        page.keyboard.type("6 seen 123 at the microscope")  # letters are keys only outside
        page.keyboard.press("Enter")
        assert page.inner_text("#signing .refused").startswith("12 of 100 leukocytes: the target is not reached")
        assert page.evaluate("document.activeElement.name") == "target"
        assert not any(isinstance(event, Signed) for event in events(state))
        page.keyboard.type("a child's smear")
        page.keyboard.press("Tab")
        assert page.input_value("#sign-form input[name=by]") == "A. Reader"
        page.keyboard.press("Tab")
        page.keyboard.type("for <b>class</b>")
        page.keyboard.press("Enter")
        until(page, BANNER)
        said = page.locator("#standing p").all_inner_texts()
        assert said[0].startswith("Signed by A. Reader, 20")
        assert said[1:] == [
            "signed although flagged cells had no label: 6 seen 123 at the microscope",
            "signed although the target was not reached: a child's smear",
            "note: for <b>class</b>",
        ]
        assert page.is_hidden("#preliminary")
        assert page.is_hidden("#sign")
        until(
            page,
            "document.querySelector('#notice').textContent.startsWith("
            "'Its message was not sent: session monday has no specimen or order number')",
        )
        assert page.is_disabled("#names button[data-label=band]")
        # Labels are closed, and say so.
        press(page, "n 1")
        until(page, "document.querySelector('#notice').textContent.startsWith('signed by A. Reader: amend it')")
        press(page, "u")
        assert sum(isinstance(event, Labelled) for event in events(state)) == 1
        page.focus("#amend")
        page.keyboard.press("Enter")
        page.wait_for_selector("#amending[open]")
        page.keyboard.type("a cell was overlooked")
        page.keyboard.press("Enter")
        until(page, "document.querySelector('#standing').textContent.startsWith('Amended once by A. Reader')")
        assert page.is_visible("#preliminary")
        press(page, "n 1", 2)
        sign_by_keys(page)
        page.keyboard.press("Escape")
        page.wait_for_selector("#signing:not([open])", state="attached")
    (signed,) = [event for event in events(state) if isinstance(event, Signed)]
    assert [(each.gate, each.reason) for each in signed.overruled] == [
        ("flagged", "6 seen 123 at the microscope"), ("target", "a child's smear"),
    ]  # fmt: skip
    assert [event.reason for event in events(state) if isinstance(event, Amended)] == ["a cell was overlooked"]


def test_a_gate_leads_to_its_cells_and_an_alarm_says_which_way_and_what_to_check(tmp_path: Path, browser: Browser):
    record(tmp_path / "sessions" / "monday", 12, a_frame=4, look={"nucleus_red_green": 0.9}, red_cells_um_per_px=0.085)
    said = "since cell 1: nuclei bluer (less red light) than those trained on, 2.0 times beyond the limit"
    with Ledger.open(tmp_path / "sessions" / "monday") as ledger:  # two pictures wait
        ledger.append([Seen(each * 64, f"{each}.jpg", 9, 1, None, None, False, "folder") for each in "ab"])
    with reviewing(tmp_path, "monday", "--by", "A") as (link, _), opened(browser, link) as page:
        until(page, "!document.querySelector('#alarm').hidden")
        scale = "0.100 um/px, as it was given, but the red cells of 3 pictures say 0.0850"
        first, second = page.inner_text("#alarm").split("\n")
        assert first.startswith(f"\u25b2 scale contradicted: {scale} (check the objective and that number, ")
        assert second.startswith(f"\u25b2 drift {said} (check the buffer (too alkaline?), ")
        assert page.inner_text("#mark") == (
            "? cells unlike what the weights were trained on, and the scale is contradicted by the red cells: "
            "percentages may be wrong"
        )
        counted = "12 leukocytes counted; 2 pictures are not counted yet; 0 labelled; 6 still to be seen: "
        assert page.inner_text("#state") == f"{counted}press n"
        assert page.inner_text("#hint").startswith("Press n: the first cell to be seen ")
        page.set_viewport_size({"width": 390, "height": 844})
        until(page, f"document.querySelector('#state').textContent === '{counted}choose a cell'")
        page.set_viewport_size({"width": 1280, "height": 800})
        sign_by_keys(page)
        assert gates(page)["drift"] == "open"
        assert said in page.inner_text("#gates li[data-gate=drift]")
        assert gates(page)["scale"] == "open"
        assert scale in page.inner_text("#gates li[data-gate=scale]")
        assert page.is_visible("#sign-form input[name=scale]")
        page.click("#gates li[data-gate=flagged] .see")
        assert page.locator(".cell:not([hidden])").count() == 6
        assert page.locator(".cell.chosen").count() == 1
        assert page.inner_text("#shown") == "6 of 12 cells"


def overrule_and_sign(page: Page) -> None:
    sign_by_keys(page)
    for gate in ("flagged", "target"):
        page.fill(f"#sign-form input[name={gate}]", "seen")
    page.click("#sign-form button[type=submit]")


def test_two_pages_at_once(state: Path, browser: Browser):
    with (
        reviewing(state, "monday", "--by", "A") as (one, _),
        reviewing(state, "monday", "--by", "B") as (two, _),
        opened(browser, one) as first,
        opened(browser, two, refused=REFUSED) as second,
    ):
        # The second one's page does not hear of the signature yet, and its keys come too late.
        second.route("**/cells*", lambda route: route.abort())
        overrule_and_sign(first)
        until(first, BANNER)
        press(second, "n 5")
        press(second, "3")
        until(
            second, "document.querySelector('#notice').textContent.includes('cell 7 as monocyte, cell 8 as eosinophil')"
        )
        refusal = second.inner_text("#notice")
        assert "session monday was signed by A on 20" in refusal
        assert "smearwatch sessions amend monday" in refusal
        assert second.locator(".cell.said").count() == 0
        second.unroute("**/cells*")
        until(second, BANNER)
        assert "not labelled: cell 7" in second.inner_text("#notice")  # still in sight
        second.click("#amend")
        second.fill("#amend-form input[name=reason]", "B sees it otherwise")
        second.keyboard.press("Enter")
        until(first, "document.querySelector('#standing').textContent.startsWith('Amended once by B')")
        # Whoever has the dialog open while another one labels sees it there, and signs only what is shown.
        sign_by_keys(first)
        first.fill("#sign-form input[name=target]", "typed")
        second.click(".cell[data-id$=':6']")
        press(second, "5", 1)
        until(first, "document.querySelector('#gates li').textContent.includes('5 flagged cells have')")
        assert first.input_value("#sign-form input[name=target]") == "typed"
        overrule_and_sign(second)
        until(second, BANNER)
        until(first, "!document.querySelector('#signing').open")
        assert first.inner_text("#notice").startswith("you have not signed: Signed by B")
    assert [event.by for event in events(state) if isinstance(event, Signed)] == ["A", "B"]


def test_what_the_page_has_not_shown_is_not_signed(state: Path, browser: Browser):
    with (
        reviewing(state, "monday", "--by", "A") as (one, _),
        opened(browser, one, refused=REFUSED) as page,
    ):
        page.route("**/cells*", lambda route: route.abort())
        stale = []

        def give_stale(route):
            answer = route.fetch()
            body = answer.json()
            body["event"] -= 1
            stale.append(body)
            route.fulfill(response=answer, body=json.dumps(body))

        page.route("**/gates", give_stale)
        overrule_and_sign(page)
        until(page, "document.querySelector('#signing .refused').textContent.includes('since you looked at it')")
        page.unroute_all(behavior="wait")  # the gates are asked for once more
    assert stale
    assert not any(isinstance(event, Signed) for event in events(state))
