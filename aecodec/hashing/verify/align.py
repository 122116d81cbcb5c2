"""Where one picture lies in another: the affine map from a part to the whole, batched.

Pictures are squashed to squares, and coordinates go from -1 to 1 over each, x first, as in
`torch.nn.functional.grid_sample`; a map is a (2, 3) matrix from the part's coordinates to the
whole's. A first guess comes from correlations of copies of 32 by 32 grey pixels: of the whole
picture in eight orientations and turned a little, and of each as a piece of the other (Lewis, "Fast
normalized cross-correlation", 1995). Then the map is made finer by least squares on the pixels
themselves, level by level (Baker and Matthews, "Lucas-Kanade 20 years on", 2004, IJCV 56), with
what does not fit weighted down (Tukey's biweight), so that a bar or a button does not pull.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad

COARSE = 32  # pixels a side of the copies for the first guess

_TURNS = (0.0, 8.0, -8.0, 15.0, -15.0)  # degrees
_SIZES = (0.92, 0.84, 0.76, 0.68, 0.6, 0.5)  # of a piece: so much of the side that it fits into
_FLAT = 0.1  # deviation of outlines below which a place counts as having this
_FAINT = 0.03  # deviation, of [0, 1], of what is no outline
_WHOLE, _PIECES = 3, 2  # guesses kept of each kind
_SURPLUS = 1e-4  # of the diagonal, so that flat pictures can be solved, too


def grey(pictures: Tensor) -> Tensor:
    """Luma (N, 1, H, W) of RGB (N, 3, H, W)."""
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=pictures.dtype)
    return (pictures * weights[:, None, None]).sum(1, keepdim=True)


def outlines(pictures: Tensor) -> Tensor:
    """Grey pictures (N, 1, S, S) less their surroundings' mean, divided by the deviation there.

    So neither a dark bar nor a light sky outweighs the rest.
    """
    mean = _around(pictures)
    centred = pictures - mean
    return centred / (_around(centred.square()) + _FAINT**2).sqrt()


def _around(pictures: Tensor) -> Tensor:
    reach = max(1, pictures.shape[-1] // 10)
    padded = pad(pictures, (reach,) * 4, mode="replicate")
    rows = torch.nn.functional.avg_pool2d(padded, (1, 2 * reach + 1), 1)
    return torch.nn.functional.avg_pool2d(rows, (2 * reach + 1, 1), 1)


def warp(whole: Tensor, maps: Tensor) -> Tensor:
    """The whole pictures (N, C, S, S) as the part's grid sees them."""
    grid = affine_grid(maps, list(whole.shape), align_corners=False)
    return grid_sample(whole, grid, padding_mode="border", align_corners=False)


def inside(maps: Tensor, side: int, margin: float = 0.0) -> Tensor:
    """bool (N, side, side): which pixels of the part lie in the whole picture."""
    grid = affine_grid(maps, [len(maps), 1, side, side], align_corners=False)
    return (grid.abs() <= 1 - margin).all(-1)


def inverse(maps: Tensor) -> Tensor:
    """The maps the other way round, (..., 2, 3)."""
    linear = torch.linalg.inv(maps[..., :2])
    return torch.cat([linear, -linear @ maps[..., 2:]], -1)


def orientations() -> Tensor:
    """The eight of them, (8, 2, 2): quarter turns, and those of the mirror image."""
    found = []
    for mirror in (1.0, -1.0):
        for quarter in range(4):
            c, s = round(math.cos(quarter * math.pi / 2)), round(math.sin(quarter * math.pi / 2))
            found.append([[c * mirror, -s], [s * mirror, c]])
    return torch.tensor(found, dtype=torch.float32)


def whole_maps() -> Tensor:
    """Maps (40, 2, 3) of a picture onto the whole of another: eight orientations, a little
    turned.
    """
    found = []
    for turn in _TURNS:
        c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        found.append(torch.tensor([[c, -s], [s, c]]) @ orientations())
    linear = torch.cat(found)
    return torch.cat([linear, torch.zeros(len(linear), 2, 1)], -1)


def versions(pictures: Tensor) -> Tensor:
    """Grey pictures (N, 1, S, S) under all `whole_maps`, of mean 0 and norm 1: (N, 40, S * S)."""
    maps = whole_maps()
    many = pictures.repeat_interleave(len(maps), 0)
    turned = warp(many, maps.repeat(len(pictures), 1, 1))
    return standard(turned).reshape(len(pictures), len(maps), -1)


def standard(pictures: Tensor) -> Tensor:
    """(N, 1, S, S) to (N, S * S) of mean 0 and norm 1, or less where they are flat."""
    flat = pictures.flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    return flat / flat.norm(dim=1, keepdim=True).clamp_min(_FLAT * pictures.shape[-1])


def guess_whole(part: Tensor, whole: Tensor) -> Tensor:
    """The best maps (N, 3, 2, 3) onto all of the whole."""
    correlation = torch.einsum("nvp,np->nv", versions(whole), standard(part))
    best = correlation.topk(_WHOLE, dim=1)
    return whole_maps()[best.indices]


def guess_piece(part: Tensor, whole: Tensor, fit: Tensor) -> Tensor:
    """The best maps (N, 2, 2, 3) onto a piece of the whole.

    Args:
        part, whole: (N, 1, 32, 32).
        fit: (N, 2): width and height, of the whole's, of the largest piece of the part's
            proportions.
    """
    count, side = len(part), COARSE
    found_maps, found = [], []
    spectrum, square = torch.fft.rfft2(whole[:, 0]), torch.fft.rfft2(whole[:, 0].square())
    for size in _SIZES:
        extent = (size * fit * side).round().clamp(4, side)  # (N, 2) pixels
        reach = extent / side
        # The part, shrunk to the upper left corner of a square.
        zoom = torch.zeros(count, 2, 3)
        zoom[:, 0, 0], zoom[:, 1, 1] = 1 / reach[:, 0], 1 / reach[:, 1]
        zoom[:, :, 2] = 1 / reach - 1
        mask = inside(zoom, side).float()
        area = mask.sum((1, 2))
        window = torch.fft.rfft2(mask).conj()
        mean = torch.fft.irfft2(spectrum * window, s=(side, side)) / area[:, None, None]
        power = torch.fft.irfft2(square * window, s=(side, side)) / area[:, None, None]
        deviation = (power - mean.square()).clamp_min(_FLAT**2).sqrt()
        ticks = torch.arange(side)
        allowed = (ticks[None, None, :] <= side - extent[:, 0, None, None]) & (
            ticks[None, :, None] <= side - extent[:, 1, None, None]
        )
        for mirror in (1.0, -1.0):
            source = part if mirror > 0 else part.flip(3)
            template = _shrunk(source, zoom)[:, 0] * mask
            template = (template - (template.sum((1, 2)) / area)[:, None, None]) * mask
            own = (template.square().sum((1, 2)) / area).clamp_min(_FLAT**2).sqrt()
            product = torch.fft.irfft2(spectrum * torch.fft.rfft2(template).conj(), s=(side, side))
            correlation = product / (area * own)[:, None, None] / deviation
            correlation = correlation.masked_fill(~allowed, -1)
            best, place = correlation.flatten(1).max(1)
            corner = torch.stack([place % side, place // side], 1).float()
            maps = torch.zeros(count, 2, 3)
            maps[:, 0, 0], maps[:, 1, 1] = mirror * reach[:, 0], reach[:, 1]
            maps[:, :, 2] = (2 * corner + extent) / side - 1
            found_maps.append(maps)
            found.append(best)
    best = torch.stack(found, 1).topk(_PIECES, dim=1)
    maps = torch.stack(found_maps, 1)
    return maps.gather(1, best.indices[:, :, None, None].expand(-1, -1, 2, 3))


def _shrunk(pictures: Tensor, zoom: Tensor) -> Tensor:
    """Sampled twice as densely and averaged, so that little is lost between the samples."""
    side = pictures.shape[-1]
    grid = affine_grid(zoom, [len(zoom), 1, 2 * side, 2 * side], align_corners=False)
    fine = grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    return torch.nn.functional.avg_pool2d(fine, 2)


def refine(part: Tensor, whole: Tensor, maps: Tensor, steps: int) -> Tensor:
    """Better maps (N, 2, 3) for grey pictures (N, 1, S, S)."""
    side = part.shape[-1]
    ticks = (torch.arange(side) * 2 + 1) / side - 1
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    target = part[:, 0]
    for _ in range(steps):
        seen = warp(whole, maps)[:, 0]
        mask = inside(maps, side).float()
        gain, offset = _line(seen, target, mask)
        fitted = gain * seen + offset
        rest = (target - fitted) * mask
        weight = mask * _biweight(rest, mask)
        padded = pad(fitted[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
        across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) * (side / 4)
        down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) * (side / 4)
        columns = [across * x, across * y, across, down * x, down * y, down, seen, mask]
        jacobian = torch.stack(columns, 1).flatten(2)
        weighted = jacobian * weight.flatten(1)[:, None]
        normal = weighted @ jacobian.transpose(1, 2)
        right = weighted @ rest.flatten(1)[:, :, None]
        diagonal = normal.diagonal(dim1=1, dim2=2)
        normal = normal + torch.diag_embed(_SURPLUS * diagonal + 1e-6)
        change = torch.linalg.solve(normal, right)[:, :6, 0].reshape(-1, 2, 3)
        change = change.nan_to_num().clamp(-0.15, 0.15)
        linear = torch.eye(2) + change[:, :, :2]
        maps = torch.cat(
            [maps[:, :, :2] @ linear, maps[:, :, :2] @ change[:, :, 2:] + maps[:, :, 2:]], 2
        )
    return maps


def correlation(part: Tensor, whole: Tensor, maps: Tensor) -> Tensor:
    """Of grey pictures (N, 1, S, S), where they overlap; times the share of that, if below 0.6."""
    seen, mask = warp(whole, maps)[:, 0], inside(maps, part.shape[-1]).float()
    count = mask.sum((1, 2)).clamp_min(1)
    a = (part[:, 0] - (part[:, 0] * mask).sum((1, 2), keepdim=True) / count[:, None, None]) * mask
    b = (seen - (seen * mask).sum((1, 2), keepdim=True) / count[:, None, None]) * mask
    floor = count.sqrt() * _FLAT
    sizes = a.flatten(1).norm(dim=1).clamp_min(floor) * b.flatten(1).norm(dim=1).clamp_min(floor)
    found: Tensor = (a * b).sum((1, 2)) / sizes
    return found * (count / mask[0].numel() / 0.6).clamp_max(1)


def _line(seen: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and offset (N, 1, 1) from what is seen to the target."""
    count = mask.sum((1, 2), keepdim=True).clamp_min(1)
    mean = (seen * mask).sum((1, 2), keepdim=True) / count
    aim = (target * mask).sum((1, 2), keepdim=True) / count
    spread = ((seen - mean).square() * mask).sum((1, 2), keepdim=True)
    gain = ((seen - mean) * (target - aim) * mask).sum((1, 2), keepdim=True) / (spread + 1e-6)
    gain = gain.clamp(0.2, 5)
    return gain, aim - gain * mean


def _biweight(rest: Tensor, mask: Tensor) -> Tensor:
    """Weights 0 to 1; the scale is 3 times the mean size of what does not fit."""
    count = mask.sum((1, 2), keepdim=True).clamp_min(1)
    scale = 3 * rest.abs().sum((1, 2), keepdim=True) / count + 0.1
    return (1 - (rest / scale).square()).clamp_min(0).square()
