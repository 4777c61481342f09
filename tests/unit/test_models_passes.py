"""Several cells in one pass, and work beside it: the same bits as alone and one after the other."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from smearwatch.models.beside import Beside
from smearwatch.models.engine import Engine, EngineKind
from smearwatch.models.engine_choice import check_cells
from smearwatch.models.judgement import Judgement
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import LookRange, Manifest
from smearwatch.models.passes import Passes
from smearwatch.models.preprocess import Preprocessing, shrink
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.statistics_use import StatisticsUse
from smearwatch.models.verdict import Policy
from smearwatch.train.saving import save_weights

SMALL = Preprocessing(field_px=88, view_px=72)


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    torch.manual_seed(1)
    manifest = Manifest(
        name="t",
        preprocessing=SMALL,
        policy=Policy(unfamiliar_beyond=1.0),
        ranges=(LookRange(name="n", cells=9, limits={"sharpness": (9e9, 9e9)}),),
        session_statistics=StatisticsUse(stages=3, share=0.5),
        tensors={},
    )
    folder = tmp_path_factory.mktemp("weights")
    save_weights(folder, LeukocyteResNet(), LeNetBank(72), manifest)
    return Engine.load(folder, device="cpu")


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.integers(0, 256, (750, 750, 3), dtype=np.uint8) for _ in range(7)]


@pytest.mark.parametrize("kind", ["eager", "fused", "bf16"])
def test_cells_that_share_a_pass_get_the_bits_that_they_get_alone(
    eager: Engine, crops: list[np.ndarray], kind: EngineKind
):
    engine = eager if kind == "eager" else eager.of_kind(kind)
    measured = engine.session_of(np.stack([shrink(crop // 2, SMALL) for crop in crops]))
    assert measured is not None
    strange = replace(measured, unfamiliar=7)
    sessions = [strange, strange, None, strange, strange, strange, None]
    alone = [engine.judge([crop], sessions=[whose])[0] for crop, whose in zip(crops, sessions, strict=True)]
    assert engine.most_at_once == 1, "nobody has looked yet whether several may be one pass"
    engine.take_batches(check_cells(engine))
    assert _with_bits(engine.judge(crops, sessions=sessions)) == _with_bits(alone)
    assert [each.statistics_cells for each in alone] == [7, 7, 0, 7, 7, 7, 0]


def _with_bits(judgements: list[Judgement]) -> list[tuple[Judgement, bytes]]:
    return [(each, b"" if each.moments is None else each.moments.tobytes()) for each in judgements]


def test_several_share_a_pass_wherever_the_convolutions_give_the_same_bits(eager: Engine):
    fused = eager.of_kind("fused")
    cells = check_cells(fused)
    resnet, bank = fused._networks.resnet, fused._networks.bank
    with torch.inference_mode():
        batch = fused._passes.batch(cells)
        both = [
            torch.cat([each.flatten(1) for each in (resnet.body(some), bank(some))], 1) for some in (batch, batch[:2])
        ]
        alone = torch.cat([torch.cat([resnet.body(one), bank(one)], 1) for one in batch.split(1)])
    fused.take_batches(cells)
    assert fused.most_at_once == next((len(each) for each in both if torch.equal(each, alone[: len(each)])), 1)


def test_a_size_by_which_one_bit_is_another_is_not_taken(eager: Engine, monkeypatch: pytest.MonkeyPatch):
    right = Passes._answer

    def answer(passes: Passes, batch: torch.Tensor) -> torch.Tensor:
        table = right(passes, batch)
        if len(batch) > 2:
            table[-1, 0] = torch.nextafter(table[-1, 0], torch.ones((), dtype=torch.float64))
        return table

    monkeypatch.setattr(Passes, "_answer", answer)
    fused = eager.of_kind("fused")
    fused.take_batches(check_cells(fused))
    assert fused.most_at_once <= 2


def test_work_beside_goes_on_meanwhile_and_is_not_waited_for_where_it_has_not_begun():
    begun, go_on = threading.Event(), threading.Event()

    def first() -> str:
        begun.set()
        assert go_on.wait(20)
        return threading.current_thread().name

    beside = Beside(in_a_thread=True)
    there, behind_it = beside.do(first), beside.do(lambda: threading.current_thread().name)
    assert begun.wait(20)
    assert behind_it() == threading.current_thread().name, "the thread was busy still"
    go_on.set()
    assert there().startswith("beside")


@pytest.mark.parametrize("in_a_thread", [True, False])
def test_what_goes_wrong_beside_is_raised_where_its_result_is_asked_for(in_a_thread: bool):
    def fails() -> None:
        raise ValueError("no such thing")

    found = Beside(in_a_thread=in_a_thread).do(fails)
    with pytest.raises(ValueError, match="no such thing"):
        found()
