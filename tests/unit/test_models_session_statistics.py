"""A session's statistics in the first layers: used where asked for and strange, then taken away again."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from smearwatch.models import checkpoint
from smearwatch.models.engine import Engine
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import LookRange, Manifest
from smearwatch.models.preprocess import Preprocessing, shrink
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.session_statistics import pooled
from smearwatch.models.statistics_use import StatisticsUse
from smearwatch.models.verdict import Policy
from smearwatch.train.saving import save_weights

SMALL = Preprocessing(field_px=88, view_px=72)
USE = StatisticsUse(stages=3, share=0.5, unfamiliar_share=0.1)
CHANNELS = 64 + 4 * 64 + 5 * 128


def engine_with(folder, use, norm="batch"):
    torch.manual_seed(1)
    nowhere = (LookRange(name="n", cells=9, limits={"sharpness": (9e9, 9e9)}),)
    manifest = Manifest(
        name="t",
        norm=norm,
        preprocessing=SMALL,
        policy=Policy(unfamiliar_beyond=1.0),
        ranges=nowhere,
        session_statistics=use,
        tensors={},
    )
    save_weights(folder, LeukocyteResNet(norm), LeNetBank(72), manifest)
    return Engine.load(folder, device="cpu")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return engine_with(tmp_path_factory.mktemp("asks"), USE)


@pytest.fixture(scope="module")
def crops():
    rng = np.random.default_rng(2)
    return [rng.integers(0, 256, (750, 750, 3), dtype=np.uint8) for _ in range(5)]


@pytest.fixture(scope="module")
def session(engine, crops):
    return engine.session_of(np.stack([shrink(crop // 2, SMALL) for crop in crops]))


def test_a_session_moves_the_answers_and_is_taken_away_again(engine, crops, session):
    before = engine.judge(crops)
    within = engine.judge(crops, sessions=[replace(session, unfamiliar=5)] * 5)
    assert [each.statistics_cells for each in (*before, *within)] == [0] * 5 + [5] * 5
    assert all(a.probabilities != b.probabilities for a, b in zip(before, within, strict=True))
    assert all(a.verifiers == b.verifiers for a, b in zip(before, within, strict=True)), "the verifiers have their own"
    assert engine.judge(crops) == before


def test_what_is_measured_of_a_cell_is_the_same_with_and_without_a_session(engine, crops, session):
    strange = replace(session, unfamiliar=5)
    mixed = engine.judge(crops, sessions=[None, strange, None, strange, strange])
    alone = [engine.judge([crop])[0] for crop in crops]
    for one, other in zip(mixed, alone, strict=True):
        assert one.moments.shape == (2, CHANNELS)
        assert np.array_equal(one.moments, other.moments)
    assert [each.probabilities for each in mixed[::2][:2]] == [each.probabilities for each in alone[::2][:2]]
    assert engine.judge(crops[1:2], sessions=[strange])[0] == mixed[1]


def test_a_familiar_session_other_weights_and_other_layers_change_nothing(engine, crops, session):
    plain = engine.judge(crops[:1])
    for given in (
        replace(session, unfamiliar=0),
        replace(session, cells=100, unfamiliar=10),
        replace(session, cells=8, unfamiliar=2),
        replace(session, unfamiliar=5, weights="ab" * 32),
        replace(session, unfamiliar=5, values=session.values[:, :64]),
    ):
        assert engine.judge(crops[:1], sessions=[given]) == plain


def test_halfway_is_halfway(engine, crops, session):
    """By the equations of batch normalisation, on the first layer, that has nothing before it."""
    body = engine._networks.resnet.body
    view = engine._passes.batch(np.stack([shrink(crops[0], SMALL)]))
    stages = engine._passes.first_stages
    with torch.no_grad():
        seen = body.conv1(view)
        with stages.using(session.values):
            given = body.bn1(seen)
    mean = (body.bn1.running_mean + torch.from_numpy(session.values[0, :64])) / 2
    variance = (body.bn1.running_var + torch.from_numpy(session.values[1, :64]) ** 2) / 2
    by_hand = (seen - mean[:, None, None]) / torch.sqrt(variance + body.bn1.eps)[:, None, None]
    by_hand = by_hand * body.bn1.weight[:, None, None] + body.bn1.bias[:, None, None]
    assert torch.allclose(given, by_hand, atol=1e-4)


def test_together_they_have_the_moments_of_all_their_pixels():
    rng = np.random.default_rng(0)
    pixels = rng.normal(3, [[[1.0]], [[2.0]], [[4.0]]], (3, 50, 2))
    measured = np.stack([pixels.mean(1), pixels.std(1)], axis=1).astype(np.float16)
    found = pooled(measured, "w", 1)
    assert (found.cells, found.unfamiliar) == (3, 1)
    assert found.values[0] == pytest.approx(pixels.reshape(-1, 2).mean(0), rel=1e-2)
    assert found.values[1] == pytest.approx(pixels.reshape(-1, 2).std(0), rel=1e-2)


def test_what_the_last_layers_were_adapted_to_is_familiar_and_its_session_still_strange(tmp_path, engine, crops):
    adapted = LookRange(name="here", cells=30, limits={"sharpness": (1e-4, 9e8)}, by_statistics=True)
    engine_with(tmp_path / "given", USE)
    networks = checkpoint.load(tmp_path / "given")
    manifest = networks.manifest.model_copy(update={"ranges": (*engine.manifest.ranges, adapted)})
    save_weights(tmp_path / "adapted", networks.resnet, networks.bank, manifest)
    other = Engine.load(tmp_path / "adapted", device="cpu")
    assert other.weights_id != engine.weights_id
    assert [(each.unfamiliar, each.strange) for each in engine.judge(crops)] == [(True, False)] * 5
    assert [(each.unfamiliar, each.strange) for each in other.judge(crops)] == [(False, True)] * 5
    fields = np.stack([shrink(crop, SMALL) for crop in crops])
    session = other.session_of(fields)
    assert session is not None
    assert session.unfamiliar == 5
    plain, by_session = other.outputs_of_fields(fields), other.outputs_of_fields(fields, session)
    assert not np.array_equal(plain.probabilities, by_session.probabilities)


def test_weights_that_ask_for_nothing_measure_nothing(tmp_path, crops, session):
    plain = engine_with(tmp_path, None)
    assert plain.session_of(np.zeros((3, 88, 88, 3), np.uint8)) is None
    (one,) = plain.judge(crops[:1], sessions=[replace(session, unfamiliar=5)])
    assert (one.moments, one.statistics_cells) == (None, 0)


def test_it_decides_verdicts_and_so_it_is_part_of_the_identity(tmp_path, engine):
    assert engine_with(tmp_path, None).weights_id != engine.weights_id
    assert engine_with(tmp_path, USE.model_copy(update={"share": 0.4})).weights_id != engine.weights_id


def test_a_network_without_batch_statistics_cannot_ask(tmp_path):
    with pytest.raises(ValidationError, match="which has no statistics"):
        Manifest(name="t", norm="group", session_statistics=USE, tensors={})


def test_a_session_for_each_crop_or_none(engine, crops):
    with pytest.raises(ValueError, match="1 sessions for 2 crops"):
        engine.judge(crops[:2], sessions=[None])
