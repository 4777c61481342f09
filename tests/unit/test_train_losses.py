"""Losses: what each kind of label does and does not teach."""

import torch

from smearwatch.models.resnet import ResNetAnswer
from smearwatch.train.data.cells import Targets
from smearwatch.train.data.samples import LEUKOCYTE, REJECT, Target, either, exact
from smearwatch.train.training.losses import bank_loss, resnet_loss


def batch(*targets: Target) -> Targets:
    return Targets(
        torch.tensor([target.shares for target in targets]),
        torch.tensor([target.kind in ("either", "leukocyte") for target in targets]),
        torch.tensor([target.kind == "reject" for target in targets]),
    )


def answer(*logits: list[float], reject: float = 0.0) -> ResNetAnswer:
    return ResNetAnswer(torch.tensor(logits, requires_grad=True), torch.full((len(logits),), reject))


def test_joined_label_does_not_tell_band_from_segmented():
    said = answer([3.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    other = answer([0.0, 3.0, 0.0, 0.0, 0.0, 0.0])
    target = batch(either((0, 1)))
    assert torch.allclose(resnet_loss(said, target, 0.0), resnet_loss(other, target, 0.0))
    eosinophil = answer([0.0, 0.0, 3.0, 0.0, 0.0, 0.0])
    assert resnet_loss(eosinophil, target, 0.0) > resnet_loss(said, target, 0.0) + 1.0


def test_joined_label_says_nothing_to_the_verifiers_it_joins():
    logits = torch.zeros(1, 6, requires_grad=True)
    bank_loss(logits, batch(either((0, 1)))).backward()
    assert logits.grad is not None
    assert (logits.grad[0] != 0).tolist() == [False, False, True, True, True, True]


def test_a_leukocyte_of_unknown_class_is_only_not_to_be_rejected():
    logits = torch.tensor([[3.0, 0.0, -2.0, 0.0, 1.0, 0.0]], requires_grad=True)
    rejecting = torch.tensor([1.0], requires_grad=True)
    resnet_loss(ResNetAnswer(logits, rejecting), batch(LEUKOCYTE), 0.03).backward()
    assert logits.grad is not None
    assert rejecting.grad is not None
    assert logits.grad.abs().max() < 1e-6
    assert rejecting.grad.item() > 0.1, "away from rejecting it"
    verifiers = torch.tensor([[3.0, 0.0, -2.0, 0.0, 1.0, 0.0]], requires_grad=True)
    bank_loss(verifiers, batch(LEUKOCYTE)).backward()
    assert verifiers.grad is not None
    assert not verifiers.grad.any()


def test_disputed_label_is_best_answered_with_its_share():
    target = batch(exact(1, 0.7, other=0))
    shares = [0.5, 0.6, 0.7, 0.8, 0.9]
    losses = []
    for share in shares:
        rest = 1e-4
        row = [1 - share, share, rest, rest, rest, rest]
        losses.append(resnet_loss(answer(torch.log(torch.tensor(row)).tolist()), target, 0.0).item())
    assert shares[losses.index(min(losses))] == 0.7


def test_a_reject_wants_its_head_to_fire_and_the_classes_undecided():
    target = batch(REJECT)
    flat, peaked = [0.0] * 6, [5.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert resnet_loss(answer(flat, reject=3.0), target, 0.0) < resnet_loss(answer(flat, reject=-3.0), target, 0.0)
    assert resnet_loss(answer(flat), target, 0.0) < resnet_loss(answer(peaked), target, 0.0)


def test_verifiers_weigh_both_sides_alike():
    """With every class once, a verifier that always says the same thing does best to say one half."""
    targets = batch(*(exact(place) for place in range(6)))
    pulls = torch.zeros(6, 6, requires_grad=True)
    bank_loss(pulls, targets).backward()
    assert pulls.grad is not None
    assert torch.allclose(pulls.grad.sum(dim=0), torch.zeros(6), atol=1e-7)
