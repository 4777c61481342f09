"""Cells are brought from their session's stain to the weights', exactly in optical density, or left as they are."""

import hashlib
import json

import numpy as np
import pytest
import torch

from smearwatch.models.checkpoint import MANIFEST_FILE
from smearwatch.models.engine import Engine
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.preprocess import WHITE, Preprocessing, Stain
from smearwatch.models.reference_stain import ZOOM_LIMITS, ReferenceMap, reference_map
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.saving import save_weights

PBC = Stain(nucleus_bgr=(0.41, 2.0, 1.23), red_cells_bgr=(0.176, 0.30, 0.202))
OTHER = Stain(nucleus_bgr=(0.45, 1.4, 0.73), red_cells_bgr=(0.25, 0.35, 0.15))
PLAIN = Preprocessing(field_px=88, view_px=72)
REFERRED = Preprocessing(field_px=88, view_px=72, reference_stain=PBC)


def grey(density_bgr):
    return np.round(WHITE * np.exp(-np.array(density_bgr)))


def known_map(stain: Stain, reference: Stain) -> ReferenceMap:
    to_reference = reference_map(stain, reference)
    assert to_reference is not None
    return to_reference


def test_nucleus_and_red_cells_come_to_the_reference_exactly():
    matrix = known_map(OTHER, PBC).matrix
    assert matrix @ OTHER.nucleus_bgr == pytest.approx(PBC.nucleus_bgr, abs=1e-12)
    assert matrix @ OTHER.red_cells_bgr == pytest.approx(PBC.red_cells_bgr, abs=1e-12)
    mixed = 0.3 * np.array(OTHER.nucleus_bgr) + 0.5 * np.array(OTHER.red_cells_bgr)
    assert matrix @ mixed == pytest.approx(0.3 * np.array(PBC.nucleus_bgr) + 0.5 * np.array(PBC.red_cells_bgr))
    assert known_map(PBC, PBC).matrix == pytest.approx(np.eye(3), abs=1e-12)


def test_a_picture_comes_to_the_reference_but_for_rounding_and_the_background_stays():
    to_reference = known_map(OTHER, PBC)
    picture = np.stack([grey(OTHER.nucleus_bgr), grey(OTHER.red_cells_bgr), np.full(3, WHITE)])[None].astype(np.uint8)
    brought = to_reference.apply(picture)
    assert brought.shape == picture.shape
    assert brought.dtype == np.dtype(np.uint8)
    wanted = np.stack([grey(PBC.nucleus_bgr), grey(PBC.red_cells_bgr), np.full(3, WHITE)])[None]
    assert np.abs(brought.astype(int) - wanted).max() <= 3
    assert (brought[0, 2] == WHITE).all()
    assert np.array_equal(to_reference.apply(picture), brought)


def test_black_and_glare_stay_in_range():
    to_reference = known_map(OTHER, PBC)
    extremes = np.array([[[0, 0, 0], [255, 255, 255], [0, 255, 0], [255, 0, 255]]], dtype=np.uint8)
    assert to_reference.apply(extremes).shape == extremes.shape


@pytest.mark.parametrize(
    ("nucleus", "red_cells"),
    [
        ((0.4, 0.8, 0.6), (0.2, 0.4, 0.3)),
        ((0.4, 0.8, 0.6), (0.2, 0.4, 0.32)),
        ((0.4, 0.8, 0.6), (-0.2, -0.4, -0.3)),
        ((0.0, 0.0, 0.0), (0.2, 0.3, 0.2)),
        ((0.4, 2.0, 1.2), (0.0, 0.0, 0.0)),
        ((0.041, 0.2, 0.123), (0.0176, 0.030, 0.0202)),
    ],
    ids=["parallel", "nearly parallel", "opposed", "no nucleus", "no red cells", "so faint that entries are large"],
)
def test_what_cannot_be_trusted_is_left_alone(nucleus, red_cells):
    assert reference_map(Stain(nucleus_bgr=nucleus, red_cells_bgr=red_cells), PBC) is None


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    """The same tensors as weights without and with a reference."""
    torch.manual_seed(3)
    resnet, bank = LeukocyteResNet(), LeNetBank(72)
    made = {}
    for name, preprocessing in (("plain", PLAIN), ("referred", REFERRED)):
        folder = tmp_path_factory.mktemp(name)
        save_weights(folder, resnet, bank, Manifest(name="t", preprocessing=preprocessing, tensors={}))
        made[name] = Engine.load(folder, device="cpu")
    return made


@pytest.fixture(scope="module")
def crop():
    rng = np.random.default_rng(4)
    return rng.integers(40, 236, (750, 750, 3), dtype=np.uint8)


def test_weights_without_a_reference_answer_as_they_did(engines, crop):
    plain = engines["plain"]
    (bare,) = plain.judge([crop])
    assert plain.judge([crop], [OTHER]) == [bare]
    assert not bare.restained


def test_weights_with_a_reference_see_the_cell_brought_to_it(engines, crop):
    referred = engines["referred"]
    (brought,), (bare,) = referred.judge([crop], [OTHER]), referred.judge([crop])
    assert brought.restained
    assert (brought.probabilities, brought.look) != (bare.probabilities, bare.look)
    assert brought.look["nucleus_green"] != bare.look["nucleus_green"]
    photographed = engines["plain"].judge([crop])[0]
    assert (bare.probabilities, bare.verifiers) == (photographed.probabilities, photographed.verifiers)
    together = referred.judge([crop, crop], [None, OTHER])
    assert together == [bare, brought], "each by its own stain"


def test_a_cell_whose_stain_is_not_known_is_never_confirmed(engines, crop):
    (bare,) = engines["referred"].judge([crop])
    assert bare.unfamiliar
    assert bare.verdict != "confirmed"
    assert not engines["plain"].judge([crop])[0].unfamiliar


def test_red_cells_of_another_size_enlarge_or_shrink_the_cell():
    picture = np.full((88, 88, 3), WHITE, np.uint8)
    picture[34:54, 34:54] = 100
    for measured_um, side in ((7.5, 20), (6.0, 25), (10.0, 15), (1.0, 28), (70.0, 14)):
        ours, theirs = (PBC.model_copy(update={"red_cell_um": um}) for um in (measured_um, 7.5))
        dark = known_map(ours, theirs).apply(picture)[..., 1] < (WHITE + 100) / 2
        assert dark.any(axis=0).sum() == pytest.approx(side, abs=1), measured_um
        assert dark.any(axis=1).sum() == pytest.approx(side, abs=1)
        edges = np.flatnonzero(dark.any(axis=0))
        assert edges[0] + edges[-1] == pytest.approx(87, abs=1), "the middle stays where it is"


def test_a_size_that_is_not_known_changes_nothing():
    sized = PBC.model_copy(update={"red_cell_um": 6.0})
    assert known_map(PBC, sized).zoom == known_map(sized, PBC).zoom == 1.0
    least, greatest = ZOOM_LIMITS
    assert known_map(sized, PBC.model_copy(update={"red_cell_um": 60.0})).zoom == greatest
    assert known_map(sized, PBC.model_copy(update={"red_cell_um": 0.6})).zoom == least


def test_an_ill_conditioned_stain_leaves_the_judgement_as_photographed(engines, crop):
    parallel = Stain(nucleus_bgr=(0.4, 0.8, 0.6), red_cells_bgr=(0.2, 0.4, 0.3))
    referred = engines["referred"]
    assert referred.judge([crop], [parallel]) == referred.judge([crop])


def test_as_many_stains_as_crops(engines, crop):
    with pytest.raises(ValueError, match="zip"):
        engines["referred"].judge([crop], [])


def test_the_reference_belongs_to_the_identity_and_none_does_not(engines, tmp_path):
    plain, referred = engines["plain"], engines["referred"]
    assert plain.weights_id != referred.weights_id
    dumped = plain.manifest.model_dump(
        mode="json",
        exclude={"name", "memory", "ranges", "data", "split", "metrics", "licences", "checksum"},
        exclude_none=True,
    )
    assert "reference_stain" not in dumped["preprocessing"]
    spelt = json.dumps(dumped, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    assert plain.weights_id == hashlib.sha256(spelt.encode()).hexdigest()
    written = save_weights(tmp_path, LeukocyteResNet(), LeNetBank(72), Manifest(name="t", tensors={}))
    read = json.loads((tmp_path / MANIFEST_FILE).read_text())
    read["preprocessing"].pop("reference_stain", None)
    assert Manifest.model_validate(read).weights_id() == written.weights_id(), "as old weights' manifests have it"
