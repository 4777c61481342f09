"""What is said of a session: what can be said, corrected with trace, in the fold, in a snapshot, in old ledgers."""

import json
import re

import pytest

from smearwatch.daemon.record.description import DESCRIBED, Described, DescriptionUnusable, checked, describe
from smearwatch.daemon.record.events import EventInvalid, event_from_bytes, event_to_bytes
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.record.writing import LedgerRefused
from smearwatch.daemon.share_text import description_text
from tests.unit.clients_script import opened

FIRST = Described("A", 1, 5, specimen="H26-0412", operator="A. Reader")


def test_a_correction_keeps_the_rest_and_the_trace():
    second = describe(FIRST, {"specimen": "H26-0413", "note": " thick "}, by="B", described_at_ns=6)
    assert second == Described("B", 2, 6, specimen="H26-0413", operator="A. Reader", note="thick")
    assert describe(second, {"note": "thick"}, by="C", described_at_ns=7) is None
    third = describe(second, {"operator": "", "note": None}, by="C", described_at_ns=7)
    assert third == Described("C", 3, 7, specimen="H26-0413")
    assert describe(None, {}, by="A", described_at_ns=1) is None


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("specimen", "../../etc", "begins|begin"),
        ("specimen", "H26/0412", "slashes"),
        ("specimen", "H26\\0412", "slashes"),
        ("specimen", "-0412", "begin"),
        ("specimen", ".hidden", "begin"),
        ("specimen", "H" * 65, "64 at most"),
        ("operator", "=cmd()", "begins with '='"),
        ("title", "two\nlines", "one line"),
        ("note", "turned \u202e round", "one line"),
        ("note", "n" * 1001, "1000 at most"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_mend(name, text, says):
    with pytest.raises(DescriptionUnusable) as refusal:
        checked(name, text)
    assert re.search(says, f"{refusal.value} {refusal.value.hint}")
    with pytest.raises(DescriptionUnusable):
        describe(FIRST, {name: text}, by="B", described_at_ns=6)


def test_blanks_around_are_left_out_and_nothing_is_none():
    assert [checked("title", text) for text in ("  Müller-Lyer 2 ", "", "   ")] == ["Müller-Lyer 2", None, None]


def test_an_event_comes_back_and_one_that_nobody_could_say_does_not():
    body = event_to_bytes(FIRST)
    assert event_from_bytes(body) == FIRST
    assert b"note" not in body
    for wrong in (b'"H26/0412"', b'" H26"', b'""'):
        with pytest.raises(EventInvalid):
            event_from_bytes(body.replace(b'"H26-0412"', wrong))


def test_the_ledger_keeps_all_of_it_in_order(tmp_path):
    with Ledger.open(tmp_path / "s", session="s") as ledger:
        ledger.append([opened()])
        assert (ledger.description(), ledger.rows("PRAGMA user_version")) == (None, [(1,)])
        with pytest.raises(LedgerRefused, match="number 1 before it"):
            ledger.append([Described("B", 2, 6, specimen="H1")])
        ledger.append([FIRST])
        ledger.append([Described("B", 2, 6, specimen="H1")])
        assert [each.by for each in ledger.descriptions()] == ["A", "B"]
        assert (ledger.description(), ledger.rows("PRAGMA user_version")) == (
            Described("B", 2, 6, specimen="H1"),
            [(11,)],
        )
        assert list(verify(ledger)) == []


def test_the_fold_says_what_stands_and_a_snapshot_has_it():
    fold = TallyFold()
    fold.apply(opened())
    assert (fold.said, "said" in fold.snapshot()) == (dict.fromkeys(DESCRIBED), False)
    fold.apply(FIRST)
    again = TallyFold.restore(json.loads(json.dumps(fold.snapshot())))
    told = tally_json(again, "s", 2)
    assert (told["specimen"], told["operator"], told["title"]) == ("H26-0412", "A. Reader", None)
    assert description_text(told) == "specimen H26-0412, operator A. Reader"
    again.apply(Described("B", 2, 6))
    assert description_text(tally_json(again, "s", 3)) is None
