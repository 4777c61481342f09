"""Adapting from pictures on disk to a folder of weights that loads, remembers, and names the new cells."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from smearwatch.models import checkpoint, memory
from smearwatch.models.checkpoint import Networks, WeightsUnusable
from smearwatch.models.classes import CLASSES
from smearwatch.models.engine import Engine
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import LookRange, Manifest
from smearwatch.models.memory import Memory
from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.statistics_use import StatisticsUse
from smearwatch.models.verdict import Policy
from smearwatch.train.adapting.account import Account
from smearwatch.train.adapting.adabn import AdaBN
from smearwatch.train.adapting.adapt import AdaptRequest, NothingGained, adapt
from smearwatch.train.adapting.fine_tuning import FineTuning
from smearwatch.train.adapting.logits import named_rightly, network_input, run_networks
from smearwatch.train.adapting.network import put_into
from smearwatch.train.adapting.old_cells import OldCells
from smearwatch.train.adapting.report import account_json
from smearwatch.train.adapting.strategy import shuffle_indices
from smearwatch.train.adapting.writing import OldForgotten
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.data.crop_cache import shrunken_fields
from smearwatch.train.data.samples import DataUnusable, Sample, exact
from smearwatch.train.data.sources import DatasetSpec
from smearwatch.train.saving import save_weights
from smearwatch.train.training.remembering import body_features, make_remembered

pytestmark = pytest.mark.integration

SMALL = Preprocessing(field_px=72, view_px=72)
UM_PER_PX = 0.09
OLD_RANGE = LookRange(name="old", cells=30, limits={"sharpness": (0.4, 0.5)})


def silent(what: str, done: int, total: int) -> None:
    """Say nothing."""


@pytest.fixture(autouse=True, scope="module")
def _one_thread(one_thread: None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("smearwatch.train.adapting.adapt.use_all_cores", lambda: None)
        yield


def blob(index: int, seed: int, size_px: int) -> NDArray[np.uint8]:
    """Draw a disc in its class's colour on a cloudy light ground: quick, and enough to be told apart."""
    rng = np.random.default_rng(seed)
    cloud = cv2.resize(rng.uniform(0, 25, (9, 9, 3)), (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    picture = np.full((size_px, size_px, 3), 225.0) - cloud
    colour = 60.0 + 120.0 * np.array([index & 1, index >> 1 & 1, index >> 2 & 1])
    centre = (size_px // 2 + int(rng.integers(-3, 4)), size_px // 2 + int(rng.integers(-3, 4)))
    cv2.circle(picture, centre, size_px // 5, colour.tolist(), -1)
    return np.clip(picture, 0, 255).astype(np.uint8)


def unlike_others(index: int, seed: int) -> NDArray[np.uint8]:
    """Draw such a disc on strong clouds of its own, so that no two pictures pass for the same cell."""
    picture = blob(index, seed, 240)
    cloud = cv2.resize(np.random.default_rng(seed).uniform(0, 1, (5, 5)), (240, 240), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(picture * np.clip(cloud, 0, 1)[..., None], 0, 255), dtype=np.uint8)


@pytest.fixture(scope="module")
def drawn() -> CellSet:
    def no_picture():
        raise AssertionError("its field is there already")

    samples = []
    for number in range(60):
        digest = f"{number:064x}"
        index = number % 6
        target = exact(index)
        samples.append(Sample(f"old/{number}", "old", CLASSES[index], target, f"{number}", None, no_picture, digest))
    return CellSet(samples, np.stack([blob(number % 6, number, 72) for number in range(60)]))


@pytest.fixture(scope="module")
def untaught(drawn: CellSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that know nothing but remember the drawn cells."""
    torch.manual_seed(1)
    resnet, bank = LeukocyteResNet().eval(), LeNetBank(SMALL.view_px).eval()
    features = body_features(resnet, network_input(drawn.fields, SMALL)).numpy()
    fitted, held = (make_remembered(features[start::2], drawn.samples[start::2]) for start in (0, 1))
    folder = tmp_path_factory.mktemp("weights") / "untaught"
    manifest = Manifest(name="untaught", preprocessing=SMALL, tensors={}, ranges=(OLD_RANGE,))
    save_weights(folder, resnet, bank, manifest, memory.packed(Memory(frozenset({7}), frozenset({8}), fitted, held)))
    return folder


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> DatasetSpec:
    """Class folders with eight cells each."""
    root = tmp_path_factory.mktemp("data") / "here"
    for number, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for each in range(8):
            cv2.imwrite(str(root / name / f"{each}.png"), blob(number, 1000 + 10 * number + each, 240))
    return DatasetSpec(data=root, um_per_px=UM_PER_PX, force_scale=True)


def request(here: DatasetSpec, weights: Path, out: Path) -> AdaptRequest:
    return AdaptRequest(given=here, old=DatasetSpec(), weights=weights, out=out, name="ours", folds=3)


class Adapted(NamedTuple):
    """What adapting the heads once left behind: the folder of weights, the cache of crops, the account."""

    out: Path
    cache: Path
    account: Account


@pytest.fixture(scope="module")
def adapted(here: DatasetSpec, untaught: Path, tmp_path_factory: pytest.TempPathFactory) -> Adapted:
    folder = tmp_path_factory.mktemp("adapted")
    account = adapt(request(here, untaught, folder / "out"), folder / "cache", silent, print)
    return Adapted(folder / "out", folder / "cache", account)


def test_heads_learn_and_the_folder_is_complete(here: DatasetSpec, untaught: Path, adapted: Adapted, tmp_path: Path):
    out, account = adapted.out, adapted.account
    assert account.check.gained
    assert account.check.gain.as_labelled.after.hits > account.check.gain.as_labelled.before.hits
    assert account.old.as_labelled.after.hits >= account.old.as_labelled.before.hits
    assert json.loads((out / "adapt.json").read_text()) == account_json(account)
    assert "Research Use Only" in (out / "adapt.md").read_text()
    engine = Engine.load(out, device="cpu")
    assert engine.weights_id == account.weights_after != account.check.weights_before
    assert engine.manifest.name == "ours"
    assert engine.manifest.ranges is not None
    assert [(kind.name, kind.cells) for kind in engine.manifest.ranges] == [("old", 30), ("here of ours", 48)]
    assert engine.manifest.data["adapted"]["from"] == account.check.weights_before
    kept = memory.load(out)
    assert kept is not None
    assert len(kept.fitted.kinds) == 30 + 48
    assert 7 in kept.train_digests
    assert len(kept.train_digests) == 49
    assert not list(out.parent.glob(".*partial"))
    again = adapt(request(here, untaught, tmp_path / "again"), tmp_path / "cache", silent, print)
    assert again.weights_after == account.weights_after


def test_what_is_remembered_after_adapting_is_what_the_new_weights_see(adapted: Adapted):
    networks, kept = checkpoint.load(adapted.out), memory.load(adapted.out)
    assert kept is not None
    with torch.no_grad():
        said = networks.resnet.classify(torch.from_numpy(kept.fitted.features)).argmax(dim=1).numpy()
    assert (said == kept.fitted.shares.argmax(axis=1)).mean() > 0.7


def test_a_strange_session_is_learnt_and_judged_by_its_statistics_as_a_count_does(
    here: DatasetSpec, untaught: Path, adapted: Adapted, tmp_path: Path
):
    """Untaught weights again, which ask for a session's statistics where it is unlike the old cells."""
    networks, old = checkpoint.load(untaught), memory.load(untaught)
    assert old is not None
    use = {"session_statistics": StatisticsUse(stages=2, share=0.5), "policy": Policy(unfamiliar_beyond=1.0)}
    save_weights(
        tmp_path / "asks", networks.resnet, networks.bank, networks.manifest.model_copy(update=use), memory.packed(old)
    )
    account = adapt(request(here, tmp_path / "asks", tmp_path / "out"), adapted.cache, silent, print)
    assert account.check.by_statistics
    assert account.check.gained
    assert not adapted.account.check.by_statistics
    engine, kept = Engine.load(tmp_path / "out", device="cpu"), memory.load(tmp_path / "out")
    assert kept is not None
    assert [kind.by_statistics for kind in engine.manifest.ranges or ()] == [None, True]
    samples = read_class_tree(here.data, UM_PER_PX) if here.data else []
    fields = np.array(shrunken_fields(samples, SMALL, adapted.cache, silent))
    session = engine.session_of(fields)
    assert session is not None
    assert session.unfamiliar == len(samples)
    with torch.no_grad():
        seen = torch.from_numpy(kept.fitted.features[-len(samples) :])
        said = checkpoint.load(tmp_path / "out").resnet.classify(seen).double() / engine.manifest.temperature
    counted = engine.outputs_of_fields(fields, session).probabilities
    assert np.allclose(said.softmax(dim=1).numpy(), counted, atol=2e-2)
    assert not np.allclose(counted, engine.outputs_of_fields(fields).probabilities, atol=2e-2)


@pytest.mark.parametrize("keep_anyway", [False, True])
def test_without_a_gain_nothing_is_written_unless_wanted(
    here: DatasetSpec, adapted: Adapted, tmp_path: Path, keep_anyway: bool
):
    lines: list[str] = []
    second = replace(request(here, adapted.out, tmp_path / "second"), keep_anyway=keep_anyway)
    if keep_anyway:
        account = adapt(second, adapted.cache, silent, lines.append)
        assert not account.check.gained
        checkpoint.load(tmp_path / "second")
    else:
        with pytest.raises(NothingGained, match="no gain shown on 48 cells") as caught:
            adapt(second, adapted.cache, silent, lines.append)
        told = account_json(caught.value.check)
        assert (told["written"], told["gained"]) == (False, False)
        assert told["says"][0].startswith("this microscope, as labelled: ")
        assert told["more_labels"]["points"][-1]["cells"] == 32.0
        assert "--keep-anyway" in caught.value.hint
        assert not (tmp_path / "second").exists()
    assert any("48 of 48 cells were seen in training" in line for line in lines)


def test_old_cells_kept_aside_may_not_fall_by_more_than_the_tolerance(
    here: DatasetSpec, untaught: Path, tmp_path: Path
):
    networks, known = checkpoint.load(untaught), memory.load(untaught)
    assert known is not None
    with torch.no_grad():
        said = networks.resnet.classify(torch.from_numpy(known.held.features)).argmax(dim=1).numpy()
    aside = shuffle_indices(len(said), 1)[1::2]
    shares = known.held.shares.copy()
    shares[aside] = np.eye(6, dtype=np.float32)[said[aside]]  # what is kept aside was named rightly before
    kept = replace(known, held=replace(known.held, shares=shares))
    content = memory.packed(kept)
    save_weights(tmp_path / "w", networks.resnet, networks.bank, networks.manifest, content)
    wanted = request(here, tmp_path / "w", tmp_path / "out")
    with pytest.raises(OldForgotten, match=f"{len(aside)} of {len(aside)} named rightly before") as caught:
        adapt(wanted, tmp_path / "cache", silent, print)
    assert "--tolerance" in caught.value.hint
    assert list(tmp_path.glob("*out*")) == []
    adapt(replace(wanted, keep_anyway=True), tmp_path / "cache", silent, print)
    checkpoint.load(tmp_path / "out")


def test_weights_without_a_memory_need_old_pictures(here: DatasetSpec, untaught: Path, tmp_path: Path):
    networks = checkpoint.load(untaught)
    bare = tmp_path / "bare"
    save_weights(bare, networks.resnet, networks.bank, networks.manifest)
    with pytest.raises(WeightsUnusable, match="keep no memory of old cells") as caught:
        adapt(request(here, bare, tmp_path / "out"), tmp_path / "cache", silent, print)
    assert "--old" in caught.value.hint


def test_a_folder_in_use_is_left_alone(here: DatasetSpec, untaught: Path, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataUnusable, match="something already"):
        adapt(request(here, untaught, tmp_path), tmp_path / "cache", silent, print)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_whole_networks_learn_new_cells_and_remember_anew(
    drawn: CellSet, untaught: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        "smearwatch.train.adapting.fine_tuning._RATE", 5e-4
    )  # more than 5e-4 is too much where batch norm keeps the statistics of nothing
    networks = checkpoint.load(untaught)
    parts = [CellSet(drawn.samples[start::4], drawn.fields[start::4]) for start in range(4)]
    strategy = FineTuning(
        networks, memory.load(untaught), parts[0], OldCells(*parts[1:]), steps=24, seed=1, progress=silent
    )
    before = strategy.predict_new(strategy.present, np.arange(15))
    fitted = strategy.fit(np.arange(15))
    after = strategy.predict_new(fitted, np.arange(15))

    def loss(logits) -> float:
        indices = [int(np.argmax(sample.target.shares)) for sample in parts[0].samples]
        rows = logits.classes - np.log(np.exp(logits.classes).sum(axis=1, keepdims=True))
        return float(-rows[np.arange(15), indices].mean())

    assert loss(after) < loss(before)
    assert np.array_equal(strategy.predict_new(strategy.present, np.arange(15)).classes, before.classes)
    kept = strategy.remember(fitted)
    assert len(kept.fitted.kinds) == 30
    assert {7, 8} <= kept.train_digests | kept.validation_digests
    adapted = Networks(LeukocyteResNet().eval(), LeNetBank(SMALL.view_px).eval(), networks.manifest)
    put_into(adapted, strategy.of_networks(fitted))
    logits = run_networks(adapted.resnet, adapted.bank, parts[0].fields, SMALL)
    assert np.allclose(logits.classes, after.classes, atol=1e-4)
    with torch.no_grad():
        from_memory = adapted.resnet.classify(torch.from_numpy(kept.fitted.features[15:])).numpy()
    assert np.allclose(from_memory, after.classes, atol=1e-3)
    assert named_rightly(parts[0].samples, logits).shape == (15,)


def test_statistics_go_half_way_to_the_new_cells_and_no_weight_learns(drawn: CellSet, untaught: Path):
    networks = checkpoint.load(untaught)
    parts = [CellSet(drawn.samples[start::4], drawn.fields[start::4]) for start in range(4)]
    dark = CellSet(parts[0].samples, parts[0].fields // 2)
    strategy = AdaBN(networks, memory.load(untaught), dark, OldCells(*parts[1:]), seed=1)
    fitted = strategy.fit(np.arange(15))
    changed = {key for key in fitted if not torch.equal(fitted[key], strategy.present[key])}
    assert changed
    assert all(key.startswith("resnet.") and key.endswith(("running_mean", "running_var")) for key in changed)
    assert not np.allclose(
        strategy.predict_new(fitted, np.arange(15)).classes,
        strategy.predict_new(strategy.present, np.arange(15)).classes,
    )

    first = "resnet.body.bn1.running_mean"
    with torch.no_grad():
        seen = networks.resnet.body.conv1(network_input(dark.fields, SMALL)).mean(dim=(0, 2, 3))
    half = (strategy.present[first] + seen) / 2
    assert torch.allclose(fitted[first], half, atol=0.1 * float((seen - strategy.present[first]).abs().max()))
    assert all(
        torch.equal(one, two) for one, two in zip(fitted.values(), strategy.fit(np.arange(15)).values(), strict=True)
    )


def test_with_old_pictures_both_ways_are_tried_and_the_better_one_is_taken(
    here: DatasetSpec, untaught: Path, tmp_path: Path
):
    root = tmp_path / "old"
    for number, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for each in range(30):
            cv2.imwrite(str(root / name / f"{each}.png"), unlike_others(number, 5000 + 100 * number + each))
    old = DatasetSpec(data=root, um_per_px=UM_PER_PX, force_scale=True)
    wanted = replace(request(here, untaught, tmp_path / "out"), old=old, steps=4, folds=2, keep_anyway=True)
    account = adapt(wanted, tmp_path / "cache", silent, print)
    assert list(account.check.tried) == ["statistics", "networks"]
    assert account.check.tried[account.check.strategy] == max(account.check.tried.values())
    assert account.check.gain.as_labelled.after.hits == account.check.tried[account.check.strategy]
    told = (tmp_path / "out" / "adapt.md").read_text()
    assert f"statistics {account.check.tried['statistics']}, networks {account.check.tried['networks']}" in told
    assert Engine.load(tmp_path / "out", device="cpu").weights_id == account.weights_after
