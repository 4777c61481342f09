"""An analyser's differential beside a session's: by known figures, by enumeration, and by simulation."""

import numpy as np
import pytest
from scipy.stats import binom

from smearwatch.clients.analyser.exact import MOST_CELLS, POWER, Reference, _power, cells_to_settle, holm, p_value
from smearwatch.clients.analyser.lines import analyser_lines
from smearwatch.clients.analyser.report import NotComparable, compare, references
from smearwatch.daemon.record.beside import Analysed, flaw_of_shares

HALF = Reference(0.5, 0.5, None)
FIVE = {"neutrophils": "62.0", "lymphocyte": "28.0", "monocyte": "7.0", "eosinophil": "2.5", "basophil": "0.5"}


def shown(counts, *, undivided=0, reviewed=True, mark=None):
    named = {**dict.fromkeys(("band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte"), 0), **counts}
    result = {
        "cells": sum(named.values()) + undivided,
        "counts": named,
        "neutrophils": named["band"] + named["segmented"] + undivided,
        "mark": mark,
    }
    if not reviewed:
        return {"session": "monday", "reviewed": None, **result}
    return {"session": "monday", "reviewed": {**result, "neutrophils_undivided": undivided}, "mark": None}


def test_binomial_by_hand():
    assert p_value(0, 10, HALF) == pytest.approx(2 / 1024)
    assert p_value(5, 10, HALF) == pytest.approx(1)
    assert p_value(1, 2, Reference(0, 0, None)) == 0


def test_fisher_by_hand():
    """8 of 10 and 1 of 6: the tables no likelier than this one have 270 + 10 + 120 of 11440 ways."""
    assert p_value(8, 10, Reference(1 / 6, 1 / 6, 6)) == pytest.approx(400 / 11440)


def test_rounding_is_never_taken_for_a_difference():
    """A printed 0.0 % may have been 0.05 %; of that, one cell in 1000 is nothing strange."""
    assert p_value(1, 1000, Reference(0, 0, None)) == 0
    assert p_value(1, 1000, Reference(0, 0.0005, None)) == pytest.approx(1 - 0.9995**1000)
    assert p_value(1, 1000, Reference(0, 0.0005, 10_000)) > 0.1


def test_a_share_that_no_number_of_cells_gives_is_the_nearest_number():
    assert p_value(8, 10, Reference(0.16, 0.17, 6)) == p_value(8, 10, Reference(0.165, 0.165, 6))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]


@pytest.mark.parametrize("reference", [Reference(0.2, 0.2, None), Reference(0.195, 0.205, 150), HALF])
@pytest.mark.parametrize(("share", "n"), [(0.1, 40), (0.3, 90), (0.6, 61)])
def test_power_is_the_sum_over_all_outcomes(reference, share, n):
    wanted = sum(binom.pmf(k, n, share) for k in range(n + 1) if p_value(k, n, reference) < 0.05)
    assert _power(share, n, reference, 0.05) == pytest.approx(wanted)


def test_so_many_cells_settle_it_in_four_of_five_counts():
    needed = cells_to_settle(35, 100, HALF, tests=1)
    assert needed is not None
    seeded = np.random.default_rng(7)
    found = [p_value(int(k), needed, HALF) < 0.05 for k in seeded.binomial(needed, 0.35, 2000)]
    assert POWER - 0.03 < np.mean(found) < POWER + 0.06
    few = int(needed * 0.7)
    assert np.mean([p_value(int(k), few, HALF) < 0.05 for k in seeded.binomial(few, 0.35, 2000)]) < POWER
    more = cells_to_settle(35, 100, HALF, tests=5)
    assert more is not None
    assert more > needed


def test_what_no_count_settles_is_said():
    assert cells_to_settle(50, 100, HALF, tests=5) is None  # no difference
    assert cells_to_settle(501, 1000, HALF, tests=5) is None  # too small a one
    assert cells_to_settle(40, 100, Reference(0.5, 0.5, 20), tests=1) is None  # the analyser has too few
    assert MOST_CELLS == 10_000


@pytest.mark.parametrize(
    ("percent", "cells", "says"),
    [
        ({"neutrophils": "62.3"}, 1000, None),
        ({"neutrophils": "62.3", "lymphocyte": "37.7"}, 100, "neutrophils cannot be 62.3 % of 100 cells: 62 are 62 %"),
        ({"neutrophils": "62", "lymphocyte": "38"}, 100, None),
        ({"neutrophils": "33", "lymphocyte": "33", "monocyte": "33"}, 3, None),
        ({"monocyte": "50"}, 3, "monocyte cannot be 50 % of 3 cells: 1 are 33.33 % and 2 are 66.67 %"),
        (dict.fromkeys(("band", "segmented", "monocyte"), "34"), 53, "are of 54 cells at least, and not of 53"),
    ],
)
def test_percentages_that_so_many_cells_cannot_give_are_refused(percent, cells, says):
    flaw = flaw_of_shares(percent, cells)
    assert (flaw is None) == (says is None)
    assert (says or "") in (flaw or "")


def test_the_analysers_few_cells_are_not_taken_for_a_small_difference():
    few = Analysed("A", 1, 1, counts={"neutrophils": 10, "lymphocyte": 10})
    report = compare(shown({"segmented": 60, "lymphocyte": 40}), few)
    assert (report["classes"]["neutrophils"]["settled_at"], report["classes"]["neutrophils"]["analyser_too_few"]) == (
        None,
        True,
    )
    text = "\n".join(analyser_lines(report))
    assert "lymphocyte: not even 10000 cells of ours would settle it: the analyser's 20 are too few" in text
    assert "so small a difference" not in text
    small = compare(shown({"segmented": 501, "lymphocyte": 499}), Analysed("A", 1, 1, percent={"neutrophils": "50.0"}))
    assert small["classes"]["neutrophils"]["analyser_too_few"] is False


def test_band_and_segmented_are_compared_with_neutrophils():
    report = compare(shown({"band": 10, "segmented": 52, "lymphocyte": 38}), Analysed("A", 1, 1, percent=FIVE))
    rows = report["classes"]
    assert list(rows) == ["neutrophils", "eosinophil", "basophil", "monocyte", "lymphocyte"]
    assert rows["neutrophils"]["ours"]["cells"] == 62
    assert not rows["neutrophils"]["beyond_sampling"]
    assert rows["neutrophils"]["differs"] is False
    assert rows["monocyte"]["beyond_sampling"] is True  # 0 of 100 beside 7 %
    assert rows["monocyte"]["p_adjusted"] == pytest.approx(5 * rows["monocyte"]["p"])
    assert rows["lymphocyte"]["p"] == pytest.approx(p_value(38, 100, Reference(0.2795, 0.2805, None)))


def test_six_parts_are_compared_one_by_one():
    printed = Analysed("A", 1, 1, counts={"band": 3, "segmented": 97})
    report = compare(shown({"band": 50, "segmented": 50}), printed)
    assert report["classes"]["band"]["beyond_sampling"]
    assert report["classes"]["band"]["analyser"] == {"cells": 100, "value": 3.0}


def test_others_are_taken_out_of_the_analysers_cells():
    counted = references(Analysed("A", 1, 1, counts={"neutrophils": 60, "lymphocyte": 30, "others": 10}))
    assert counted["neutrophils"] == Reference(60 / 90, 60 / 90, 90)
    printed = references(Analysed("A", 1, 1, percent={"neutrophils": "60.0", "others": "10.0"}, cells=1000))
    assert printed["neutrophils"].cells == 900
    assert printed["neutrophils"].low < 60 / 90 < printed["neutrophils"].high
    assert references(Analysed("A", 1, 1, percent={"others": "100"})) == {}


def test_what_cannot_be_compared_is_said():
    bands = Analysed("A", 1, 1, counts={"band": 3, "segmented": 97})
    with pytest.raises(NotComparable, match="4 neutrophils that nobody called band or segmented"):
        compare(shown({"band": 50}, undivided=4), bands)
    with pytest.raises(NotComparable, match="no leukocytes"):
        compare(shown({}), bands)
    with pytest.raises(NotComparable, match="no part of ours"):
        compare(shown({"band": 1}), Analysed("A", 1, 1, counts={"others": 3}))


def test_the_lines_say_what_they_rest_on():
    report = compare(
        shown({"segmented": 70, "lymphocyte": 20, "monocyte": 10}, reviewed=False, mark="drift"),
        Analysed("A", 1, 1, percent=FIVE),
    )
    text = "\n".join(analyser_lines(report))
    assert text.startswith("monday, as counted, 100 leukocytes, beside an analyser:\n  neutrophils 62.0 %, eos")
    assert "70.0?" in text
    assert "? drift" in text
    assert "adjusted for 5 tests (Holm)" in text
    assert "which of the two is right it does not say" in text
    assert "taken as without error" in text
    assert "more cells would settle it" in text
    assert "together" not in text
    known = compare(shown({"segmented": 100}), Analysed("A", 1, 1, counts={"neutrophils": 50}, cells=100))
    text = "\n".join(analyser_lines(known))
    assert "not explained by sampling\n" in text
    assert "without error" not in text
    assert "parts are 50.0 % together" in text
