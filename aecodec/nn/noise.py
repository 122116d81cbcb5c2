"""Noise processes: how pictures, or any values in [0, 1], go bad.

Each takes a float tensor with values in [0, 1] and returns a new one of the same shape,
dtype and device. Random numbers come from the `torch.Generator` given, on the tensor's
device (the default one if None), so that a seed gives the same noise again on the same
kind of device. Nothing is clipped unless its description says so: the literature adds
noise to floats, files hold 8 bits; `to_8_bit` makes the one into the other.

Levels may be numbers, or tensors of x's dtype and device that broadcast against x:
(B, 1, 1, 1) gives each image of a batch (B, C, H, W) its own.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Generator, Tensor

Level = float | Tensor


def gaussian(x: Tensor, sigma: Level, generator: Generator | None = None) -> Tensor:
    """Additive white Gaussian noise.

    Args:
        x: (...) in [0, 1].
        sigma: standard deviation on the scale of 0..255, as the literature gives it.
        generator: source of randomness.

    Returns:
        Values that may leave [0, 1].

    Raises:
        ValueError: sigma is negative or over 1e9.
    """
    _require("sigma", sigma, 0.0)
    return x + _normal(x, generator) * (sigma / 255)


def poisson_gaussian(
    x: Tensor, photons: Level, read: Level, generator: Generator | None = None
) -> Tensor:
    """Shot noise and read noise, as of a camera's sensor.

    The model of Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting
    for single-image raw-data" (2008). The variance at x is x / photons + (read / 255)**2.

    Args:
        x: (...) in [0, 1]; what is below 0 counts as 0.
        photons: mean number of photons that the value 1 stands for, above 0.
        read: standard deviation of the Gaussian part on the scale of 0..255.
        generator: source of randomness.

    Returns:
        Values that may leave [0, 1].

    Raises:
        ValueError: photons is not positive, read is negative, or either is over 1e9.
    """
    _require("photons", photons, torch.finfo(torch.float32).tiny)
    _require("read", read, 0.0)
    shot = torch.poisson(x.clamp_min(0) * photons, generator=generator) / photons
    return gaussian(shot, read, generator)


def speckle(x: Tensor, deviation: Level, generator: Generator | None = None) -> Tensor:
    """Multiplicative noise: x * (1 + n), n normal with this standard deviation.

    Args:
        x: (...) in [0, 1].
        deviation: relative, so 0.1 is ten per cent.
        generator: source of randomness.

    Returns:
        Values that may leave [0, 1].

    Raises:
        ValueError: deviation is negative or over 1e9.
    """
    _require("deviation", deviation, 0.0)
    return x + x * _normal(x, generator) * deviation


def salt_and_pepper(
    x: Tensor, fraction: Level, generator: Generator | None = None, shared_dim: int | None = None
) -> Tensor:
    """Impulse noise: a fraction of the values becomes 0 or 1, as likely as not.

    Args:
        x: (...) in [0, 1].
        fraction: probability in [0, 1] of each value to be replaced.
        generator: source of randomness.
        shared_dim: dimension whose entries share their fate, such as -3 for the
            channels of (..., C, H, W). By default each value is drawn on its own,
            as scikit-image does.

    Raises:
        ValueError: fraction is outside [0, 1].
    """
    _require("fraction", fraction, 0.0, 1.0)
    draw = _uniform(x, generator, shared_dim)
    hit = draw < fraction
    # Of those hit, the lower half turns dark.
    return torch.where(hit, (draw >= fraction / 2).to(x.dtype), x)


def masking(
    x: Tensor, fraction: Level, generator: Generator | None = None, shared_dim: int | None = None
) -> Tensor:
    """A fraction of the values is set to 0.

    The corruption of Vincent et al., "Extracting and composing robust features with
    denoising autoencoders" (2008).

    Args:
        x: (...) in [0, 1].
        fraction: probability in [0, 1] of each value to be lost.
        generator: source of randomness.
        shared_dim: dimension whose entries are lost together, such as -3 for whole
            pixels of (..., C, H, W); by default each value is drawn on its own.

    Raises:
        ValueError: fraction is outside [0, 1].
    """
    _require("fraction", fraction, 0.0, 1.0)
    return x.masked_fill(_uniform(x, generator, shared_dim) < fraction, 0)


def jpeg(x: Tensor, quality: int, *, subsampled: bool = True) -> Tensor:
    """JPEG artefacts, by way of 8 bits; nothing is random.

    Args:
        x: images (..., C, H, W) in [0, 1], C of 1 or 3; values outside are clipped.
        quality: 1 (worst) to 100, libjpeg's scale.
        subsampled: colours 4:2:0, otherwise 4:4:4.

    Raises:
        ValueError: quality is out of range, or x is no such image.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must be from 1 to 100, not {quality}")
    if x.ndim < 3 or x.shape[-3] not in (1, 3):
        raise ValueError(f"need images (..., 1 or 3, H, W), not {tuple(x.shape)}")
    levels = (x.detach().clamp(0, 1) * 255).round().to("cpu", torch.uint8)
    images = levels.reshape(-1, *x.shape[-3:]).permute(0, 2, 3, 1).numpy()
    if not len(images):
        return x.detach().clone()
    coded = torch.stack([_through_jpeg(image, quality, subsampled) for image in images])
    return (coded.to(x.device, x.dtype) / 255).reshape(x.shape)


def to_8_bit(x: Tensor) -> Tensor:
    """Clip to [0, 1] and round to the 256 levels of a file."""
    return (x.clamp(0, 1) * 255).round() / 255


def _through_jpeg(image: npt.NDArray[np.uint8], quality: int, subsampled: bool) -> Tensor:
    """uint8 (H, W, C) to uint8 (C, H, W)."""
    grey = image.shape[2] == 1
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if grey else np.ascontiguousarray(image)).save(
        buffer, format="JPEG", quality=quality, subsampling=2 if subsampled and not grey else 0
    )
    pixels = torch.from_numpy(np.array(Image.open(buffer)))
    return pixels[None] if grey else pixels.permute(2, 0, 1)


def _normal(x: Tensor, generator: Generator | None) -> Tensor:
    return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)


def _uniform(x: Tensor, generator: Generator | None, shared_dim: int | None) -> Tensor:
    """In [0, 1), of the shape of x, or of length 1 along the shared dimension."""
    shape = list(x.shape)
    if shared_dim is not None:
        shape[shared_dim] = 1
    # Halves are too coarse for small probabilities.
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    return torch.rand(shape, generator=generator, device=x.device, dtype=dtype)


def _require(name: str, level: Level, low: float, high: float = 1e9) -> None:
    """Raise ValueError; the default bound is beyond any use, and before numbers overflow."""
    value = torch.as_tensor(level)
    if not bool(((value >= low) & (value <= high)).all()):  # refuses nan too
        raise ValueError(f"{name} must be from {low:g} to {high:g}, not {level}")
