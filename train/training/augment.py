"""Variety for training: what differs between microscopes, stains and hands, drawn anew for each cell.

Works on whole batches of shrunken fields: where the cell lies and how it is turned here, how it looks in
`smearwatch.train.training.appearance`.
"""

import math

import torch
from torch.nn import functional

from smearwatch.models.preprocess import Preprocessing
from smearwatch.train.training.appearance import Draw, vary

_GRID_SHARE = 0.5  # of batches resampled freely; the others only turned and moved by whole pixels, which stay sharp
_SHIFT_UM = 2.0


def augment(
    fields: torch.Tensor,
    preprocessing: Preprocessing,
    strength: float,
    generator: torch.Generator,
    far_share: float = 0.0,
) -> torch.Tensor:
    """Draw one variant of each cell.

    Parameters
    ----------
    fields : uint8 tensor of shape [n, field_px, field_px, 3]
    preprocessing : Preprocessing
    strength
        0 for none, 1 for the usual amount. Each cell gets a share of it between 0 and 1.
    generator
        The only source of randomness; a generator of the CPU, whatever device the fields are on.
    far_share
        Share of the cells that are made to look as on a microscope far from those in the data.

    Returns
    -------
    float32 tensor of shape [n, 3, view_px, view_px], 0..1, BGR, on the fields' device
    """
    pictures = fields.permute(0, 3, 1, 2).float().div_(255.0)
    draw = Draw(generator, fields.device)
    amount = draw.uniform(len(pictures), 0.0, strength)
    if draw.number() < _GRID_SHARE:
        views = _resample(pictures, preprocessing, amount, draw)
    else:
        views = _turn(pictures, preprocessing, draw)
    far = (draw.uniform(len(views)) < far_share).float()
    return vary(views, amount, far, draw)


def _turn(pictures: torch.Tensor, preprocessing: Preprocessing, draw: Draw) -> torch.Tensor:
    """Turn by quarters, mirror and shift by whole pixels: the same for one eighth of the batch."""
    spare = (preprocessing.field_px - preprocessing.view_px) // 2
    reach = min(spare, int(_SHIFT_UM / preprocessing.um_per_px))
    parts = []
    for part in pictures.chunk(8):
        turns, mirror = (int(v) for v in torch.randint(0, 4, (2,), generator=draw.generator))
        y, x = (spare + int(v) for v in torch.randint(-reach, reach + 1, (2,), generator=draw.generator))
        cut = part[:, :, y : y + preprocessing.view_px, x : x + preprocessing.view_px]
        cut = torch.rot90(cut, turns, (2, 3))
        parts.append(cut.flip(3) if mirror % 2 else cut)
    return torch.cat(parts)


def _resample(pictures: torch.Tensor, preprocessing: Preprocessing, amount: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Turn by any angle, scale by up to a quarter, shear a little, shift."""
    count = len(pictures)
    angle = draw.uniform(count, 0.0, 2 * math.pi)
    scale = torch.exp(draw.uniform(count, -0.22, 0.22) * amount)
    stretch = torch.exp(draw.uniform(count, -0.08, 0.08) * amount)
    mirror = torch.where(draw.uniform(count) < 0.5, -1.0, 1.0)
    ratio = preprocessing.view_px / preprocessing.field_px
    reach = 2 * _SHIFT_UM / preprocessing.crop_um
    cos, sin = torch.cos(angle) * ratio, torch.sin(angle) * ratio
    matrix = torch.stack(
        [
            torch.stack([cos * scale * mirror, -sin * scale, draw.uniform(count, -reach, reach)], 1),
            torch.stack([sin * scale * stretch * mirror, cos * scale * stretch, draw.uniform(count, -reach, reach)], 1),
        ],
        1,
    )
    side = preprocessing.view_px
    grid = functional.affine_grid(matrix, [count, 3, side, side], align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
