"""Find the quality that meets a rate, a distortion or a size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.codec.container import EXACT_TYPES, read_file
from aecodec.errors import TargetUnreachableError
from aecodec.images import Picture, to_8_bits
from aecodec.nn import ssimulacra2 as ssimulacra2_metric
from aecodec.nn.arrays import FloatArray

_BAND = 256  # rows
_PIECE = 2048  # pixels a side, of which SSIMULACRA 2 is taken at a time
_GRID = (1, *range(5, 101, 5))
_NEAR = 4


class _Trial(NamedTuple):
    """A file at one quality, and what counts of it: its bytes, or its PSNR or SSIMULACRA 2."""

    quality: int
    data: bytes
    value: float


def compress_to_target(
    codec: Codec,
    image: Image.Image,
    *,
    bpp: float | None = None,
    psnr: float | None = None,
    ssimulacra2: float | None = None,
    max_bytes: int | None = None,
    effort: str = "default",
    stored_hash: bytes | None = None,
) -> bytes:
    """Compress to the best quality within a rate or size, or to the fewest bytes that look so good.

    Neither bytes nor distortion need follow quality: what is kept exactly changes with it. So
    the qualities around the one that bisection ends at are tried too, and, of a picture with
    exact parts, those of a grid over all.

    Args:
        codec: the codec to use.
        image: as for `Codec.compress`.
        bpp: upper bound on bits per pixel of the whole file.
        psnr: lower bound on the PSNR of the pixels in dB (over all channels but alpha).
        ssimulacra2: lower bound on their SSIMULACRA 2: 90 is hardly told from the original, 70
            is high quality, 50 medium. Of sides over 2,048 pixels, the mean over pieces.
        max_bytes: upper bound on the size of the whole file.
        effort: as for `Codec.compress`; the search itself never uses "max".
        stored_hash: as for `Codec.compress`; it counts.

    Raises:
        ValueError: not exactly one target, one that is not positive, or a side of fewer than 8
            pixels for SSIMULACRA 2.
        TargetUnreachableError: no quality that was tried meets it; the best one is named.
    """
    targets = [t for t in (bpp, psnr, ssimulacra2, max_bytes) if t is not None]
    if len(targets) != 1 or not targets[0] > 0:
        raise ValueError("give exactly one positive target: bpp, psnr, ssimulacra2 or max_bytes")
    measure: Callable[[bytes], float]
    if psnr is not None:
        target, unit = psnr, "dB"
        measure = lambda data: _psnr(*_pixels(codec, image, data))  # noqa: E731
    elif ssimulacra2 is not None:
        target, unit = ssimulacra2, "SSIMULACRA 2"
        if min(image.size) < ssimulacra2_metric.MIN_SIDE:
            raise ValueError("SSIMULACRA 2 needs sides of at least 8 pixels")
        measure = lambda data: _ssimulacra2(*_pixels(codec, image, data))  # noqa: E731
    else:
        target = max_bytes if max_bytes is not None else (bpp or 0) * math.prod(image.size) / 8
        unit, measure = "bytes", lambda data: float(len(data))
    search = _Search(
        lambda quality, effort: codec.compress(
            image, quality, effort=effort, stored_hash=stored_hash
        ),
        measure,
        target,
        is_size=unit == "bytes",
    )
    found = search.run("default" if effort == "max" else effort)
    if found is None:
        raise TargetUnreachableError(_unreachable(search, unit))
    if effort == "max":  # it saves bits for a little distortion, so that it may fall short
        for quality in search.qualities_to_refine(found.quality):
            refined = search.trial(quality, effort)
            if search.meets(refined):
                return refined.data
    return found.data


class _Search:
    """For the quality whose file meets a target, and is best among those that do."""

    def __init__(
        self,
        compress: Callable[[int, str], bytes],
        measure: Callable[[bytes], float],
        target: float,
        *,
        is_size: bool,
    ) -> None:
        self.compress, self.measure = compress, measure
        self.target, self.is_size = target, is_size
        self.trials: dict[tuple[int, str], _Trial] = {}

    def trial(self, quality: int, effort: str) -> _Trial:
        key = quality, effort
        if key not in self.trials:
            data = self.compress(quality, effort)
            self.trials[key] = _Trial(quality, data, self.measure(data))
        return self.trials[key]

    def meets(self, trial: _Trial) -> bool:
        return trial.value <= self.target if self.is_size else trial.value >= self.target

    def run(self, effort: str) -> _Trial | None:
        """The best that meets the target, if any that was tried does."""
        low, high = 1, 100  # as if it was monotone
        while low < high:
            middle = (low + high + self.is_size) // 2
            if self.meets(self.trial(middle, effort)) == self.is_size:
                low = middle if self.is_size else middle + 1
            else:
                high = middle - 1 if self.is_size else middle
        self._look_around(low, effort, 1)
        if any(_has_exact_parts(trial.data) for trial in self.trials.values()):
            for quality in _GRID:
                self.trial(quality, effort)
            if (best := self._best()) is not None:
                self._look_around(best.quality, effort, _NEAR)
        return self._best()

    def qualities_to_refine(self, quality: int) -> Iterator[int]:
        """In which order more effort is tried at the qualities next to one."""
        step = -1 if self.is_size else 1
        return iter(range(quality, 0 if self.is_size else 101, step))

    def closest(self) -> _Trial:
        """Of all trials, the one that misses the target least."""
        return (min if self.is_size else max)(self.trials.values(), key=lambda trial: trial.value)

    def _look_around(self, quality: int, effort: str, reach: int) -> None:
        for near in range(max(1, quality - reach), min(100, quality + reach) + 1):
            self.trial(near, effort)

    def _best(self) -> _Trial | None:
        """Within a size, the highest quality; else the fewest bytes."""
        good = [trial for trial in self.trials.values() if self.meets(trial)]
        if self.is_size:
            return max(good, key=lambda trial: trial.quality, default=None)
        return min(good, key=lambda trial: (len(trial.data), -trial.quality), default=None)


def _has_exact_parts(data: bytes) -> bool:
    return any(chunk.type in EXACT_TYPES for chunk in read_file(data)[1])


def _unreachable(search: _Search, unit: str) -> str:
    best = search.closest()
    if search.is_size:
        return (
            f"no quality reaches {math.floor(search.target)} bytes; the smallest file,"
            f" of quality {best.quality}, takes {len(best.data)}"
        )
    return (
        f"no quality reaches {search.target:g} {unit}; the best, quality {best.quality},"
        f" has {best.value:.2f}; only lossless (--lossless) is better"
    )


def _pixels(codec: Codec, image: Image.Image, data: bytes) -> tuple[Image.Image, Image.Image]:
    """Those of the original and the decoded picture."""
    original = Picture.from_image(image, warn=False).pixels
    return original, Picture.from_image(codec.decompress(data), warn=False).pixels


def _psnr(original: Image.Image, decoded: Image.Image) -> float:
    peak = 65535 if original.mode == "I;16" else 255
    total, samples = 0.0, 0
    for top in range(0, original.height, _BAND):  # of a large image, never all as floats
        box = (0, top, original.width, min(top + _BAND, original.height))
        a, b = (np.asarray(part.crop(box), dtype=np.float32) for part in (original, decoded))
        total += float(np.square(a - b).sum(dtype=np.float64))
        samples += a.size
    mse = total / samples
    return math.inf if mse == 0 else 10 * math.log10(peak**2 / mse)


def _ssimulacra2(original: Image.Image, decoded: Image.Image) -> float:
    total, area = 0.0, 0
    for box in _pieces(*original.size):
        a, b = (_planes(part.crop(box)) for part in (original, decoded))
        size = (box[2] - box[0]) * (box[3] - box[1])
        total += size * float(ssimulacra2_metric.score(ssimulacra2_metric.weighted_sum(a, b))[0])
        area += size
    return total / area


def _planes(image: Image.Image) -> FloatArray:
    """(1, 3, H, W) in [0, 1]."""
    levels = np.asarray(to_8_bits(image).convert("RGB"))
    return np.ascontiguousarray(levels.transpose(2, 0, 1)[None], dtype=np.float32) / 255


def _pieces(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Boxes of about `_PIECE` pixels a side, none much smaller."""
    across, down = (-(-side // _PIECE) for side in (width, height))
    for row in range(down):
        for column in range(across):
            yield (
                width * column // across,
                height * row // down,
                width * (column + 1) // across,
                height * (row + 1) // down,
            )
