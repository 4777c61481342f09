"""Which cells look unlike all that the weights were trained on, and what that does to identity and verdicts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from smearwatch.models.appearance import MEASURES, is_unfamiliar
from smearwatch.models.checkpoint import load, read_manifest
from smearwatch.models.engine import Engine
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import LookRange, Manifest
from smearwatch.models.outputs import Outputs
from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.verdict import Policy
from smearwatch.train.evaluation.judged import judge
from smearwatch.train.saving import save_weights
from smearwatch.train.thresholds import Thresholds

HOME = LookRange(name="home", cells=50, limits={"nucleus_green": (1.0, 2.0), "sharpness": (0.3, 0.5)})
PALE = LookRange(name="pale", cells=50, limits={"nucleus_green": (0.2, 0.4)})


@pytest.mark.parametrize(
    ("look", "ranges", "unfamiliar"),
    [
        ({"nucleus_green": 1.5, "sharpness": 0.4}, (HOME,), False),
        ({"nucleus_green": 0.8, "sharpness": 0.625}, (HOME,), False),  # at the factor, not beyond it
        ({"nucleus_green": 0.79}, (HOME,), True),
        ({"nucleus_green": 2.51}, (HOME,), True),
        ({"nucleus_green": 1.5, "sharpness": 0.1}, (HOME,), True),
        ({"nucleus_green": 0.3}, (HOME, PALE), False),
        ({"nucleus_green": 0.6}, (HOME, PALE), True),
        ({"nucleus_green": 0.3, "sharpness": 9.0}, (HOME, PALE), False),  # the pale ones' sharpness was not measured
        ({"red_cells_green": 9.0}, (HOME,), False),
        ({}, (HOME, PALE), False),
        ({"nucleus_green": 99.0}, (), False),
    ],
)
def test_beyond_every_kind_by_more_than_the_factor(look, ranges, unfamiliar):
    assert is_unfamiliar(look, ranges, 1.25) is unfamiliar


def manifest(ranges=(HOME,), **policy):
    return Manifest(name="m", tensors={"a": "0"}, ranges=ranges, policy=Policy(**policy))


def test_ranges_are_part_of_the_identity_only_where_they_decide():
    plain = manifest()
    assert plain.weights_id() == manifest(None).weights_id() == manifest((PALE,)).weights_id()
    # As it was before there was such a policy.
    assert plain.weights_id() == "0ed2532d61cca8852457421a969811be51ca98860d36f123ec943012798b9892"
    asked = [manifest(ranges, unfamiliar_beyond=1.5).weights_id() for ranges in (None, (HOME,), (PALE,))]
    assert len({*asked, plain.weights_id(), manifest(unfamiliar_beyond=2.0).weights_id()}) == 5


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    """The same tensors: without a factor, with one that all crops are within, and with one that all are beyond."""
    torch.manual_seed(1)
    resnet, bank = LeukocyteResNet(), LeNetBank(72)
    wide = LookRange(name="wide", cells=50, limits=dict.fromkeys(MEASURES, (1e-4, 99.0)))
    none = LookRange(name="none", cells=50, limits={"nucleus_green": (50.0, 99.0)})
    made = {}
    for name, ranges, beyond in (("silent", (none,), None), ("within", (none, wide), 1.5), ("beyond", (none,), 1.5)):
        folder = tmp_path_factory.mktemp(name)
        policy = Policy(agree_at=(0.0,) * 6, reject_at=2.0, unfamiliar_beyond=beyond)
        view = Preprocessing(field_px=88, view_px=72)
        save_weights(
            folder, resnet, bank, Manifest(name=name, tensors={}, preprocessing=view, policy=policy, ranges=ranges)
        )
        assert load(folder).manifest == read_manifest(folder)
        made[name] = Engine.load(folder, device="cpu")
    return made


def test_an_engine_flags_what_is_beyond_and_nothing_else_changes(engines):
    rng = np.random.default_rng(2)
    crops = [rng.integers(0, 256, (750, 750, 3), dtype=np.uint8) for _ in range(3)]
    silent, within, beyond = (engines[name].judge(crops) for name in ("silent", "within", "beyond"))
    assert within == silent
    assert {each.verdict for each in silent} == {"confirmed"}
    assert beyond == [replace(each, verdict="flagged", unfamiliar=True) for each in silent]
    assert engines["beyond"].judge(crops[::-1])[::-1] == beyond
    for name, judgements in (("silent", silent), ("within", within), ("beyond", beyond)):
        outputs = engines[name].outputs(crops)
        assert (outputs.unfamiliar is None) == (name == "silent")
        verdicts = judge(outputs, engines[name].manifest.policy).verdicts.tolist()
        assert verdicts == [each.verdict for each in judgements]
        again = judge(Outputs.joined([outputs.at([0]), outputs.at([1, 2])]), engines[name].manifest.policy)
        assert again.verdicts.tolist() == verdicts
    assert engines["beyond"].outputs([]).unfamiliar.shape == (0,)


def test_a_file_of_thresholds_carries_the_factor():
    assert Thresholds(0.7, 0.5, ("a",)).put_into(Policy()).unfamiliar_beyond is None
    assert Thresholds(0.7, 0.5, ("a",), unfamiliar_beyond=1.5).put_into(Policy()).unfamiliar_beyond == 1.5
