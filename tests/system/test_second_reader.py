"""A second reader reads blindly; both are compared, and disagreements settled: the real page and the real command."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from smearwatch.daemon.record.events import Labelled
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.signing import amend, sign
from smearwatch.daemon.record.verifying import verify
from tests.in_process import of_state
from tests.paged import opened, press, reviewing, until
from tests.reviewed import close, record

pytestmark = pytest.mark.system

REFUSED = ("status of 409", "status of 404")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "sessions" / "monday"
    record(folder, 6)
    close(folder)
    return tmp_path


def labels(state: Path) -> list[Labelled]:
    with LedgerReader.read(state / "sessions" / "monday") as ledger:
        assert list(verify(ledger)) == []
        return [each.event for each in ledger.events() if isinstance(each.event, Labelled)]


def readers(state: Path, *words: str) -> tuple[int, str, str]:
    return of_state(state, "sessions", "readers", "monday", *words)


def first_card(page: Page) -> None:
    page.locator(".cell:not([hidden])").first.click()


def read_first(page: Page) -> None:
    """Call the cells what the machine calls them, but for the first: a lymphocyte, says A."""
    for number, key in enumerate(("6", "2", "3", "4", "5", "6"), 1):
        page.locator(f".cell[data-id$=':{number - 1}']").click()
        press(page, key, number)


def test_blind_reading_comparing_and_settling(state: Path, browser: Browser):
    with LedgerReader.read(state / "sessions" / "monday") as ledger:
        recorded = ledger.last_number
    with reviewing(state, "monday", "--by", "A") as (link, _), opened(browser, link) as first:
        read_first(first)
        status, out, err = readers(state)
        assert (status, out) == (1, "")
        assert "was not read a second time (another person reads it blindly with: smearwatch review monday" in err

        with (
            reviewing(state, "monday", "--by", "B", "--second") as (second_link, _),
            opened(browser, second_link, refused=REFUSED) as second,
        ):
            assert second.inner_text("h1") == "monday: second reading"
            assert second.locator("#results thead th").all_inner_texts() == ["class", "as counted", "95 % limits"]
            assert second.locator("#results tr[data-name=lymphocyte] td").count() == 3
            assert second.locator(".cell.said").count() == 0
            assert second.is_hidden("#sign")
            assert "0 labelled; 6 still to be read" in second.inner_text("#state")
            told = ask(second, "/cells?after=0")
            # No number tells how many labels the first reader has given: neither of events, nor in the list.
            assert told["event"] == told["tally"]["event"] == recorded
            (listed,) = ask(second, "/list")["sessions"]
            known = {"session", "running", "fault", "title", "specimen", "operator", "note", "began", "began_at_ns"}
            assert set(listed) == known | {"frames_seen", "frames_pending", "cells_judged", "signed_by"}
            assert told["tally"]["reviewed"] is None
            assert {cell["label"] for cell in told["cells"]} == {None}
            cell = told["cells"][0]["id"].replace(":", "/")
            assert ask(second, f"/cell/{cell}")["labels"] == []
            assert second.evaluate("fetch('/gates').then(answer => answer.status)") == 404
            # Nobody is a second reader of what they read first.
            second.fill("#reader", "a")
            first_card(second)
            press(second, "1")
            until(second, "document.querySelector('#notice').textContent.includes('in the first reading')")
            second.fill("#reader", "B")
            second.locator(".cell[data-id$=':0']").click()
            press(second, "1", 1)
            # One second reading is one person's: another one is refused, another spelling is the same person.
            until(second, "document.querySelector('#standing').textContent.startsWith('This second reading is B')")
            second.fill("#reader", "C")
            second.locator(".cell[data-id$=':1']").click()
            press(second, "2")
            until(second, "document.querySelector('#notice').textContent.includes(\"monday is B's, not C's\")")
            second.fill("#reader", " b ")
            second.locator(".cell[data-id$=':1']").click()
            assert first.locator("#gallery section[data-name=disagree]").count() == 0
            press(second, "2", 2)
            press(second, "3", 3)
            press(second, "4", 4)
            press(second, "5", 5)
            assert first.locator("#gallery section[data-name=disagree]").count() == 0
            assert json.loads(readers(state, "--json")[1])["disagreements"] is None
            press(second, "6", 6)
            until(first, "document.querySelector('#gallery section[data-name=disagree]') !== null")
            assert second.locator("#gallery section[data-name=disagree]").count() == 0
            second.locator(".cell[data-id$=':0']").click()
            press(second, "2")
            until(second, "document.querySelector('#notice').textContent.includes('both readers are through')")
            assert "Nothing can be named here: both readers are through" in second.inner_text("#standing")

        heading = first.inner_text("#gallery section[data-name=disagree] h2")
        assert heading == "readers disagree: whoever names such a cell settles it (1)"
        card = first.locator("#gallery section[data-name=disagree] .cell")
        assert card.locator("span").all_inner_texts() == ["lymphocyte", "or band", ""]
        named = card.get_attribute("aria-label")
        assert named is not None
        assert named.endswith("readers disagree: lymphocyte says A, band says B")
        status, out, _ = readers(state)
        assert status == 0
        assert "the same name for 5 of 6 cells, 83.3 (35.9 to 99.6) %" in out
        assert "cell 1: lymphocyte by A, band by B; the machine: band; not settled" in out
        # A stays with what A said, which decides it.
        card.click()
        until(
            first,
            "document.querySelector('#caption').textContent.startsWith('cell 1: lymphocyte, as A says; band, as B')",
        )
        press(first, "6")
        until(first, "document.querySelector('#gallery section[data-name=disagree]').hidden")
    report = json.loads(readers(state, "--json")[1])
    assert report["disagreements"][0]["settled"] == {"label": "lymphocyte", "by": "A"}
    assert (report["agreement"]["hits"], report["kappa"]["value"]) == (5, 0.8)
    assert report["machine"]["second"]["band"]["sensitivity"]["value"] == 100.0
    said = [(each.index, each.label, each.by, each.reading) for each in labels(state)]
    assert said[0] == (0, "lymphocyte", "A", None)
    assert said[6] == (0, "band", "B", "second")
    assert said[-1] == (0, "lymphocyte", "A", None)
    assert len(said) == 13


def test_a_second_reader_gets_nothing_of_the_random_review(state: Path, browser: Browser):
    with reviewing(state, "monday", "--by", "A") as (link, _), opened(browser, link) as first:
        press(first, "d 6 5")
        until(first, "document.querySelector('#says').textContent.includes('at random yet (2 of ')")
    with (
        reviewing(state, "monday", "--by", "B", "--second") as (link, _),
        opened(browser, link, refused=("status of 400", "status of 404")) as second,
    ):
        assert second.locator("#random, #list, .sure").count() == 0
        assert "random" not in second.content()
        told = ask(second, "/cells?after=0")
        assert told["draw"] == {}
        assert not [key for key in told["tally"] if "corrected" in key]
        assert second.evaluate("fetch('/worth').then(answer => answer.status)") == 404
        press(second, "d")
        assert second.is_visible("#gallery")
        drawn = json.dumps({"by": "B", "drawn": True, "labels": {told["cells"][0]["id"]: "band"}})
        status = second.evaluate(
            "body => fetch('/labels', {method: 'POST', body, headers: {'content-type': 'application/json', "
            "'x-smearwatch': '1'}}).then(answer => answer.status)",
            drawn,
        )
        assert status == 400
        first_card(second)
        press(second, "1", 1)
    assert [(each.by, each.reading, each.drawn) for each in labels(state)] == [
        ("A", None, True),
        ("A", None, True),
        ("B", "second", None),
    ]


def test_a_signed_session_is_closed_for_the_second_reader_too(state: Path, browser: Browser):
    folder = state / "sessions" / "monday"
    sign(folder, by="A", overruled={"target": "few cells"})
    amend(folder, by="A", reason="the first cell is a basophil")
    sign(folder, by="A", overruled={"target": "the first cell is a basophil"}, note="the first cell is a basophil")
    with (
        reviewing(state, "monday", "--by", "B", "--second") as (link, _),
        opened(browser, link) as page,
    ):
        until(page, "document.querySelector('#signature').classList.contains('signed')")
        assert page.is_hidden("#amend")
        signature, why = page.locator("#standing p").all_inner_texts()
        assert signature.startswith("Signed by A")
        assert why.startswith("Nothing can be named here: signed by A, so nothing can be read a second time until")
        assert "smearwatch sessions amend monday --by WHO" in why
        assert page.is_disabled("#names button >> nth=0")
        assert "basophil" not in json.dumps(ask(page, "/cells?after=0")["tally"]["signed"])
        assert ask(page, "/cells?after=0")["tally"]["amendments"] == []
        first_card(page)
        press(page, "1")
        until(page, "document.querySelector('#notice').textContent.startsWith('signed by A')")
    assert labels(state) == []


def ask(page: Page, path: str) -> Any:
    """Ask the page's program as the page itself does."""
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in page.context.cookies())
    origin = page.url.rstrip("/").rpartition("/?")[0] or page.url.rstrip("/")
    with urllib.request.urlopen(urllib.request.Request(origin + path, None, {"cookie": cookies}), timeout=20) as answer:
        return json.loads(answer.read())
