"""What the rules between band and segmented say of a nucleus, and how a session tells it without changing a verdict."""

from dataclasses import replace

import pytest

from smearwatch.clients.exports.cell_rows import cell_rows
from smearwatch.daemon.record.band_rule import BandRuleFold, rule_says
from smearwatch.daemon.record.band_rules import BAND_RULES, WORDS, in_words, rule_named
from smearwatch.daemon.record.events import Counted, Found, Nucleus, Replaced, event_from_bytes, event_to_bytes
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.placement import CellName
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.share_text import agreement_lines
from tests.unit.clients_script import counted_frames, opened

BAND = Nucleus(4.0, 3.0, 16.0, 1)
NARROW = Nucleus(4.0, 1.0, 14.0, 2)
APART = Nucleus(4.0, 0.0, 10.0, 2)
AT_A_THIRD = Nucleus(4.0, 1.4, 16.0, 2)
SHORT = Nucleus(4.0, 3.0, 10.0, 1)
COMPACT = Nucleus(6.0, 6.0, 7.0, 1)


@pytest.mark.parametrize(
    ("nucleus", "filament", "one_third", "japan_2013"),
    [
        (BAND, "band", "band", "band"),
        (NARROW, "unclear", "segmented", "segmented"),
        (Nucleus(4.0, 0.6, 14.0, 2), "segmented", "segmented", "segmented"),
        (APART, "segmented", "segmented", "segmented"),
        (AT_A_THIRD, "unclear", "unclear", "unclear"),
        (SHORT, "band", "band", "segmented"),
        (Nucleus(4.0, 3.0, 12.1, 1), "band", "band", "unclear"),
        (COMPACT, "unclear", "unclear", "segmented"),
        (None, None, None, None),
    ],
)
def test_what_each_rule_says(nucleus, filament, one_third, japan_2013):
    said = [rule_says(rule, nucleus) for rule in ("filament", "one-third", "japan-2013")]
    assert said == [filament, one_third, japan_2013]
    assert rule_says("none", nucleus) is None
    assert rule_says(None, nucleus) is None


def test_a_rule_is_known_by_its_name_and_by_its_words():
    for rule in BAND_RULES:
        assert rule_named(rule) == rule_named(WORDS[rule]) == rule
        assert in_words(rule) == WORDS[rule]
    assert rule_named("as Anna does it") is None
    assert in_words("as Anna does it") == "as Anna does it"


def shaped(nuclei, first=1):
    """Frames of one counted cell each, with these nuclei; their verdicts are the script's."""
    events = counted_frames(first, first + len(nuclei))
    waiting = iter(nuclei)
    return [
        replace(event, cells=tuple(replace(cell, nucleus=next(waiting)) for cell in event.cells))
        if isinstance(event, Found)
        else event
        for event in events
    ]


def called(events, *names):
    """The same with these classes, in order."""
    waiting = iter(names)
    return [replace(event, cls=next(waiting)) if isinstance(event, Counted) else event for event in events]


def recorded(tmp_path, events, settings):
    with Ledger.open(session_folder(tmp_path, "a"), session="a") as ledger:
        ledger.append([replace(opened(ledger.epoch, "a"), settings=settings), *events])
    return LedgerReader.read(session_folder(tmp_path, "a"))


NUCLEI = (BAND, APART, APART, AT_A_THIRD, None, APART)
NAMES = ("band", "segmented", "band", "segmented", "band", "lymphocyte")


def test_a_session_tells_where_rule_and_verdict_disagree(tmp_path):
    events = called(shaped(NUCLEI), *NAMES)
    tally = TallyFold()
    with recorded(tmp_path, events, {"band_rule": "one-third"}) as ledger:
        bands = BandRuleFold(ledger.nucleus)
        for each in ledger.events():
            bands.apply(each.event)
            tally.apply(each.event)
        assert ledger.rows("PRAGMA user_version") == [(9,)]
        rows = [{name: "" if value is None else str(value) for name, value in row.items()} for row in cell_rows(ledger)]
    told = bands.json()
    assert told == {
        "rule": "one-third",
        "neutrophils": 5,
        "agree": 2,
        "disagree": 1,
        "unclear": 1,
        "not_judged": 1,
    }
    assert (tally.counts["band"], tally.counts["segmented"]) == (3, 2), "the rule changes no count"
    (line,) = agreement_lines({"band_rule_agreement": told})
    assert "the band rule (one-third) disagrees with 1 of 4 neutrophils that were measured (1 unclear)" in line
    assert [row["band_rule_says"] for row in rows] == ["band", "segmented", "segmented", "unclear", "", ""]
    assert [row["class"] for row in rows] == list(NAMES)
    assert (rows[0]["nucleus_widest_um"], rows[0]["nucleus_long_to_short"], rows[0]["nucleus_lobes"]) == (
        "4.0",
        "4.0",
        "1",
    )
    assert (rows[5]["nucleus_widest_um"], rows[5]["band_rule"]) == ("", ""), "a lymphocyte has no band rule"


def test_a_better_view_takes_the_place_of_the_one_before():
    before, after = called(shaped([BAND]), "band"), called(shaped([APART], first=2), "band")
    name = CellName(before[1].frame, 0)
    (cell,) = after[1].cells
    after[1] = replace(after[1], cells=(replace(cell, same_as=name, better_than=name),))
    after[2] = replace(after[2], instead_of=Replaced.of(before[2]))
    shapes = {(each.frame, 0): each.cells[0].nucleus for each in (before[1], after[1])}
    bands = BandRuleFold(lambda frame, index: shapes[frame, index])
    for event in [replace(opened(), settings={"band_rule": "one-third"}), *before, *after]:
        bands.apply(event)
    told = bands.json()
    assert (told["neutrophils"], told["agree"], told["disagree"]) == (1, 0, 1)


@pytest.mark.parametrize("settings", [{"band_rule": "none"}, {"band_rule": "as Anna does it"}])
def test_without_a_rule_nothing_is_said(tmp_path, settings):
    with recorded(tmp_path, called(shaped(NUCLEI), *NAMES), settings) as ledger:
        bands = BandRuleFold(ledger.nucleus)
        for each in ledger.events():
            bands.apply(each.event)
    assert (bands.json()["disagree"], bands.json()["not_judged"]) == (0, 5)
    assert agreement_lines({"band_rule_agreement": bands.json()}) == []
    assert agreement_lines({}) == []


def test_the_shape_stands_in_the_event_only_where_it_was_measured():
    with_shape, without = (next(e for e in shaped([shape]) if isinstance(e, Found)) for shape in (BAND, None))
    assert event_from_bytes(event_to_bytes(with_shape)) == with_shape
    assert b'"nucleus":{"length_um":16.0,"lobes":1,"narrowest_um":3.0,"widest_um":4.0}' in event_to_bytes(with_shape)
    assert b"nucleus" not in event_to_bytes(without)
