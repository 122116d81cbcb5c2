"""Two views of a picture that shall get the same code: what a hash overlooks is decided here.

All of it works on whole batches, each picture altered in a way of its own, on the device
where they are; torchvision's transforms draw once for a batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from aecodec.nn.noise import jpeg
from aecodec.training.recipe import HashRecipe

# What may happen to a picture alone, and how often beside the others: crops are the hard ones.
_ALONE = {
    ("crop",): 4,
    ("turn",): 2,
    ("quarter turn",): 1,
    ("flip",): 1,
    ("border",): 1,
    ("colours",): 1,
    ("grey",): 2,
    ("blur",): 0.5,
    ("overlay",): 2,
    ("border", "overlay"): 2,  # a telephone's screen
    ("jpeg",): 0.5,
    ("noise",): 1,
}


@dataclass(frozen=True)
class View:
    """Altered pictures.

    Attributes:
        x: as the model gets them, float (B, 3, side, side) in [0, 1].
        target: the same places, nothing else altered: what the decoder shall draw.
    """

    x: Tensor
    target: Tensor


def two_views(batch: Tensor, recipe: HashRecipe, seed: int) -> tuple[View, View]:
    """Two views of each picture of a batch, uint8 (B, 3, S, S), a function of the seed."""
    generator = torch.Generator(batch.device).manual_seed(seed)
    x = batch.float() / 255
    changed = ~_chance(x, recipe.clean_view, generator).flatten()
    plain = F.interpolate(x, recipe.model.side, mode="area")
    first = View(plain, plain.clone())
    if changed.any():
        altered = view(x[changed], recipe, generator)
        first.x[changed], first.target[changed] = altered.x, altered.target
    return first, view(x, recipe, generator)


class _Chances:
    """How likely each alteration is for each picture: some pictures get one alteration only."""

    def __init__(self, x: Tensor, recipe: HashRecipe, generator: Generator) -> None:
        self._only: Tensor | None = None
        if recipe.single_alteration:
            weights = torch.tensor(list(_ALONE.values()), device=x.device)
            drawn = torch.multinomial(weights, len(x), replacement=True, generator=generator)
            alone = _chance(x, recipe.single_alteration, generator)
            self._only = torch.where(alone, drawn.view(-1, 1, 1, 1), -1)

    def of(self, what: str, usual: float) -> Tensor | float:
        """Probability (B, 1, 1, 1), which is `usual` where all alterations may happen."""
        if self._only is None:
            return usual
        table = torch.tensor([*(float(what in names) for names in _ALONE), usual])
        return table.to(self._only.device)[self._only]


def view(x: Tensor, recipe: HashRecipe, generator: Generator) -> View:
    """One view of each picture (B, 3, S, S) in [0, 1]."""
    chances = _Chances(x, recipe, generator)
    placed = _move(x, recipe, chances, generator)
    altered = _colours(placed, recipe, chances, generator)
    altered = _blur(altered, chances.of("blur", recipe.blur), generator)
    altered = _overlay(altered, chances.of("overlay", recipe.overlay), generator)
    altered = _jpeg(altered, chances.of("jpeg", recipe.jpeg), generator)
    noisy = _chance(x, chances.of("noise", recipe.noise), generator)
    sigma = _uniform(x, 0.0, 0.1, generator) * noisy
    noise = torch.randn(altered.shape, generator=generator, device=x.device)
    return View((altered + sigma * noise).clamp(0, 1), placed)


def _uniform(x: Tensor, low: float, high: float, generator: Generator) -> Tensor:
    """(B, 1, 1, 1): one number for each picture."""
    drawn = torch.rand(len(x), 1, 1, 1, generator=generator, device=x.device)
    return low + (high - low) * drawn


def _chance(x: Tensor, probability: Tensor | float, generator: Generator) -> Tensor:
    """Bool (B, 1, 1, 1); the probability is one number, or one for each picture."""
    return _uniform(x, 0, 1, generator) < probability


def _move(x: Tensor, recipe: HashRecipe, chances: _Chances, generator: Generator) -> Tensor:
    """Crop, stretch, flip, rotate, shrink into a border; (B, 3, side, side)."""

    def draw(low: float, high: float) -> Tensor:
        return _uniform(x, low, high, generator).flatten()

    def happens(what: str, usual: float) -> Tensor:
        return _chance(x, chances.of(what, usual), generator).flatten()

    side = recipe.model.side
    root = draw(*(n**0.5 for n in recipe.area))  # evenly by side: small crops are the hard ones
    stretch = draw(-0.15, 0.15).exp()
    cropped = happens("crop", 1.0)
    root, stretch = (torch.where(cropped, n, torch.ones_like(n)) for n in (root, stretch))
    width, height = (root * stretch).clamp(max=1), (root / stretch).clamp(max=1)
    # A picture in a border is small in its frame; the frame is all of it, then.
    bordered = happens("border", recipe.border)
    frame, sides = draw(1.05, 1.35), draw(0, 1)  # a third have borders at two sides only
    width = torch.where(bordered, torch.where(sides < 0.2, 1.0, frame), width)
    height = torch.where(bordered, torch.where(sides > 0.85, 1.0, frame), height)
    room = [(1 - n).clamp(min=0) for n in (width, height)]
    centre = [draw(-1, 1) * space for space in room]
    if recipe.centred:  # what is cut away is mostly cut from both sides
        centre = [offset * draw(0, 1) for offset in centre]
    angle = draw(-recipe.turn, recipe.turn) * happens("turn", 0.5) * math.pi / 180
    quarters = draw(-1, 1).sign() * happens("quarter turn", recipe.quarter_turn)
    angle = angle + quarters * math.pi / 2
    mirrored = torch.where(happens("flip", recipe.flip), -1.0, 1.0)
    # The squares were photos of any aspect ratio; a rotation in theirs is not one here.
    ratio = torch.where(quarters != 0, torch.ones_like(width), draw(-0.4, 0.4).exp())
    cos, sin = angle.cos(), angle.sin()
    theta = torch.stack(
        [
            torch.stack([width * cos * mirrored, -width * sin * ratio, centre[0]], 1),
            torch.stack([height * sin / ratio * mirrored, height * cos, centre[1]], 1),
        ],
        1,
    )
    # One tap a pixel, though the source may be twice as fine: four are most of a step's time.
    grid = F.affine_grid(theta, [len(x), 3, side, side], align_corners=False)
    fill = _fill(x, generator)
    return F.grid_sample(x - fill, grid, align_corners=False) + fill


def _fill(x: Tensor, generator: Generator) -> Tensor:
    """Beyond or over the picture: black, white, or any colour."""
    colour = torch.rand(len(x), 3, 1, 1, generator=generator, device=x.device)
    kind = _uniform(x, 0, 1, generator)
    colour = torch.where(kind < 0.4, torch.zeros_like(colour), colour)
    return torch.where(kind > 0.7, torch.ones_like(colour), colour)


def _colours(x: Tensor, recipe: HashRecipe, chances: _Chances, generator: Generator) -> Tensor:
    """Brightness, contrast, saturation, gamma, and sometimes no colour at all."""
    low, high = 1 - recipe.jitter, 1 + recipe.jitter
    plain = x
    x = x * _uniform(x, low, high, generator)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * _uniform(x, low, high, generator)
    x = _grey(x).lerp(x, _uniform(x, low, high, generator)).clamp(0, 1)
    x = x.clamp(min=1e-4) ** _uniform(x, -recipe.jitter, recipe.jitter, generator).exp()
    x = torch.where(_chance(x, chances.of("colours", 1.0), generator), x, plain)
    return torch.where(_chance(x, chances.of("grey", recipe.grey), generator), _grey(x), x)


def _grey(x: Tensor) -> Tensor:
    weights = x.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (x * weights).sum(1, keepdim=True).expand_as(x)


def _blur(x: Tensor, probability: Tensor | float, generator: Generator) -> Tensor:
    """Some of the pictures, by up to two passes of a 3x3 average."""
    chosen = _chance(x, probability, generator).flatten()
    if not chosen.any():
        return x
    sharp = x[chosen]
    soft = F.avg_pool2d(F.pad(sharp, (2, 2, 2, 2), mode="replicate"), 3, 1)
    soft = F.avg_pool2d(soft, 3, 1)
    x = x.clone()
    x[chosen] = torch.lerp(sharp, soft, _uniform(sharp, 0, 1, generator))
    return x


def _overlay(x: Tensor, probability: Tensor | float, generator: Generator) -> Tensor:
    """Over some, a box or a disc, or a bar at one or two edges; half with something like text."""
    side = x.shape[-1]

    def draw(low: float, high: float) -> Tensor:
        return _uniform(x, low, high, generator)

    at = (torch.arange(side, device=x.device) + 0.5) / side
    columns, rows = at.view(1, 1, 1, -1), at.view(1, 1, -1, 1)
    width, height = draw(0.1, 0.45), draw(0.1, 0.45)
    # Half of them in the middle, as a button is.
    middle = _chance(x, 0.5, generator)
    left, top = (torch.where(middle, 0.5, draw(0, 1)) * (1 - n) for n in (width, height))
    box = (columns >= left) & (columns < left + width) & (rows >= top) & (rows < top + height)
    across = (columns - left - width / 2) / width, (rows - top - height / 2) / height
    disc = across[0].square() + across[1].square() < 0.25
    upper, lower, kind = draw(0.04, 0.2), draw(0.04, 0.2), draw(0, 1)
    bars = ((rows < upper) & (kind < 0.7)) | ((rows > 1 - lower) & (kind > 0.3))
    shape, both = draw(0, 1), draw(0, 1) < 0.3
    thing = torch.where(shape < 0.3, box, torch.where(shape < 0.6, disc, bars))
    inside = (thing | (bars & both)) & _chance(x, probability, generator)
    colour = _fill(x, generator)
    letters = torch.rand(len(x), 1, side, side, generator=generator, device=x.device) < 0.3
    letters = letters & _chance(x, 0.5, generator)
    paint = torch.where(letters, 1 - colour, colour)
    opaque = _chance(x, 0.5, generator)
    opacity = torch.where(opaque, torch.ones_like(width), draw(0.5, 1))
    return torch.where(inside, torch.lerp(x, paint.expand_as(x), opacity), x)


def _jpeg(x: Tensor, probability: Tensor | float, generator: Generator) -> Tensor:
    """Some of the pictures through JPEG, all at one quality."""
    chosen = _chance(x, probability, generator).flatten()
    quality = int(torch.randint(10, 60, (1,), generator=generator, device=x.device))
    if not chosen.any():
        return x
    x = x.clone()
    x[chosen] = jpeg(x[chosen], quality)
    return x
