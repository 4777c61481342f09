"""A replay is compared byte for byte, and with sessions of versions that did not record how a cell looked."""

from dataclasses import replace

import pytest

from smearwatch.daemon.compare_sessions import compare, print_comparison
from smearwatch.daemon.record.events import CellStain, Nucleus, Rejected
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.placement import CellName
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.replaying import recorded_settings
from tests.unit.clients_script import counted, found, opened, seen

LOOK, OTHER = {"sharpness": 0.4}, {"sharpness": 0.5}


def session(state_dir, name, look, cls="band"):
    with Ledger.open(session_folder(state_dir, name), session=name) as ledger:
        ledger.append([opened(ledger.epoch, name)])
        ledger.append([seen(1), found(1), replace(counted(1, cls=cls), look=look)])


@pytest.mark.parametrize(
    ("before", "after", "identical"),
    [
        ((LOOK, "band"), (LOOK, "band"), True),
        ((None, "band"), (LOOK, "band"), True),
        ((None, "band"), (None, "band"), True),
        ((LOOK, "band"), (OTHER, "band"), False),
        ((None, "band"), (LOOK, "segmented"), False),
    ],
)
def test_looks_are_compared_where_both_have_them(tmp_path, before, after, identical):
    session(tmp_path, "a", *before)
    session(tmp_path, "b", *after)
    told = compare(tmp_path, "a", "b")
    assert (told["identical"], told["cells_same"], told["differing"]) == (identical, int(identical), int(not identical))
    assert (told["only_before"], told["only_after"]) == (0, 0)


def test_verdicts_by_another_engine_differ_and_are_told_apart(tmp_path, capsys):
    for name, engines, cls in (
        ("a", (None, "fused"), "band"),
        ("b", ("fused", "fused"), "band"),
        ("c", ("bf16",) * 2, "basophil"),
    ):
        with Ledger.open(session_folder(tmp_path, name), session=name) as ledger:
            ledger.append([opened(ledger.epoch, name)])
            for at, engine in enumerate(engines, 1):
                ledger.append([seen(at), found(at), replace(counted(at, cls=cls), engine=engine)])
    told = compare(tmp_path, "a", "b")
    assert (told["identical"], told["differing"], told["by_another_engine"]) == (False, 1, 1)
    print_comparison(told)
    assert "1 have the same class and verdict by another engine" in " ".join(capsys.readouterr().out.split())
    assert compare(tmp_path, "a", "c")["by_another_engine"] == 0, "these have another class"


def test_stains_and_sizes_of_cells_are_compared_where_both_have_them(tmp_path):
    stains = {
        "none": None,
        "one": CellStain((0.1, 0.6, 0.3), (0.2, 0.3, 0.2)),
        "other": CellStain((0.1, 0.7, 0.3), (0.2, 0.3, 0.2)),
        "sized": CellStain((0.1, 0.6, 0.3), (0.2, 0.3, 0.2), 7.1),
        "larger": CellStain((0.1, 0.6, 0.3), (0.2, 0.3, 0.2), 7.6),
    }
    for name, measured in stains.items():
        cells = tuple(replace(cell, stain=measured) for cell in found(1).cells)
        with Ledger.open(session_folder(tmp_path, name), session=name) as ledger:
            ledger.append([opened(ledger.epoch, name), seen(1), replace(found(1), cells=cells), counted(1)])
    assert compare(tmp_path, "none", "one")["identical"]
    assert compare(tmp_path, "one", "one")["identical"]
    assert not compare(tmp_path, "one", "other")["identical"]
    assert compare(tmp_path, "none", "sized")["identical"]
    assert compare(tmp_path, "one", "sized")["identical"]
    assert not compare(tmp_path, "other", "sized")["identical"]
    assert not compare(tmp_path, "sized", "larger")["identical"]


def test_the_stain_of_a_cell_without_a_verdict_is_not_compared(tmp_path):
    seen_before = replace(found(2).cells[0], same_as=CellName(found(1).frame, 0))
    for name, measured in {"then": CellStain((0.1, 0.6, 0.3), (0.2, 0.3, 0.2)), "now": None}.items():
        again = replace(found(2), cells=(replace(seen_before, stain=measured),))
        with Ledger.open(session_folder(tmp_path, name), session=name) as ledger:
            ledger.append([opened(ledger.epoch, name), seen(1), found(1), counted(1), seen(2), again])
    assert compare(tmp_path, "then", "now")["identical"]


def test_shapes_of_nuclei_are_compared_where_both_have_them_and_stains_all_the_same(tmp_path):
    for name, green, widest_um in (("stain", 0.6, None), ("both", 0.6, 4.0), ("shape", 0.6, 4.5), ("paler", 0.5, None)):
        stain = CellStain((0.1, green, 0.3), (0.2, 0.3, 0.2))
        nucleus = None if widest_um is None else Nucleus(widest_um, 1.0, 12.0, 2)
        cells = tuple(replace(cell, stain=stain, nucleus=nucleus) for cell in found(1).cells)
        with Ledger.open(session_folder(tmp_path, name), session=name) as ledger:
            ledger.append([opened(ledger.epoch, name), seen(1), replace(found(1), cells=cells), counted(1)])
    assert compare(tmp_path, "stain", "both")["identical"]
    assert not compare(tmp_path, "both", "shape")["identical"]
    assert not compare(tmp_path, "paler", "both")["identical"]


def test_a_frame_of_another_outcome_is_named_as_a_frame(tmp_path, capsys):
    for name, detail in (("a", "0.0571"), ("b", "0.0570")):
        with Ledger.open(session_folder(tmp_path, name), session=name) as ledger:
            ledger.append([opened(ledger.epoch, name), seen(1), Rejected(seen(1).frame, "scale_changed", detail, 0.6)])
    print_comparison(compare(tmp_path, "a", "b"))
    said = capsys.readouterr().out
    assert f"frame {seen(1).frame[:12]}: its cells, or why it was rejected" in said
    assert "-1" not in said


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({}, {"search_stain": "as_photographed", "judged_view": "first"}),
        ({"search_stain": "red_cells"}, {"search_stain": "red_cells", "judged_view": "first"}),
        ({"judged_view": "best"}, {"search_stain": "as_photographed", "judged_view": "best"}),
    ],
    ids=["before there were settings", "pale", "of now"],
)
def test_a_replay_searches_as_the_session_was_searched(tmp_path, kept, expected):
    with Ledger.open(session_folder(tmp_path, "a"), session="a") as ledger:
        ledger.append([replace(opened(ledger.epoch, "a"), settings=kept)])
    assert recorded_settings(session_folder(tmp_path, "a")) == expected | {"engine": "eager"}


@pytest.mark.parametrize(
    ("engines", "expected"), [((None,), "eager"), ((None, "fused"), "fused"), (("openvino_2026_4_1",), "openvino")]
)
def test_a_replay_runs_the_networks_as_the_last_verdict_was_given(tmp_path, engines, expected):
    with Ledger.open(session_folder(tmp_path, "a"), session="a") as ledger:
        ledger.append([opened(ledger.epoch, "a")])
        for at, engine in enumerate(engines, 1):
            ledger.append([seen(at), found(at), replace(counted(at), engine=engine)])
    assert recorded_settings(session_folder(tmp_path, "a"))["engine"] == expected
