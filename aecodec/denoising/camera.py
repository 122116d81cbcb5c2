"""Noise as cameras make it: in the sensor, before all that turns its values into a picture.

A clean picture is taken back to linear values of a sensor (Brooks et al., "Unprocessing images
for learned raw denoising", 2019, arXiv:1811.11127), gets photon noise and read noise there (Foi
et al., "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data",
2008), behind a Bayer filter, and is processed again. What comes out has noise that depends on
brightness, is stronger in colours, and is spread over neighbours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from aecodec.denoising.bayer import Demosaicing, demosaic, mosaic_of
from aecodec.denoising.noise_reduction import Reduction, blur, reduced
from aecodec.nn import noise

LOWEST_ISO, HIGHEST_ISO = 100.0, 25600.0

# Of four cameras, from XYZ; and linear sRGB to XYZ (from the code of Brooks et al.).
_FROM_XYZ = (
    ((1.0234, -0.2969, -0.2266), (-0.5625, 1.6328, -0.0469), (-0.0703, 0.2188, 0.6406)),
    ((0.4913, -0.0541, -0.0202), (-0.613, 1.3513, 0.2906), (-0.1564, 0.2151, 0.7183)),
    ((0.838, -0.263, -0.0639), (-0.2887, 1.0725, 0.2496), (-0.0627, 0.1427, 0.5438)),
    ((0.6596, -0.2079, -0.0562), (-0.4782, 1.3016, 0.1933), (-0.097, 0.1581, 0.5181)),
)
_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_SHOT = 3e-7  # variance of photon noise at white, a unit of ISO, of a sensor of APS-C size
_MOST_SHOT = 0.02
_READ_SLOPE, _READ_OFFSET, _READ_SCATTER = 2.18, 1.2, 0.26  # of the logarithms (Brooks et al.)
_GAMMA = 2.2
_DEMOSAICINGS: tuple[Demosaicing, ...] = ("bilinear", "malvar", "directed", "directed")
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Camera:
    """A sensor at some ISO, and what makes a picture of its values.

    Attributes:
        shot: variance of the photon noise at white; at x it is `shot` times x. White is 1.
        read: variance of the read noise.
        gain, red, blue: white balance: what all, red and blue values are multiplied by.
        mix: weights of four cameras' colour matrices.
        tone: whether a tone curve raises contrast after gamma.
        brightening: exponent of a curve after that, 1: none. Below 1 it lifts shadows.
        saturation: factor on colours.
        demosaicing: how.
        lens: standard deviation in pixels of a Gaussian filter before the sensor; 0: none. A
            photo at the size of its sensor is less sharp than one made smaller.
        phase: how many rows and columns the Bayer pattern RGGB is shifted by.
        luma, colour: noise reduction in each; None: none.
        sharpening: amount of an unsharp mask; 0: none.
        radius: its standard deviation in pixels.
        scale: how many times smaller the picture becomes, at least 1.
        quality: of JPEG; None: not compressed.
        subsampled: JPEG's colours 4:2:0, otherwise 4:4:4.
    """

    shot: float
    read: float
    gain: float = 1.25
    red: float = 2.0
    blue: float = 1.7
    mix: tuple[float, float, float, float] = (0.25, 0.25, 0.25, 0.25)
    tone: bool = True
    brightening: float = 1.0
    saturation: float = 1.0
    demosaicing: Demosaicing = "malvar"
    lens: float = 0.5
    phase: tuple[int, int] = (0, 0)
    luma: Reduction | None = None
    colour: Reduction | None = None
    sharpening: float = 0.0
    radius: float = 1.0
    scale: float = 1.0
    quality: int | None = None
    subsampled: bool = False


def plain_camera(iso: float, quality: int | None = None) -> Camera:
    """An ordinary camera with a sensor of APS-C size, without noise reduction.

    Raises:
        ValueError: the ISO is not from 1 to 1e6.
    """
    if not 1 <= iso <= 1e6:  # refuses nan too
        raise ValueError(f"iso must be from 1 to 1e+06, not {iso:g}")
    shot = iso * _SHOT
    return Camera(shot, _read(shot), quality=quality)


def random_camera(choices: Random) -> Camera:
    """Any camera, from a telephone's to one of full frame, at an ISO of 100 to 25,600."""
    iso = LOWEST_ISO * (HIGHEST_ISO / LOWEST_ISO) ** choices.random()
    size = 4 ** choices.uniform(-1, 1)
    shot = min(iso * size * _SHOT, _MOST_SHOT)
    weights = [choices.random() ** 2 + 1e-3 for _ in _FROM_XYZ]
    mix = tuple(w / sum(weights) for w in weights)
    reduced = choices.random() < 0.85
    return Camera(
        shot,
        _read(shot) * math.exp(choices.gauss(0, _READ_SCATTER)),
        gain=1 / min(max(choices.gauss(0.8, 0.1), 0.5), 1.1),
        red=choices.uniform(1.3, 2.6),
        blue=choices.uniform(1.3, 2.4),
        mix=mix,  # type: ignore[arg-type]
        tone=choices.random() < 0.7,
        brightening=choices.uniform(0.7, 1.2) if choices.random() < 0.4 else 1.0,
        saturation=choices.uniform(0.8, 1.5) if choices.random() < 0.4 else 1.0,
        demosaicing=choices.choice(_DEMOSAICINGS),
        lens=choices.uniform(0.3, 1.4),
        phase=(choices.randrange(2), choices.randrange(2)),
        luma=_any_reduction(choices, colour=False) if reduced and choices.random() < 0.8 else None,
        colour=_any_reduction(choices, colour=True) if reduced else None,
        sharpening=choices.uniform(0.1, 1.0) if choices.random() < 0.5 else 0.0,
        radius=choices.uniform(0.6, 1.6),
        scale=choices.uniform(1, 2) if choices.random() < 0.25 else 1.0,
        quality=choices.randint(60, 98) if choices.random() < 0.85 else None,
        subsampled=choices.random() < 0.6,
    )


def _any_reduction(choices: Random, colour: bool) -> Reduction:
    """Cameras leave grain in luma, and of colours little but coarse blotches."""
    edges = choices.random() < (0.5 if colour else 0.7)
    return Reduction(
        fine=0.25 * choices.random() ** 2 if colour else 0.9 * choices.random(),
        coarser=choices.uniform(0.6 if colour else 0.1, 1.0),
        threshold=(1.5 if colour else 0.7) * 5 ** choices.random() if edges else 0.0,
        steepness=choices.uniform(1, 4),
        window=choices.choice((1, 3, 5, 7)),
    )


def photograph(
    clean: Tensor, camera: Camera, generator: Generator | None = None
) -> tuple[Tensor, Tensor]:
    """A picture as a camera would have taken it; and the same without noise or JPEG.

    The second is what to denoise the first to. It differs from the picture given by what
    demosaicing, sharpening and resizing do.

    Args:
        clean: sRGB (B, 3, H, W) in [0, 1], or grey (B, 1, H, W), which stays grey; H and W at
            least 4, and even.
        camera: what it is taken with.
        generator: source of randomness, on the picture's device.

    Returns:
        Two tensors of the shape of `clean`: in levels of 8 bits, and floats in [0, 1].
    """
    with torch.autocast(clean.device.type, enabled=False):  # colours need all their bits
        noisy, target = _pictures(clean, camera, generator)
    if camera.quality is None:
        return noise.to_8_bit(noisy), target
    return noise.jpeg(noisy, camera.quality, subsampled=camera.subsampled), target


def camera(x: Tensor, iso: float, quality: int = 95, generator: Generator | None = None) -> Tensor:
    """A picture with the noise of an ordinary camera on it, as a JPEG file (4:4:4).

    Unlike a photograph, it is as sharp as the picture was.

    Args:
        x: sRGB (B, 3, H, W) in [0, 1], or grey (B, 1, H, W); H and W at least 4, and even.
        iso: 1 to 1e6, of a sensor of APS-C size.
        quality: of JPEG, 1 to 100.
        generator: source of randomness, on the picture's device.

    Returns:
        The same shape, in levels of 8 bits.

    Raises:
        ValueError: ISO or quality is out of range.
    """
    noisy, target = _pictures(x, plain_camera(iso), generator)
    return noise.jpeg(x + noisy - target, quality, subsampled=False)


def _pictures(clean: Tensor, camera: Camera, generator: Generator | None) -> tuple[Tensor, Tensor]:
    """With noise and without, before either becomes a file."""
    channels, size = clean.shape[1], clean.shape[2:]
    x = clean.expand(-1, 3, -1, -1)
    if camera.scale > 1:
        larger = [2 * round(side * camera.scale / 2) for side in size]
        x = F.interpolate(x, larger, mode="bicubic", align_corners=False).clamp(0, 1)
    x = _to_sensor(x, camera)
    if camera.lens:
        x = blur(x, camera.lens)
    mosaic = mosaic_of(x, camera.phase)
    deviation = (camera.shot * mosaic.clamp_min(0) + camera.read).sqrt()
    draw = torch.randn(mosaic.shape, generator=generator, device=x.device, dtype=x.dtype)
    # Colours alike in strength, as demosaicing takes them to be.
    gains = mosaic_of(_gains(x, camera).expand(-1, -1, *x.shape[2:]), camera.phase)
    both = torch.cat([mosaic + deviation * draw, mosaic]).clamp_max(1) * gains
    both = _to_srgb(demosaic(both, camera.phase, camera.demosaicing), camera)
    if camera.luma or camera.colour:
        luma = luma_of(both)
        colour = both - luma
        if camera.luma:
            luma = reduced(luma, camera.luma)
        if camera.colour:
            colour = reduced(colour, camera.colour)
        both = luma + colour
    if camera.sharpening:
        both = both + camera.sharpening * (both - blur(both, camera.radius))
    if camera.scale > 1:
        both = F.interpolate(both, size, mode="bilinear", align_corners=False, antialias=True)
    if channels == 1:
        both = both.mean(1, keepdim=True)
    noisy, target = both.clamp(0, 1).chunk(2)
    return noisy, target


def _read(shot: float) -> float:
    return math.exp(_READ_SLOPE * math.log(shot) + _READ_OFFSET)


@lru_cache(maxsize=1)
def _matrices() -> Tensor:
    """From linear sRGB to each camera's colours, of the same white: float64 (4, 3, 3)."""
    matrices = torch.tensor(_FROM_XYZ, dtype=torch.float64) @ torch.tensor(
        _TO_XYZ, dtype=torch.float64
    )
    return matrices / matrices.sum(2, keepdim=True)


def _colours(x: Tensor, matrix: Tensor) -> Tensor:
    """(B, 3, H, W) to other colours."""
    return torch.einsum("ij,bjhw->bihw", matrix.to(x.device, x.dtype), x)


def _matrix(camera: Camera) -> Tensor:
    mixed = (torch.tensor(camera.mix, dtype=torch.float64)[:, None, None] * _matrices()).sum(0)
    return mixed / mixed.sum(1, keepdim=True)


def _gains(x: Tensor, camera: Camera) -> Tensor:
    gains = torch.tensor([camera.red, 1.0, camera.blue], device=x.device, dtype=x.dtype)
    return (camera.gain * gains).view(1, 3, 1, 1)


def _to_sensor(x: Tensor, camera: Camera) -> Tensor:
    """sRGB to what a sensor without noise reads: (B, 3, H, W)."""
    if camera.tone:
        x = 0.5 - torch.sin(torch.asin(1 - 2 * x) / 3)
    x = _colours(x.clamp_min(1e-8) ** _GAMMA, _matrix(camera)).clamp(0, 1)
    # Highlights stay as bright as they are: a sensor saturates in all colours.
    bright = ((x.mean(1, keepdim=True) - 0.9).clamp_min(0) / 0.1) ** 2
    factor = 1 / _gains(x, camera)
    return x * torch.maximum(bright + (1 - bright) * factor, factor)


def _to_srgb(x: Tensor, camera: Camera) -> Tensor:
    """The reverse of `_to_sensor`, of balanced values, but for highlights that are clipped."""
    x = _colours(x.clamp(0, 1), _matrix(camera).inverse()).clamp(1e-8, 1) ** (1 / _GAMMA)
    if camera.tone:
        x = (3 - 2 * x) * x * x
    if camera.brightening != 1:
        x = x**camera.brightening
    if camera.saturation != 1:
        luma = luma_of(x)
        x = (luma + camera.saturation * (x - luma)).clamp(0, 1)
    return x


def luma_of(x: Tensor) -> Tensor:
    """(B, 1, H, W) of (B, 3, H, W)."""
    return (x * x.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
