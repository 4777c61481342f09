"""What the drift alarm says is what the eye sees: each way of each measure, drawn, measured and put into words."""

import pytest

from smearwatch.daemon.record import drift_words
from smearwatch.daemon.record.drift import FEWEST, DriftFold
from smearwatch.daemon.record.drift_words import ADAPT, HINT, Side, mend, seen_as
from smearwatch.daemon.record.events import LookRange, Ranged
from smearwatch.models.appearance import appearance_features
from tests.documented import ROOT
from tests.unit.clients_script import frame_id
from tests.unit.test_models_appearance import NUCLEUS, RED, UM, drawn

BLUE, GREEN, RED_LIGHT = 0, 1, 2


def alarm_of(view):
    """Return the alarm of a session whose cells look like `view`, where the weights met `drawn()` alone."""
    limits = {name: (value * 0.95, value * 1.05) for name, value in appearance_features(drawn(), UM).items()}
    fold = DriftFold()
    fold.ranged(Ranged("w", (LookRange("home", 99, limits),)))
    for number in range(FEWEST):
        fold.counted("w", frame_id(number), 0, appearance_features(view, UM))
    return fold.json()["drift"]


def changed(density, channel, by):
    return tuple(value * by if index == channel else value for index, value in enumerate(density))


@pytest.mark.parametrize(
    ("channel", "by", "what", "check"),
    [
        (BLUE, 0.6, "nuclei bluer (more blue light)", "too alkaline"),
        (BLUE, 1.6, "nuclei browner (less blue light)", "lamp"),
        (RED_LIGHT, 0.6, "nuclei redder (more red light)", "too acid"),
        (RED_LIGHT, 1.4, "nuclei bluer (less red light)", "too alkaline"),
    ],
)
def test_the_colour_of_nuclei(channel, by, what, check):
    usual, view = drawn(), drawn(nucleus=changed(NUCLEUS, channel, by))
    drift = alarm_of(view)
    assert drift["what"] == what
    assert check in drift["mend"]
    middle = view.shape[0] // 2
    more = view[middle, middle, channel] > usual[middle, middle, channel]
    assert more == ("more" in what), "the light in the picture is what the words say"


@pytest.mark.parametrize(
    ("channel", "by", "what"),
    [
        (BLUE, 0.5, "red cells pinker (more blue light)"),
        (BLUE, 1.8, "red cells yellower (less blue light)"),
        (RED_LIGHT, 0.5, "red cells redder (more red light)"),
        (RED_LIGHT, 1.8, "red cells greyer (less red light)"),
    ],
)
def test_the_colour_of_red_cells(channel, by, what):
    drift = alarm_of(drawn(red=changed(RED, channel, by)))
    assert drift["what"] == what
    assert "white balance" in drift["mend"]


@pytest.mark.parametrize(
    ("view", "what", "check"),
    [
        (drawn(nucleus=tuple(0.6 * each for each in NUCLEUS)), "nuclei paler", "age of stain"),
        (drawn(nucleus=tuple(1.25 * each for each in NUCLEUS)), "nuclei darker", "smear is thin"),
        (drawn(red=tuple(0.6 * each for each in RED)), "red cells paler", "the blood itself"),
        (drawn(red=tuple(1.6 * each for each in RED)), "red cells darker", "side by side"),
        (drawn(blur_px=2.0), "edges less sharp", "focus again"),
        (drawn(blur_px=0.5), "edges sharper", "check the scale"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_density_and_sharpness(view, what, check):
    drift = alarm_of(view)
    assert drift["what"] == what
    assert check in drift["mend"]
    assert drift["says"].startswith(f"{what} than those trained on, ")


def test_no_two_ways_are_said_alike_and_each_ends_with_what_is_left_to_do():
    sides: tuple[Side, ...] = ("below", "above")
    ways = [(measure, side) for measure in drift_words.MEASURES for side in sides]
    assert len({seen_as(*way) for way in ways}) == len(ways) == 14
    assert all(mend(*way).endswith(f"; {ADAPT}") and len(mend(*way)) < 190 for way in ways)


def test_the_page_for_technicians_has_each_way():
    page = (ROOT / "docs" / "drift.md").read_text()
    table = page.partition("## When the alarm comes")[2].partition("## ")[0]
    told = [
        f"{words.subject} {way.seen.partition(' (')[0]}"
        for words in drift_words.MEASURES.values()
        for way in (words.below, words.above)
    ]
    assert [each for each in told if each not in table] == []


def test_a_measure_of_another_version_is_named_as_it_is():
    assert seen_as("glare_share", "above") == "glare share more"
    assert mend("glare_share", "above") == HINT
