"""The record may not import the networks, so the words that both use stand twice; here they are held together."""

from pathlib import Path
from typing import get_args

from smearwatch.capture.slide.stain import CELL_CLASSES
from smearwatch.capture.vision import light
from smearwatch.capture.vision.crop import FIELD_UM, SIZE_PX
from smearwatch.daemon.config import Settings
from smearwatch.daemon.hub.crop_queue import CROP_SIZE_PX
from smearwatch.daemon.record import drift_words, events
from smearwatch.models import appearance, classes, preprocess
from smearwatch.train.commands import evaluate

README = Path(__file__).parents[2] / "README.md"


def test_classes_and_verdicts_are_the_same_everywhere():
    assert events.CLASSES == classes.CLASSES == tuple(CELL_CLASSES)
    assert get_args(classes.Verdict) == events.VERDICTS
    assert {*classes.CLASSES} < {*events.LABELS}
    assert len({*events.LABELS}) == len(events.LABELS)


def test_band_and_segmented_come_first():
    """The tables of five, which join them, go on behind them."""
    assert classes.NEUTROPHILS == (0, 1)


def test_what_names_the_classes_to_a_person_names_them_all():
    assert ", ".join(classes.CLASSES) in " ".join((evaluate.evaluate.__doc__ or "").split())
    assert all(name in README.read_text() for name in classes.CLASSES)


def test_a_crop_is_the_same_everywhere():
    assert SIZE_PX == CROP_SIZE_PX == preprocess.CROP_PX == 750
    assert Settings.model_fields["field_um"].default == FIELD_UM == preprocess.CROP_UM == 33.0


def test_white_is_the_same_everywhere():
    assert light.WHITE == preprocess.WHITE


def test_measures_of_a_look_are_the_same_everywhere():
    assert tuple(drift_words.MEASURES) == appearance.MEASURES
