"""What a run begins from: nothing, ImageNet, or other weights of this project."""

from typing import Any

from torch import nn

from smearwatch.daemon.weights import shipped_weights
from smearwatch.models import checkpoint
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.training.config import TrainConfig


def with_start(config: TrainConfig) -> TrainConfig:
    """Take from the weights to begin from what the settings leave open.

    That is how cells are shown to the networks, and the normalisation layers. With recorded sessions the beginning are
    the weights that come with the program, and strange sessions are told and judged as the beginning does.
    """
    said = config.model_fields_set
    if config.data.sessions and not {"start", "init"} & said:
        config = config.model_copy(update={"start": shipped_weights()})
    if config.start is None:
        return config
    manifest = checkpoint.read_manifest(config.start)
    theirs: dict[str, Any] = {"preprocessing": manifest.preprocessing, "norm": manifest.norm}
    if config.data.sessions and not {"session_statistics", "unfamiliar_beyond", "thresholds"} & said:
        beyond = manifest.policy.unfamiliar_beyond
        theirs |= {"session_statistics": manifest.session_statistics, "unfamiliar_beyond": beyond}
    return config.model_copy(update={name: value for name, value in theirs.items() if name not in said})


def first_networks(config: TrainConfig) -> tuple[LeukocyteResNet, LeNetBank, str | None]:
    """Return both networks as before the first step, and the identity of the weights they come from, if any.

    Raises
    ------
    DataUnusable
        Where the weights to begin from were made for another preprocessing or other normalisation layers.
    WeightsUnusable
        Where they cannot be read, or name other classes.
    """
    if config.start is None:
        return LeukocyteResNet(config.norm, config.init), LeNetBank(config.preprocessing.view_px), None
    manifest = checkpoint.read_manifest(config.start)
    # A reference stain may be learnt: it changes colours, not what a picture's pixels stand for.
    wanted = config.preprocessing.model_copy(update={"reference_stain": manifest.preprocessing.reference_stain})
    for name, ours in (("norm", config.norm), ("preprocessing", wanted)):
        theirs = getattr(manifest, name)
        if theirs != ours:
            raise DataUnusable(
                config.start,
                f"the weights to begin from have another {name}: {_difference(theirs, ours)}",
                f"give the configuration the weights' {name}, or begin from scratch",
            )
    networks = checkpoint.load(config.start)
    return networks.resnet, networks.bank, networks.manifest.weights_id()


def go_back(resnet: LeukocyteResNet, bank: LeNetBank, config: TrainConfig) -> None:
    """Interpolate both networks, batch statistics included, by the share `config.start_share` towards their start.

    Averages of weights that share a start stay good where either is, and are better on other data than both
    (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).
    """
    if not config.start_share:
        return
    first_resnet, first_bank, _ = first_networks(config)
    pairs: tuple[tuple[nn.Module, nn.Module], ...] = ((resnet, first_resnet), (bank, first_bank))
    for network, first in pairs:
        present = network.state_dict()
        for key, value in first.state_dict().items():
            if value.is_floating_point():
                present[key].lerp_(value.to(present[key].device), config.start_share)


def _difference(theirs: object, ours: object) -> str:
    """Name the first value that differs."""
    if isinstance(theirs, str):
        return f"{theirs} instead of {ours}"
    pairs = zip(vars(theirs).items(), vars(ours).values(), strict=True)
    return next(f"{name} {one} instead of {two}" for (name, one), two in pairs if one != two)
