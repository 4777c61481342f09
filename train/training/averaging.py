"""A running mean of the networks, which forgets the chance of single steps."""

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from smearwatch.train.training.config import TrainConfig


class RunningMean:
    """An exponential moving average of weights and batch statistics over the last steps, if the settings want one.

    Where a training ends depends on its last steps; the mean over many lies in a flatter place, which holds better on
    other data (Cha et al., SWAD: Domain generalization by seeking flat minima, NeurIPS 2021).

    Parameters
    ----------
    config
        `averaged_steps` says over about how many steps; with 0 nothing is done.
    networks
        The module that is trained.
    """

    def __init__(self, config: TrainConfig, networks: nn.Module) -> None:
        self._networks = networks
        self._mean: AveragedModel | None = None
        if config.averaged_steps:
            decay = 1.0 - 1.0 / config.averaged_steps
            mean = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
            self._mean = AveragedModel(networks, multi_avg_fn=mean, use_buffers=True)

    def kept(self) -> dict[str, nn.Module]:
        """Return what a restart needs, by the name under which it is kept."""
        return {} if self._mean is None else {"mean": self._mean}

    def add(self) -> None:
        """Take in the networks as they are after a step."""
        if self._mean is not None:
            self._mean.update_parameters(self._networks)

    def take(self) -> None:
        """Put the mean into the networks."""
        if self._mean is not None:
            self._networks.load_state_dict(self._mean.module.state_dict())
