"""Going part of the way back to the weights that a run began from."""

from pathlib import Path

import pytest
import torch

from smearwatch.daemon.weights import shipped_weights
from smearwatch.models import checkpoint
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.statistics_use import StatisticsUse
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.saving import save_weights
from smearwatch.train.training.config import DataConfig, TrainConfig, read_config
from smearwatch.train.training.start import first_networks, go_back, with_start
from smearwatch.train.training.state import run_digest

SMALL = Preprocessing(field_px=96, view_px=72)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("start") / "weights"
    manifest = Manifest(name="first", norm="batch", preprocessing=SMALL, tensors={})
    save_weights(folder, LeukocyteResNet(), LeNetBank(SMALL.view_px), manifest)
    return folder


def test_what_settings_leave_open_is_as_the_beginning_has_it(begun: Path) -> None:
    config = with_start(TrainConfig(start=begun))
    assert (config.preprocessing, config.norm) == (SMALL, "batch")
    first_networks(config)
    said = Preprocessing(field_px=88, view_px=72)
    assert with_start(TrainConfig(start=begun, preprocessing=said)).preprocessing == said
    assert with_start(TrainConfig()) == TrainConfig()


def test_recorded_sessions_are_trained_on_from_the_shipped_weights_with_their_own_preprocessing(begun: Path) -> None:
    sessions = DataConfig(sessions=(Path("monday"),))
    config, shipped = with_start(TrainConfig(data=sessions)), checkpoint.read_manifest(shipped_weights())
    assert config.start == shipped_weights()
    assert config.preprocessing == shipped.preprocessing != Preprocessing()
    assert config.session_statistics == shipped.session_statistics
    assert config.unfamiliar_beyond == shipped.policy.unfamiliar_beyond
    assert first_networks(config)[2] == shipped.weights_id()
    assert with_start(TrainConfig(data=sessions, start=begun)).start == begun
    assert with_start(TrainConfig(data=sessions, init="scratch")).start is None


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5])
def test_both_networks_and_their_statistics_go_the_share_of_the_way_back(begun: Path, share: float) -> None:
    config = TrainConfig(start=begun, start_share=share, preprocessing=SMALL)
    first_resnet, first_bank, _ = first_networks(config)
    resnet, bank, _ = first_networks(config)
    for network in (resnet, bank):
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.add_(1.0)
    resnet.body.bn1.num_batches_tracked.fill_(7)

    go_back(resnet, bank, config)

    for network, first in ((resnet, first_resnet), (bank, first_bank)):
        before = first.state_dict()
        for key, value in network.state_dict().items():
            if value.is_floating_point():
                assert torch.allclose(value, before[key] + (1.0 - share), atol=1e-6), key
    assert int(resnet.body.bn1.num_batches_tracked) == 7


def test_a_share_needs_something_to_go_back_to(tmp_path: Path) -> None:
    told = tmp_path / "told.toml"
    told.write_text("start_share = 0.5\n", encoding="utf-8")
    with pytest.raises(DataUnusable, match=r"told\.toml: start_share without start, the weights to go back to$"):
        read_config(told, {})


def test_the_share_may_change_after_the_last_step(begun: Path) -> None:
    one, other = (run_digest(TrainConfig(start=begun, start_share=share), [], "id") for share in (0.0, 0.5))
    assert one == other
    assert one != run_digest(TrainConfig(start=begun, seed=2), [], "id")
    use = StatisticsUse(stages=3, share=0.3)
    later = TrainConfig(start=begun, unfamiliar_beyond=1.1, session_statistics=use)
    assert run_digest(later, [], "id") == one


def test_a_sessions_statistics_need_a_sign_of_strangeness(tmp_path: Path) -> None:
    told = tmp_path / "told.toml"
    told.write_text("[session_statistics]\nstages = 3\nshare = 0.3\n", encoding="utf-8")
    with pytest.raises(
        DataUnusable, match=r"told\.toml: session_statistics without unfamiliar_beyond, by which strange"
    ):
        read_config(told, {})
    told.write_text("[session_statistics]\nstages = 9\nshare = 0.3\n", encoding="utf-8")
    with pytest.raises(DataUnusable, match=r"session_statistics\.stages: Input should be less than or equal to 5"):
        read_config(told, {})
