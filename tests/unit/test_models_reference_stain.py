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
from smearwatch.models.reference_stain import reference_matrix, to_reference
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.saving import save_weights

PBC = Stain(nucleus_bgr=(0.41, 2.0, 1.23), red_cells_bgr=(0.176, 0.30, 0.202))
OTHER = Stain(nucleus_bgr=(0.45, 1.4, 0.73), red_cells_bgr=(0.25, 0.35, 0.15))
PLAIN = Preprocessing(field_px=88, view_px=72)
REFERRED = Preprocessing(field_px=88, view_px=72, reference_stain=PBC)


def grey(density_bgr):
    return np.round(WHITE * np.exp(-np.array(density_bgr)))


def test_nucleus_and_red_cells_come_to_the_reference_exactly():
    matrix = reference_matrix(OTHER, PBC)
    assert matrix is not None
    assert matrix @ OTHER.nucleus_bgr == pytest.approx(PBC.nucleus_bgr, abs=1e-12)
    assert matrix @ OTHER.red_cells_bgr == pytest.approx(PBC.red_cells_bgr, abs=1e-12)
    mixed = 0.3 * np.array(OTHER.nucleus_bgr) + 0.5 * np.array(OTHER.red_cells_bgr)
    assert matrix @ mixed == pytest.approx(0.3 * np.array(PBC.nucleus_bgr) + 0.5 * np.array(PBC.red_cells_bgr))
    assert reference_matrix(PBC, PBC) == pytest.approx(np.eye(3), abs=1e-12)


def test_a_picture_comes_to_the_reference_but_for_rounding_and_the_background_stays():
    matrix = reference_matrix(OTHER, PBC)
    assert matrix is not None
    picture = np.stack([grey(OTHER.nucleus_bgr), grey(OTHER.red_cells_bgr), np.full(3, WHITE)])[None].astype(np.uint8)
    brought = to_reference(picture, matrix)
    assert brought.shape == picture.shape
    assert brought.dtype == np.dtype(np.uint8)
    wanted = np.stack([grey(PBC.nucleus_bgr), grey(PBC.red_cells_bgr), np.full(3, WHITE)])[None]
    assert np.abs(brought.astype(int) - wanted).max() <= 3
    assert (brought[0, 2] == WHITE).all()
    assert np.array_equal(to_reference(picture, matrix), brought)


def test_black_and_glare_stay_in_range():
    matrix = reference_matrix(OTHER, PBC)
    assert matrix is not None
    extremes = np.array([[[0, 0, 0], [255, 255, 255], [0, 255, 0], [255, 0, 255]]], dtype=np.uint8)
    assert to_reference(extremes, matrix).shape == extremes.shape


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
    assert reference_matrix(Stain(nucleus_bgr=nucleus, red_cells_bgr=red_cells), PBC) is None


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
    assert bare == engines["plain"].judge([crop])[0], "without a stain it is judged as photographed"
    together = referred.judge([crop, crop], [None, OTHER])
    assert together == [bare, brought], "each by its own stain"


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
