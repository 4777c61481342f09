"""Labelled cells are brought to the weights' reference by the stain of their source, pictures by that of their call."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.daemon.record.session_stain import StainWindow
from smearwatch.models.classes import CLASSES
from smearwatch.models.engine import Engine
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import LookRange, Manifest
from smearwatch.models.preprocess import Preprocessing, Stain
from smearwatch.models.reference_stain import ReferenceMap, reference_map
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.statistics_use import StatisticsUse
from smearwatch.models.verdict import Policy
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import _key, shrunken_fields
from smearwatch.train.data.picture_session import PictureSession
from smearwatch.train.data.samples import Sample, exact
from smearwatch.train.data.single_cell_crop import single_cell_crop
from smearwatch.train.data.stains import ReferenceStains, as_model, as_recorded, cells_as_seen, source_stains
from smearwatch.train.evaluation.outputs import run_engine
from smearwatch.train.saving import save_weights

PBC = Stain(nucleus_bgr=(0.41, 2.0, 1.23), red_cells_bgr=(0.176, 0.30, 0.202))
PLAIN = Preprocessing(field_px=88, view_px=72)
REFERRED = PLAIN.model_copy(update={"reference_stain": PBC})
UM = 0.09


def nothing(*_):
    pass


def drawn(number):
    rng = np.random.default_rng(number)
    size_px = 750
    return render_cell_picture(CLASSES[number % 6], rng, um_per_px=33.0 / size_px, size_px=size_px, jitter_um=0.0)


def sample(number, source, group="g"):
    return Sample(
        f"{source}/{number}", source, "band", exact(0), group, None, lambda: drawn(number), f"{source}{number}"
    )


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    samples = [sample(number, "one" if number < 6 else "two") for number in range(12)]
    fields = np.array(shrunken_fields(samples, PLAIN, tmp_path_factory.mktemp("crops"), nothing))
    fields[6:] = [ReferenceMap(np.diag([1.2, 0.7, 0.8])).apply(field) for field in fields[6:]]
    return CellSet(samples, fields)


def test_each_source_has_a_stain_whatever_the_order(cells):
    stains = source_stains(cells.samples, cells.fields)
    assert set(stains) == {"one", "two"}
    assert stains["one"] is not None
    assert stains["one"] != stains["two"]
    backwards = source_stains(cells.samples[::-1], cells.fields[::-1])
    assert backwards == stains


def test_recorded_sessions_have_each_their_own(cells):
    recorded = [
        replace(cell, source="session", group=f"session/{cell.source}/{n}") for n, cell in enumerate(cells.samples)
    ]
    by_name = source_stains(recorded, cells.fields)
    assert by_name == {f"session/{name}": each for name, each in source_stains(cells.samples, cells.fields).items()}


def test_a_source_without_red_cells_stays_as_it_is(cells):
    blank = CellSet([sample(0, "blank")], np.full((1, 88, 88, 3), 235, np.uint8))
    assert source_stains(blank.samples, blank.fields) == {"blank": None}
    stains = ReferenceStains(blank, REFERRED)
    assert stains.map_of(blank.samples[0]) is None
    assert np.array_equal(stains.apply(blank.samples, blank.fields), blank.fields)


def test_weights_without_a_reference_see_the_very_same_pixels(cells):
    assert ReferenceStains(cells, PLAIN).apply(cells.samples, cells.fields) is cells.fields


def test_the_stain_of_a_source_comes_to_the_reference(cells):
    brought = ReferenceStains(cells, REFERRED).apply(cells.samples, cells.fields)
    assert brought.dtype == np.uint8
    for stain in source_stains(cells.samples, brought).values():
        assert stain is not None
        assert stain.nucleus_bgr == pytest.approx(PBC.nucleus_bgr, rel=0.1)
        assert stain.red_cells_bgr == pytest.approx(PBC.red_cells_bgr, rel=0.2, abs=0.02)


def test_an_engine_over_a_set_sees_what_it_would_live(cells, tmp_path):
    torch.manual_seed(3)
    save_weights(tmp_path, LeukocyteResNet(), LeNetBank(72), Manifest(name="t", preprocessing=REFERRED, tensors={}))
    engine = Engine.load(tmp_path, device="cpu")
    outputs = run_engine(engine, cells, "", nothing)
    stain = source_stains(cells.samples, cells.fields)["two"]
    assert stain is not None
    to_reference = reference_map(stain, PBC)
    assert to_reference is not None
    alone = engine.outputs_of_fields(to_reference.apply(cells.fields[7])[None])
    assert np.array_equal(outputs.at([7]).probabilities, alone.probabilities)
    assert not np.array_equal(alone.probabilities, engine.outputs_of_fields(cells.fields[7:8]).probabilities)
    live = engine.judge([cells.samples[0].draw()], [source_stains(cells.samples, cells.fields)["one"]])[0]
    assert live.probabilities == pytest.approx(outputs.probabilities[0], abs=1e-6)


def test_the_leukocytes_of_a_source_are_one_session(cells, tmp_path):
    torch.manual_seed(3)
    manifest = Manifest(
        name="t",
        preprocessing=PLAIN,
        policy=Policy(unfamiliar_beyond=1.0),
        ranges=(LookRange(name="nowhere", cells=9, limits={"sharpness": (9e9, 9e9)}),),
        session_statistics=StatisticsUse(stages=3, share=0.5),
        tensors={},
    )
    save_weights(tmp_path, LeukocyteResNet(), LeNetBank(72), manifest)
    engine = Engine.load(tmp_path, device="cpu")
    assert {each.source for each in cells.samples} == {"one", "two"}
    outputs = run_engine(engine, cells, "", nothing)
    for source in ("one", "two"):
        at = [index for index, each in enumerate(cells.samples) if each.source == source]
        session = engine.session_of(cells.fields[at])
        assert session is not None
        assert (session.cells, session.unfamiliar) == (len(at), len(at))
        wanted = engine.outputs_of_fields(cells.fields[at], session)
        assert np.array_equal(outputs.at(at).probabilities, wanted.probabilities)
        assert not np.array_equal(wanted.probabilities, engine.outputs_of_fields(cells.fields[at]).probabilities)


def test_drawn_for_weights_they_are_brought_to_the_reference_once(cells, tmp_path):
    samples = cells.samples[:6]
    plain, referred = (cells_as_seen(samples, each, tmp_path, nothing) for each in (PLAIN, REFERRED))
    assert np.array_equal(plain.fields, cells.fields[:6])
    wanted = ReferenceStains(CellSet(samples, cells.fields[:6]), REFERRED).apply(samples, cells.fields[:6])
    assert np.array_equal(referred.fields, wanted)
    assert len(list(tmp_path.glob("*.npy"))) == 1, "the kept crops are as photographed, for all weights alike"
    assert _key(samples, PLAIN) == _key(samples, REFERRED)


def picture(folder, name, bgr):
    path = folder / f"{name}.png"
    assert cv2.imwrite(str(path), bgr)
    return path


def test_the_pictures_of_a_call_are_one_session(tmp_path):
    paths = []
    for number, cls in enumerate(CLASSES):
        rng = np.random.default_rng(number)
        bgr = render_cell_picture(cls, rng, um_per_px=UM, size_px=400, jitter_um=2.0)
        paths.append(picture(tmp_path, number, bgr))
    session, window, at = PictureSession(), StainWindow(), []
    for path in paths:
        cell = single_cell_crop(path, UM)
        assert cell.found
        field = find(path.read_bytes(), um_per_px=UM, um_per_px_source="configured")
        assert isinstance(field, FieldFound)
        whole = {found.index: found.stain for found in field.cells if found.stain is not None}
        stains = {index: window.add(as_recorded(stain)) for index, stain in sorted(whole.items())}
        assert cell.index is not None
        at.append(session.stain_at(cell))
        assert at[-1] == as_model(stains[cell.index])
    assert len(set(map(str, at))) > 1
    assert session.stain_at(single_cell_crop(paths[0], UM)) == at[0], "the same bytes are the same frame"


def test_what_is_not_found_leaves_the_session_as_it_is(tmp_path):
    alone = single_cell_crop(picture(tmp_path, "blank", np.full((400, 400, 3), 220, np.uint8)), UM)
    known = single_cell_crop(
        picture(tmp_path, "cell", render_cell_picture("monocyte", np.random.default_rng(1), um_per_px=UM, size_px=400)),
        UM,
    )
    session, undisturbed = PictureSession(), PictureSession()
    assert session.stain_at(alone) is None
    assert session.stain_at(known) == undisturbed.stain_at(known)
