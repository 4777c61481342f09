"""Which key names which cell: a laboratory's layout, and what it cannot be."""

import re
from importlib import resources

import pytest
from textual.binding import Binding

from smearwatch.clients.terminal.app import WatchApp
from smearwatch.clients.terminal.cells import CellsScreen
from smearwatch.clients.terminal.tally import TallyApp
from smearwatch.daemon.config import SettingsUnusable, load_settings
from smearwatch.daemon.key_layout import RESERVED, USUAL, KeysClash, key_layout
from smearwatch.daemon.record.classes import LABELS
from smearwatch.daemon.record.extra_classes import ExtraClass

HAIRY = ExtraClass("hairy_cell", "per_100", "h", "hairy")


def test_without_settings_each_label_has_its_usual_key():
    layout = key_layout({})
    assert dict(layout.page) == {key: label for label, key in USUAL.items()}
    assert set(layout.page.values()) == set(layout.terminal.values()) == set(LABELS)
    assert (layout.page["p"], layout.terminal["l"], "p" in layout.terminal) == ("plasma_cell", "plasma_cell", False)
    assert {"p", "l"} <= set(layout.tally)


def test_a_key_of_the_laboratory_is_the_same_on_every_screen():
    layout = key_layout({"plasma_cell": "L", "band": "+", "hairy_cell": "k"}, [HAIRY])
    assert dict(layout.page) == dict(layout.terminal) == dict(layout.tally)
    assert (layout.page["l"], layout.page["+"], layout.page["k"]) == ("plasma_cell", "band", "per_100:hairy_cell")
    assert not {"1", "p", "h"} & set(layout.page)
    assert (layout.short_text("per_100:hairy_cell"), layout.short_text("erythroblast")) == (
        "hairy",
        "nucleated red cell",
    )
    swapped = key_layout({"band": "2", "segmented": "1"})
    assert (swapped.page["1"], swapped.page["2"]) == ("segmented", "band")


@pytest.mark.parametrize(
    ("keys", "extra", "says"),
    [
        ({"band": "2"}, [], "'2' is the key of band and of segmented"),
        ({"band": "l"}, [], "'l' is the key of plasma cell and of band"),
        ({"band": "h"}, [HAIRY], "'h' is the key of band and of hairy cell"),
        ({"band": "n"}, [], "'n' cannot be the key of band, for it is the next cell to be seen"),
        ({"band": "p", "plasma_cell": "l"}, [], "'p' cannot be the key of band"),
        ({"band": " "}, [], "' ' cannot be the key of band"),
        ({"band": "ab"}, [], "'ab' for band is no single key"),
        ({"band": ""}, [], "'' for band is no single key"),
        ({"band": "\t"}, [], "is no single key"),
        ({"hairy_cell": "h"}, [], "a key for 'hairy_cell', which no cell is called"),
    ],
)
def test_a_layout_that_cannot_be_is_refused_in_one_line(keys, extra, says):
    with pytest.raises(KeysClash, match=re.escape(says)) as caught:
        key_layout(keys, extra)
    assert caught.value.hint
    assert "\n" not in f"{caught.value}{caught.value.hint}"


def test_no_label_takes_a_key_that_does_something_else_on_a_screen():
    bindings = [*CellsScreen.BINDINGS, *WatchApp.BINDINGS, *TallyApp.BINDINGS]
    bound = {key for each in bindings if isinstance(each, Binding) for key in each.key.split(",")}
    script = (resources.files("smearwatch.clients.web") / "page" / "review.js").read_text()
    actions = script[script.index("const ACTIONS = {") :]
    bound |= set(re.findall(r'^  "?([^\s}])"?[:,]', actions[: actions.index("\n};")], re.MULTILINE)) | set("uy")
    single = {key.lower() for key in bound if len(key) == 1}
    assert single >= set("dfgnpquyz")
    assert single <= set(RESERVED)


def settings(tmp_path, text):
    file = tmp_path / "lab.toml"
    file.write_text(text)
    return load_settings(file)


def test_the_settings_file_gives_keys_and_classes(tmp_path, monkeypatch):
    text = '[keys]\nband = "k"\n[extra_classes.hairy_cell]\nkey = "H"\ncounts = "per_100"\nshort = "hairy"\n'
    read = settings(tmp_path, text)
    assert read.extra_classes_as_recorded == (HAIRY,)
    assert read.key_layout().page["h"] == "per_100:hairy_cell"
    # A session that knows none of them, or one with another key, or that is counted otherwise.
    assert "h" not in read.key_layout([]).page
    before = ExtraClass("hairy_cell", "leukocyte", "w", "hairy")
    assert read.key_layout([before]).page["w"] == "leukocyte:hairy_cell"
    with pytest.raises(KeysClash, match="'k' is the key of band and of smudge cell"):
        read.key_layout([ExtraClass("smudge_cell", "per_100", "k", "smudges")])
    monkeypatch.setenv("SMEARWATCH_KEYS", '{"band": "w"}')
    assert settings(tmp_path, text).key_layout().page["w"] == "band"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[keys]\nband = "u"\n', "lab.toml, line 1: 'u' cannot be the key of band"),
        ("[keys]\nband = 1\n", "keys.band: 1 is no text: write it in quotes"),
        ('[extra_classes.hairy]\nkey = "h"\n', "extra_classes.hairy.counts: is missing"),
        ('[extra_classes.hairy]\nkey = "h"\ncounts = "both"\n', "'both' is none of leukocyte, per_100"),
        ('[extra_classes.hairy]\nkey = "1"\ncounts = "per_100"\n', "'1' is the key of band and of hairy"),
        ('[extra_classes.blast]\nkey = "h"\ncounts = "per_100"\n', "blast is what a cell can be called already"),
        ('[extra_classes.lymphocytes]\nkey = "h"\ncounts = "leukocyte"\n', "would take it for a name that there is"),
        ('[extra_classes.neutrophil_]\nkey = "h"\ncounts = "leukocyte"\n', "would take it for a name that there is"),
        (
            '[extra_classes.hairy]\nkey = "h"\ncounts = "leukocyte"\nshort = "lymphocyte"\n',
            "the short name of hairy is that of another cell: lymphocyte",
        ),
        ('[extra_classes.Hairy]\nkey = "h"\ncounts = "per_100"\n', "write small letters"),
        ('[extra_classes.atypical_lymphocyte]\nkey = "h"\ncounts = "leukocyte"\n', "needs a short name"),
        (
            '[extra_classes.hairy]\nkey = "h"\ncounts = "per_100"\ncolour = "red"\n',
            "extra_classes.hairy.colour: is unknown",
        ),
        ('keys = "a"\n', "keys = 'a': it is no table of names"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(tmp_path, text, says):
    with pytest.raises(SettingsUnusable, match=re.escape(says)) as caught:
        settings(tmp_path, text)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_variable_that_is_no_table_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("SMEARWATCH_EXTRA_CLASSES", "hairy")
    with pytest.raises(SettingsUnusable, match="environment variable SMEARWATCH_EXTRA_CLASSES: no JSON"):
        settings(tmp_path, "")
