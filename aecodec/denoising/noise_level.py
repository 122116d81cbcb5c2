"""How noisy a picture is, from the picture alone.

Chen, Zhu and Heng, "An efficient statistical method for image noise level estimation"
(2015): patches of a clean image lie close to a subspace, so the smallest eigenvalues of
their covariance are the noise's variance. Where they end and the image begins is found
by dropping the largest until mean and median agree.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

PATCH = 7  # pixels a side
_MOST_PATCHES = 20_000
_ENOUGH = 0.1  # of the patches
_QUIET = 0.25  # of the estimate: where clipped noise of 75 varies least, it varies half as much
_MANY = 10_000
_FEWER = 4  # every fourth patch tells well enough where it is quiet


def estimate_sigma(x: Tensor) -> float:
    """Standard deviation of white Gaussian noise.

    Unless there are values outside [0, 1], the noise is taken to be clipped, as it is in
    any file: then what counts is where that matters least.

    Args:
        x: noisy images (B, C, H, W), around [0, 1], taken together.

    Returns:
        On the scale of 0..255; 0 for images of a few pixels.
    """
    side = PATCH
    while side > 1 and _patch_count(x, side) < 10 * x.shape[1] * side**2:
        side -= 2
    if side < 3:
        return 0.0
    patches = _patches(x, side)
    sigma = _of_patches(patches, clipped=bool((x >= 0).all() and (x <= 1).all()))
    quiet = _quietest(patches[..., ::_FEWER].contiguous())
    return 255 * (quiet if quiet < _QUIET * sigma else sigma)


def _quietest(patches: Tensor) -> float:
    """Standard deviation where there is least of it: noise is everywhere, drawn lines are not.

    Patches that touch black or white count only if there are hardly any others.
    """
    deviation = patches.var(1).sqrt()
    inside = (patches.amin(1) > 0) & (patches.amax(1) < 1)
    if inside.float().mean() >= 0.02:
        return float(deviation[inside].quantile(0.02))
    return 0.0 if _bilevel(patches) else float(deviation.flatten().quantile(0.01))


def _bilevel(patches: Tensor) -> bool:
    return bool(((patches <= 0) | (patches >= 1)).all())


def _of_patches(patches: Tensor, *, clipped: bool) -> float:
    """Standard deviation of the noise in patches (C, side**2, N)."""
    if not clipped:
        return _sigma(patches)
    distances = (patches.mean(1) - 0.5).abs()  # from middle grey
    sigma = 0.0
    for step in _rounds(patches.shape[2]):
        some, away = patches[..., ::step], distances[:, ::step]
        sigma = sigma or _sigma(some)
        safe = away.amax(0) <= 0.5 - 2 * sigma
        if safe.float().mean() < _ENOUGH:
            # By itself, each channel has more patches that were hardly clipped.
            return min(_clipped_sigma(channel) for channel in patches.split(1))[1]
        sigma = _before_clipping(0.5 - float(away[:, safe].mean()), _sigma(some, safe))
    return sigma


def _rounds(count: int) -> tuple[int, int, int]:
    """Steps between patches: to find at first which of many count, every third will do."""
    return (3, 1, 1) if count > _MANY else (1, 1, 1)


def _clipped_sigma(patches: Tensor) -> tuple[float, float]:
    """How far the patches used lie from middle grey, and the standard deviation that they show."""
    distance = (patches.mean((0, 1)) - 0.5).abs()
    sigma = 0.0
    for step in _rounds(patches.shape[2]):
        some, away = patches[..., ::step], distance[::step]
        sigma = sigma or _sigma(some)
        chosen = away <= max(0.5 - 2 * sigma, float(away.quantile(_ENOUGH)))
        mean = float(away[chosen].mean())
        sigma = _before_clipping(0.5 - mean, _sigma(some, chosen))
    return mean, sigma


def _before_clipping(mean: float, deviation: float) -> float:
    """Standard deviation of the normal distribution that, clipped to [0, 1], has these moments."""
    centre, sigma = mean, deviation
    for _ in range(30):
        clipped_mean, clipped_deviation = _clipped_moments(centre, sigma)
        centre += mean - clipped_mean
        sigma *= deviation / max(clipped_deviation, 1e-9)
    return sigma


def _clipped_moments(centre: float, sigma: float) -> tuple[float, float]:
    """Mean and standard deviation of a normal variable clipped to [0, 1]."""
    if sigma < 1e-6:
        return centre, sigma
    low, high = -centre / sigma, (1 - centre) / sigma
    below, above = _normal_cdf(low), _normal_cdf(-high)
    inside = 1 - below - above
    density_low, density_high = _normal_density(low), _normal_density(high)
    mean = centre * inside + sigma * (density_low - density_high) + above
    second = (
        (centre**2 + sigma**2) * inside
        + sigma * (centre * density_low - (centre + 1) * density_high)
        + above
    )
    return mean, math.sqrt(max(second - mean**2, 0))


def _normal_cdf(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def _normal_density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _patch_count(x: Tensor, side: int) -> int:
    return len(x) * max(0, x.shape[2] - side + 1) * max(0, x.shape[3] - side + 1)


def _patches(x: Tensor, side: int) -> Tensor:
    """Patches (C, side**2, N), spread evenly over the images."""
    down, right = _steps(_patch_count(x, side) / _MOST_PATCHES)
    columns = F.unfold(x, side, stride=(down, right))  # (B, C * side**2, N / B)
    return columns.unflatten(1, (x.shape[1], -1)).movedim(0, 2).flatten(2)


def _steps(area: float) -> tuple[int, int]:
    """Rows and columns from one patch to the next, whose product is at least this.

    Odd, as blocks (8 pixels in a JPEG file) are even.
    """
    steps = ((down, 2 * math.ceil((area / down - 1) / 2) + 1) for down in range(1, 99, 2))
    return min((s for s in steps if s[0] <= s[1]), key=lambda s: (s[0] * s[1], s[1]))


def _sigma(patches: Tensor, chosen: Tensor | None = None) -> float:
    """Standard deviation of the noise in (some of) the patches (C, side**2, N)."""
    rows = patches.flatten(0, 1)
    # A product with zeros takes less time than a copy of those chosen.
    weight = rows.new_ones(rows.shape[1]) if chosen is None else chosen.float()
    count = weight.sum()
    # In float32, which costs a clean photo's 0.3 a few per cent and takes half the time.
    centred = (rows - (rows @ weight / count)[:, None]).mul_(weight)
    covariance = (centred @ centred.T).double() / count
    values = torch.linalg.eigvalsh(covariance).clamp_min(0)
    counts = torch.arange(1, len(values) + 1, device=values.device)
    means, medians = values.cumsum(0) / counts, values[(counts - 1) // 2]
    return float(means[means <= medians][-1].sqrt())
