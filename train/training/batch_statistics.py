"""Batch norm's means and variances, estimated anew on the cells of another microscope; no label is needed.

After Li et al., Revisiting batch normalization for practical domain adaptation (ICLR workshop 2017).
"""

import copy
from collections.abc import Iterable

import torch
from torch import nn

from smearwatch.models.resnet import LeukocyteResNet


def adapt_batch_norm(resnet: LeukocyteResNet, batches: Iterable[torch.Tensor]) -> LeukocyteResNet:
    """Copy a network, its batch statistics those of some cells.

    Parameters
    ----------
    resnet
        Left as it is.
    batches : float tensors of shape [n, 3, view_px, view_px]
        Normalised views, the classes mixed; every batch counts alike.

    Returns
    -------
    LeukocyteResNet
        In evaluation mode. With group norm an equal copy, for that has no such statistics.
    """
    network = copy.deepcopy(resnet)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None  # a plain mean over the batches
    network.train()
    with torch.no_grad():
        for batch in batches:
            network(batch)
    for layer, present in zip(network.modules(), resnet.modules(), strict=True):
        if isinstance(layer, nn.BatchNorm2d) and isinstance(present, nn.BatchNorm2d):
            layer.momentum = present.momentum
    return network.eval()
