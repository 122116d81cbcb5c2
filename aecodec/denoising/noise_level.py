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
    patches = _patches(x, side).double()
    channels = patches.view(len(patches), x.shape[1], -1)
    sigma = _of_patches(channels, clipped=bool((x >= 0).all() and (x <= 1).all()))
    quiet = _quietest(channels[::_FEWER])
    return 255 * (quiet if quiet < _QUIET * sigma else sigma)


def _quietest(channels: Tensor) -> float:
    """Standard deviation where there is least of it: noise is everywhere, drawn lines are not.

    Patches that touch black or white count only if there are hardly any others.
    """
    deviation = channels.std(2)
    inside = ((channels > 0) & (channels < 1)).all(2)
    if inside.double().mean() >= 0.02:
        return float(deviation[inside].quantile(0.02))
    return 0.0 if _bilevel(channels) else float(deviation.flatten().quantile(0.01))


def _bilevel(channels: Tensor) -> bool:
    return bool(((channels <= 0) | (channels >= 1)).all())


def _of_patches(channels: Tensor, *, clipped: bool) -> float:
    """Standard deviation of the noise in patches (N, C, side**2)."""
    patches = channels.flatten(1)
    if not clipped:
        return _sigma(patches)
    distances = (channels.mean(2) - 0.5).abs()  # from middle grey
    sigma = 0.0
    for step in _rounds(len(patches)):
        some, away = patches[::step], distances[::step]
        sigma = sigma or _sigma(some)
        safe = away.amax(1) <= 0.5 - 2 * sigma
        if safe.double().mean() < _ENOUGH:
            # By itself, each channel has more patches that were hardly clipped.
            return min(_clipped_sigma(channel) for channel in channels.unbind(1))[1]
        sigma = _before_clipping(0.5 - float(away[safe].mean()), _sigma(some[safe]))
    return sigma


def _rounds(count: int) -> tuple[int, int, int]:
    """Steps between patches: to find at first which of many count, every third will do."""
    return (3, 1, 1) if count > _MANY else (1, 1, 1)


def _clipped_sigma(patches: Tensor) -> tuple[float, float]:
    """How far the patches used lie from middle grey, and the standard deviation that they show."""
    distance = (patches.mean(1) - 0.5).abs()
    sigma = 0.0
    for step in _rounds(len(patches)):
        some, away = patches[::step], distance[::step]
        sigma = sigma or _sigma(some)
        chosen = away <= max(0.5 - 2 * sigma, float(away.quantile(_ENOUGH)))
        mean = float(away[chosen].mean())
        sigma = _before_clipping(0.5 - mean, _sigma(some[chosen]))
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
    """Patches as rows (N, C * side**2), spread evenly over the images."""
    views = x.unfold(2, side, 1).unfold(3, side, 1).permute(0, 2, 3, 1, 4, 5)
    step = -(-_patch_count(x, side) // _MOST_PATCHES)
    index = torch.arange(0, _patch_count(x, side), step)
    _, rows, columns = views.shape[:3]
    place = index // (rows * columns), index // columns % rows, index % columns
    return views[place].flatten(1)


def _sigma(patches: Tensor) -> float:
    # In float32, which costs a clean photo's 0.3 a few per cent, and takes half the time.
    centred = (patches - patches.mean(0)).float()
    covariance = centred.T @ centred / len(patches)
    values = torch.linalg.eigvalsh(covariance.double()).clamp_min(0)
    for count in range(len(values), 0, -1):
        kept = values[:count]
        if kept.mean() <= kept.median():
            break
    return float(kept.mean().sqrt())
