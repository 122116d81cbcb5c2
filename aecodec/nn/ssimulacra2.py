"""SSIMULACRA 2, differentiable and in batches; of arrays and tensors alike.

Jon Sneyers, "SSIMULACRA 2" (Cloudinary, 2022, updated in April 2023), as libjxl's
tools/ssimulacra2.cc has it: in the XYB colour space, at up to six scales, three maps of
errors (an SSIM without its luminance denominator, edges that the original lacks, edges that
are lost), two norms of each, and a weighted sum of these with weights fitted to the
judgements of people.

Of 108 weights the 29 that are at least 0.01 are used. The others, at most 0.0021 each where
the largest is 225, change a score by less than 0.01; without them only luma is needed at
full size, which is what makes this fast enough to train with.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aecodec.nn.arrays import Array, FloatArray, namespace
from aecodec.nn.gaussian import moments

MIN_SIDE = 8

_SCALES = 6
_C2 = 0.0009
_ABSORBANCE = (
    (0.30, 0.622, 0.078),
    (0.23, 0.692, 0.078),
    (0.24342268924547819, 0.20476744424496821, 0.5518098665095536),
)
_BIAS = 0.0037930732552754493

# The impulse response of libjxl's recursive filter for sigma 1.5 (Charalampidis, "Recursive
# implementation of the Gaussian filter using truncated cosine functions", 2016). It is finite.
_HALF = (0.009414367809653733, 0.03601111465836439, 0.10933537277746035, 0.21292859201042227)
_TAPS = (*_HALF, 0.2646211054881986, *_HALF[::-1])

# By channel (X, Y, B), scale, norm (1, 4) and map (SSIM, artefacts, lost detail).
_WEIGHTS = (
    0, 0.0007376606707406586, 0, 0, 0.0007793481682867309, 0,
    0, 0.0004371155730107379, 0, 1.1041726426657346, 0.00066284834129271, 0.00015231632783718752,
    0, 0.0016406437456599754, 0, 1.8422455520539298, 11.441172603757666, 0,
    0.0007989109436015163, 0.000176816438078653, 0, 1.8787594979546387, 10.94906990605142, 0,
    0.0007289346991508072, 0.9677937080626833, 0,
    0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053,
    0.0004550992113792063, 0, 0, 0.0013648766163243398, 0, 0,
    0, 0, 0, 7.466890328078848, 0, 17.445833984131262,
    0.0006235601634041466, 0, 0, 6.683678146179332, 0.00037724407979611296, 1.027889937768264,
    225.20515300849274, 0, 0, 19.213238186143016, 0.0011401524586618361, 0.001237755635509985,
    176.39317598450694, 0, 0, 24.43300999870476, 0.28520802612117757, 0.0004485436923833408,
    0, 0, 0, 34.77906344483772, 44.835625328877896, 0,
    0, 0, 0, 0, 0, 0,
    0, 0.0008680556573291698, 0, 0, 0, 0,
    0, 0.0005313191874358747, 0, 0.00016533814161379112, 0, 0,
    0, 0, 0, 0.0004179171803251336, 0.0017290828234722833, 0,
    0.0020827005846636437, 0, 0, 8.826982764996862, 23.19243343998926, 0,
    95.1080498811086, 0.9863978034400682, 0.9834382792465353,
    0.0012286405048278493, 171.2667255897307, 0.9807858872435379,
    0, 0, 0, 0.0005130064588990679, 0, 0.00010854057858411537,
)  # fmt: skip
_NEGLIGIBLE = 0.01


def weighted_sum(original: Array, distorted: Array) -> Array:
    """The weighted sum of errors that a score is a function of: 0 when equal, then growing.

    It is what to minimise: the slope of the score has no bound where pictures are equal.
    Gradients are finite everywhere.

    Args:
        original, distorted: sRGB pictures (B, 3, H, W) in [0, 1], float32; not symmetric.

    Returns:
        (B,), about 1 where a difference can hardly be seen and 30 where it is very annoying.

    Raises:
        ValueError: a side is under 8 pixels.
    """
    if min(original.shape[2:]) < MIN_SIDE:
        raise ValueError(f"SSIMULACRA 2 needs sides of at least {MIN_SIDE} pixels")
    x, y = _linear(original), _linear(distorted)
    total: Any = 0
    weights = _weights(*x.shape[2:])
    for scale in range(weights.shape[1]):
        if scale:
            x, y = _half(x), _half(y)
        channels = [c for c in range(3) if weights[c, scale].any()]
        if channels:
            total = total + _errors(_xyb(x, channels), _xyb(y, channels), weights[channels, scale])
    found: Array = total
    return found


def score(total: Array) -> Array:
    """The score of a weighted sum (B,): 100 when equal, 90 hardly seen, 50 medium, below 0 bad."""
    total = 0.9562382616834844 * total
    total = (
        2.326765642916932 * total
        - 0.020884521182843837 * total**2
        + 6.248496625763138e-05 * total**3
    )
    found: Array = 100 - 10 * namespace(total).clip(total, 0, None) ** 0.6276336467831387
    return found


def _weights(height: int, width: int) -> FloatArray:
    """(3, scales, 2, 3) for pictures of a size, negligible ones as 0."""
    scales = 1
    # The reference looks at the size before it halves, and so may end with a side of 4 pixels.
    while scales < _SCALES and min(height, width) >= MIN_SIDE:
        height, width, scales = -(-height // 2), -(-width // 2), scales + 1
    # With fewer scales the reference still reads its weights in order, from the first.
    weights = np.array(_WEIGHTS[: 18 * scales], dtype=np.float32).reshape(3, scales, 2, 3)
    return np.where(weights < _NEGLIGIBLE, np.float32(0), weights)


def _errors(x: Any, y: Any, weights: FloatArray) -> Any:
    """The part (B,) of one scale, of its channels (B, C, H, W), with weights (C, 2, 3)."""
    mean_x, mean_y, squares, error = moments(x, y, _TAPS, padding=len(_TAPS) // 2)
    xp = namespace(x)
    shift = (mean_x - mean_y) ** 2
    # d = 1 - (1 - shift) (2 cov(x, y) + C2) / (var(x) + var(y) + C2), exactly 0 when equal
    spread = squares - mean_x**2 - mean_y**2 + _C2
    unlike = error - shift
    structure = (unlike + shift * (spread - unlike)) / spread
    edge = abs(x - mean_x)
    added = (abs(y - mean_y) - edge) / (1 + edge)
    total: Any = 0
    for index, errors in enumerate((structure, added, -added)):
        for norm, measure in enumerate((_mean, _fourth_norm)):
            if weights[:, norm, index].any():
                each = measure(xp.clip(errors, 0, None))  # (B, C)
                for channel, weight in enumerate(weights[:, norm, index].tolist()):
                    total = total + weight * each[:, channel]
    return total


def _mean(errors: Any) -> Any:
    return errors.mean((2, 3))


def _fourth_norm(errors: Any) -> Any:
    xp = namespace(errors)
    squares = errors * errors
    mean = (squares * squares).mean((2, 3))
    some = mean > 0  # the slope of the root is unbounded at 0
    one = xp.ones_like(mean)
    return xp.where(some, xp.where(some, mean, one) ** 0.25, 0 * one)


def _half(linear: Any) -> Any:
    """Means of 2x2 pixels, the last row or column of an odd number counted twice."""
    xp = namespace(linear)
    if linear.shape[2] % 2:
        linear = xp.concatenate([linear, linear[:, :, -1:]], 2)
    if linear.shape[3] % 2:
        linear = xp.concatenate([linear, linear[:, :, :, -1:]], 3)
    rows = linear[:, :, ::2] + linear[:, :, 1::2]
    return (rows[..., ::2] + rows[..., 1::2]) / 4


def _linear(srgb: Any) -> Any:
    """Linear light of sRGB."""
    # Twice as fast as a power, here and below.
    xp = namespace(srgb)
    high = xp.exp(2.4 * xp.log((xp.clip(srgb, 0.04, None) + 0.055) / 1.055))
    return xp.where(srgb <= 0.04045, srgb / 12.92, high)


def _xyb(linear: Any, channels: list[int]) -> Any:
    """Those of the channels X, Y and B - Y that are asked for, each in about [0, 1]."""
    long, medium = (_response(linear, row) for row in _ABSORBANCE[:2])
    luma = (long + medium) / 2
    planes = []
    for channel in channels:
        if channel == 0:
            planes.append(7 * (long - medium) + 0.42)
        elif channel == 1:
            planes.append(luma + 0.01)
        else:
            planes.append(_response(linear, _ABSORBANCE[2]) - luma + 0.55)
    return namespace(linear).concatenate(planes, 1)


def _response(linear: Any, absorbance: tuple[float, float, float]) -> Any:
    xp = namespace(linear)
    red, green, blue = (part * linear[:, k : k + 1] for k, part in enumerate(absorbance))
    return xp.exp(xp.log(red + green + blue + _BIAS) / 3) - _BIAS ** (1 / 3)
