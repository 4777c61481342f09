"""Variety for training: what differs between microscopes, stains and hands, drawn anew for each cell.

Works on whole batches of shrunken fields. Absorption is varied as optical density, in which stain amounts add up
(Beer-Lambert; after Tellez et al., Medical Image Analysis 2019), light as a factor on intensity.
"""

import math

import torch
from torch.nn import functional

from smearwatch.capture.light import WHITE
from smearwatch.models.preprocess import Preprocessing

_WHITE = WHITE / 255.0
_LEAST = 2.0 / 255.0
_GRID_SHARE = 0.5  # of batches resampled freely; the others only turned and moved by whole pixels, which stay sharp
_SHIFT_UM = 2.0


def augment(
    fields: torch.Tensor, preprocessing: Preprocessing, strength: float, generator: torch.Generator
) -> torch.Tensor:
    """Draw one variant of each cell.

    Parameters
    ----------
    fields : uint8 tensor of shape [n, field_px, field_px, 3]
    preprocessing : Preprocessing
    strength
        0 for none, 1 for the usual amount. Each cell gets a share of it between 0 and 1.
    generator
        The only source of randomness.

    Returns
    -------
    float32 tensor of shape [n, 3, view_px, view_px], 0..1, BGR
    """
    pictures = fields.permute(0, 3, 1, 2).float().div_(255.0)
    amount = strength * torch.rand(len(pictures), generator=generator)
    if _uniform(1, generator).item() < _GRID_SHARE:
        views = _resample(pictures, preprocessing, amount, generator)
    else:
        views = _turn(pictures, preprocessing, generator)
    views = _stain(views, amount, generator)
    views = _light(views, amount, generator)
    views = _focus(views, amount, generator)
    noise = torch.randn(views.shape, generator=generator) * (0.02 * amount).view(-1, 1, 1, 1)
    return (views + noise).clamp_(0.0, 1.0)


def _uniform(count: int, generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


def _turn(pictures: torch.Tensor, preprocessing: Preprocessing, generator: torch.Generator) -> torch.Tensor:
    """Quarter turns, mirroring and a shift by whole pixels: the same for one eighth of the batch."""
    spare = (preprocessing.field_px - preprocessing.view_px) // 2
    reach = min(spare, int(_SHIFT_UM / preprocessing.um_per_px))
    parts = []
    for part in pictures.chunk(8):
        turns, mirror = (int(v) for v in torch.randint(0, 4, (2,), generator=generator))
        y, x = (spare + int(v) for v in torch.randint(-reach, reach + 1, (2,), generator=generator))
        cut = part[:, :, y : y + preprocessing.view_px, x : x + preprocessing.view_px]
        cut = torch.rot90(cut, turns, (2, 3))
        parts.append(cut.flip(3) if mirror % 2 else cut)
    return torch.cat(parts)


def _resample(
    pictures: torch.Tensor, preprocessing: Preprocessing, amount: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Turn by any angle, scale by up to a quarter, shear a little, shift."""
    count = len(pictures)
    angle = _uniform(count, generator, 0.0, 2 * math.pi)
    scale = torch.exp(_uniform(count, generator, -0.22, 0.22) * amount)
    stretch = torch.exp(_uniform(count, generator, -0.08, 0.08) * amount)
    mirror = torch.where(_uniform(count, generator) < 0.5, -1.0, 1.0)
    ratio = preprocessing.view_px / preprocessing.field_px
    reach = 2 * _SHIFT_UM / preprocessing.crop_um
    cos, sin = torch.cos(angle) * ratio, torch.sin(angle) * ratio
    matrix = torch.stack(
        [
            torch.stack([cos * scale * mirror, -sin * scale, _uniform(count, generator, -reach, reach)], 1),
            torch.stack(
                [sin * scale * stretch * mirror, cos * scale * stretch, _uniform(count, generator, -reach, reach)], 1
            ),
        ],
        1,
    )
    side = preprocessing.view_px
    grid = functional.affine_grid(matrix, [count, 3, side, side], align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def _stain(views: torch.Tensor, amount: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Vary contrast, each channel's share, the mixing of channels, and the curve of optical density."""
    count = len(views)
    density = -torch.log(views.clamp(min=_LEAST) / _WHITE)
    contrast = torch.exp(_uniform(count, generator, -0.9, 0.45) * amount)
    gains = torch.exp(_uniform(count * 3, generator, -0.3, 0.3).view(count, 3) * amount[:, None])
    mixing = _uniform(count * 9, generator, -0.14, 0.14).view(count, 3, 3) * amount[:, None, None]
    matrix = (torch.diag_embed(gains) + mixing) * contrast[:, None, None]
    density = torch.einsum("nij,njhw->nihw", matrix, density)
    curve = torch.exp(_uniform(count, generator, -0.2, 0.2) * amount).view(-1, 1, 1, 1)
    density = density.sign() * density.abs().clamp(min=1e-4).pow(curve)
    return torch.exp(-density) * _WHITE


def _light(views: torch.Tensor, amount: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Put back what flattening may leave over: a tint, a wrong white level, a slope across the view."""
    count, _, height, width = views.shape
    tint = torch.exp(_uniform(count * 3, generator, -0.06, 0.05).view(count, 3, 1, 1) * amount.view(-1, 1, 1, 1))
    level = torch.exp(_uniform(count, generator, -0.10, 0.06) * amount).view(-1, 1, 1, 1)
    slope = _uniform(count * 2, generator, -0.1, 0.1).view(count, 2, 1, 1) * amount.view(-1, 1, 1, 1)
    y = torch.linspace(-1, 1, height).view(1, height, 1)
    x = torch.linspace(-1, 1, width).view(1, 1, width)
    ramp = 1.0 + slope[:, :1] * y + slope[:, 1:] * x
    return views * tint * level * ramp


def _focus(views: torch.Tensor, amount: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Blur towards, or sharpen away from, a blurred copy whose width is one for a quarter of the batch."""
    parts = []
    for part in views.chunk(4):
        sigma = 0.6 + 1.9 * float(_uniform(1, generator))
        parts.append(_blur(part, sigma))
    blurred = torch.cat(parts)
    share = (_uniform(len(views), generator, -1.3, 0.9) * amount).clamp(min=-1.0).view(-1, 1, 1, 1)
    return views + share * (views - blurred)


def _blur(views: torch.Tensor, sigma: float) -> torch.Tensor:
    reach = math.ceil(2 * sigma)
    steps = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, -1).expand(3, 1, -1)
    padded = functional.pad(views, (reach, reach, reach, reach), mode="replicate")
    rows = functional.conv2d(padded, kernel.unsqueeze(2), groups=3)
    return functional.conv2d(rows, kernel.unsqueeze(3), groups=3)
