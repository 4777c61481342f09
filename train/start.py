"""What a run begins from: nothing, ImageNet, or other weights of this project."""

from smearwatch.models import checkpoint
from smearwatch.models.bank import LeNetBank
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.config import TrainConfig
from smearwatch.train.samples import DataUnusable


def first_networks(config: TrainConfig) -> tuple[LeukocyteResNet, LeNetBank, str | None]:
    """Both networks as they are before the first step, and the identity of the weights they come from, if any.

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
    for name in ("norm", "preprocessing"):
        theirs, ours = getattr(manifest, name), getattr(config, name)
        if theirs != ours:
            raise DataUnusable(
                config.start,
                f"the weights to begin from have another {name}: {_difference(theirs, ours)}",
                f"give the configuration the weights' {name}, or begin from scratch",
            )
    networks = checkpoint.load(config.start)
    return networks.resnet, networks.bank, networks.manifest.weights_id()


def _difference(theirs: object, ours: object) -> str:
    """Say the first value that differs."""
    if isinstance(theirs, str):
        return f"{theirs} instead of {ours}"
    pairs = zip(vars(theirs).items(), vars(ours).values(), strict=True)
    return next(f"{name} {one} instead of {two}" for (name, one), two in pairs if one != two)
