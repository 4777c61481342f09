"""How a cell may look elsewhere: stain, light, focus and noise, drawn anew for each cell of a batch.

Absorption is varied as optical density, in which stain amounts add up (Beer-Lambert; after Tellez et al., Medical
Image Analysis 2019), light as a factor on intensity.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from smearwatch.capture.vision.light import WHITE

_WHITE = WHITE / 255.0
_LEAST = 2.0 / 255.0
_MIDDLING = 0.8  # optical density of a well-stained nucleus; the curve bends around it


@dataclass(frozen=True, slots=True)
class Draw:
    """Random numbers of one generator, for tensors on one device."""

    generator: torch.Generator
    device: torch.device

    def number(self, low: float = 0.0, high: float = 1.0) -> float:
        """Draw one uniform number, without waiting for the device."""
        return float(torch.rand(1, generator=self.generator) * (high - low) + low)

    def uniform(self, count: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Draw uniform numbers [count]: few, so they come from the CPU and are the same on every device."""
        numbers = torch.rand(count, generator=self.generator) * (high - low) + low
        return numbers.to(self.device, non_blocking=True)

    def step(self) -> int:
        """Draw -1, 0 or 1."""
        return int(torch.randint(-1, 2, (1,), generator=self.generator))

    def normal(self, shape: torch.Size) -> torch.Tensor:
        """Draw normal numbers: millions, so another device draws them itself, from a seed that this generator gives."""
        if self.device.type == "cpu":
            return torch.randn(shape, generator=self.generator)
        seed = int(torch.randint(2**62, (1,), generator=self.generator))
        own = torch.Generator(self.device).manual_seed(seed)
        return torch.randn(shape, generator=own, device=self.device)


def vary(views: torch.Tensor, amount: torch.Tensor, far: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Vary stain, light, focus and noise of a batch.

    Parameters
    ----------
    views : float tensor of shape [n, 3, h, w], BGR, 0..1
    amount : float tensor of shape [n]
        How much, 0 for nothing.
    far : float tensor of shape [n]
        1 for cells to look as on a microscope far from those in the data, 0 for the others.
    draw
        The source of randomness.

    Returns
    -------
    float tensor of the same shape, 0..1
    """
    views = _stain(views, amount, far, draw)
    views = _light(views, amount, draw)
    views = _focus(views, amount, draw)
    views = _halo(views, amount, far, draw)
    views = _fringe(views, amount, far, draw)
    return _grain(views, amount, far, draw).clamp_(0.0, 1.0)


def _stain(views: torch.Tensor, amount: torch.Tensor, far: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Vary contrast, each channel's share, the mixing of channels, and the curve of optical density.

    A far cell may become as pale as a seventh, change its hue twice as much, and lose what is faint in it, as the red
    cells are on some cameras.
    """
    count = len(views)
    density = -torch.log(views.clamp(min=_LEAST) / _WHITE)
    contrast = torch.exp(_between(draw, count, (-0.9, 0.45), (-1.7, 0.3), far) * amount)
    gains = torch.exp(draw.uniform(count * 3, -0.3, 0.3).view(count, 3) * (amount * (1 + far))[:, None])
    mixing = draw.uniform(count * 9, -0.14, 0.14).view(count, 3, 3) * (amount * (1 + far))[:, None, None]
    density = torch.einsum("nij,njhw->nihw", torch.diag_embed(gains) + mixing, density)
    curve = torch.exp(_between(draw, count, (-0.2, 0.2), (-0.2, 0.6), far) * amount).view(-1, 1, 1, 1)
    bent = density.sign() * (density.abs().clamp(min=1e-4) / _MIDDLING).pow(curve) * _MIDDLING
    return torch.exp(-bent * contrast.view(-1, 1, 1, 1)) * _WHITE


def _between(
    draw: Draw, count: int, near_limits: tuple[float, float], far_limits: tuple[float, float], far: torch.Tensor
) -> torch.Tensor:
    """Draw uniform numbers [count], the limits chosen by whether a cell is far."""
    level = draw.uniform(count)
    near_values, far_values = ((high - low) * level + low for low, high in (near_limits, far_limits))
    return torch.where(far > 0, far_values, near_values)


def _light(views: torch.Tensor, amount: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Put back what flattening may leave over: a tint, a wrong white level, a slope across the view."""
    count, _, height, width = views.shape
    tint = torch.exp(draw.uniform(count * 3, -0.06, 0.05).view(count, 3, 1, 1) * amount.view(-1, 1, 1, 1))
    level = torch.exp(draw.uniform(count, -0.10, 0.06) * amount).view(-1, 1, 1, 1)
    slope = draw.uniform(count * 2, -0.1, 0.1).view(count, 2, 1, 1) * amount.view(-1, 1, 1, 1)
    y = torch.linspace(-1, 1, height, device=views.device).view(1, height, 1)
    x = torch.linspace(-1, 1, width, device=views.device).view(1, 1, width)
    ramp = 1.0 + slope[:, :1] * y + slope[:, 1:] * x
    return views * tint * level * ramp


def _focus(views: torch.Tensor, amount: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Blur towards, or sharpen away from, a blurred copy whose width is one for a quarter of the batch."""
    parts = []
    for part in views.chunk(4):
        sigma = 0.6 + 1.9 * draw.number()
        parts.append(_blur(part, sigma))
    blurred = torch.cat(parts)
    share = (draw.uniform(len(views), -1.3, 0.9) * amount).clamp(min=-1.0).view(-1, 1, 1, 1)
    return views + share * (views - blurred)


def _halo(views: torch.Tensor, amount: torch.Tensor, far: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Sharpen far cells as cheap cameras do: a broad unsharp mask, a little different in each colour."""
    parts = []
    for part in views.chunk(4):
        parts.append(_blur(part, 1.5 + 3.0 * draw.number()))
    blurred = torch.cat(parts)
    share = (draw.uniform(len(views), -0.6, 2.2) * amount * far).clamp(min=-0.8).view(-1, 1, 1, 1)
    colour = 1.0 + 0.35 * draw.uniform(len(views) * 3, -1.0, 1.0).view(-1, 3, 1, 1)
    return views + share * colour * (views - blurred)


def _fringe(views: torch.Tensor, amount: torch.Tensor, far: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Move the colours of far cells against each other by up to a pixel: lateral chromatic aberration."""
    parts = []
    for part in views.chunk(8):
        moves = [(draw.step(), draw.step()) for _ in range(3)]
        parts.append(torch.stack([torch.roll(part[:, c], move, (1, 2)) for c, move in enumerate(moves)], dim=1))
    return views + (torch.cat(parts) - views) * (amount * far).clamp(max=1.0).view(-1, 1, 1, 1)


def _grain(views: torch.Tensor, amount: torch.Tensor, far: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Add a sensor's noise and, to far cells, coarse colour noise as strong JPEG compression leaves it."""
    count, channels, height, width = views.shape
    fine = draw.normal(views.shape) * (0.02 * amount).view(-1, 1, 1, 1)
    blocks = draw.normal(torch.Size((count, channels, height // 4, width // 4)))
    coarse = functional.interpolate(blocks, (height, width), mode="bilinear")
    return views + fine + coarse * (0.03 * amount * far).view(-1, 1, 1, 1)


def _blur(views: torch.Tensor, sigma: float) -> torch.Tensor:
    reach = math.ceil(2 * sigma)
    steps = torch.arange(-reach, reach + 1, dtype=torch.float32, device=views.device)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, -1).expand(3, 1, -1)
    padded = functional.pad(views, (reach, reach, reach, reach), mode="replicate")
    rows = functional.conv2d(padded, kernel.unsqueeze(2), groups=3)
    return functional.conv2d(rows, kernel.unsqueeze(3), groups=3)
