"""The denoisers of a comparison: ours, and what else there is to use on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aecodec.denoising.config import STRIDE
from aecodec.denoising.denoiser import Denoiser, Diagnosis, diagnose
from aecodec.denoising.impulses import Kind

Floats: TypeAlias = NDArray[np.float32]

NAME, BLIND = "aecodec", "aecodec (blind)"

# Factors on sigma, of mean PSNR best at 15, 25 and 50 on crops of six held-out training photos.
OPENCV_STRENGTH = 0.6
NLM_STRENGTH = 0.6
TV_WEIGHT = 0.9


@dataclass(frozen=True)
class Method:
    """A denoiser.

    Attributes:
        name: for tables.
        denoise: from a noisy picture (H, W, 3) around [0, 1] and the true sigma on the
            scale of 0..255 to the denoised one; blind methods ignore sigma.
    """

    name: str
    denoise: Callable[[Floats, float], Floats]


def to_levels(x: Floats) -> NDArray[np.uint8]:
    """Floats around [0, 1] as the levels of a file."""
    return np.asarray(np.round(x.clip(0, 1) * 255), np.uint8)


def ours(denoiser: Denoiser, kind: Kind) -> list[Method]:
    """aecodec told what the noise is, and aecodec left to find out."""

    def told(noisy: Floats, sigma: float) -> Floats:
        return restore(denoiser, noisy, lambda x: Diagnosis(kind, sigma))

    def blind(noisy: Floats, _: float) -> Floats:
        return restore(denoiser, noisy, lambda x: diagnose(x, None, "auto"))

    return [Method(NAME, told), Method(BLIND, blind)]


def restore(denoiser: Denoiser, noisy: Floats, find: Callable[[Floats], Diagnosis]) -> Floats:
    """Floats through the denoiser, reflected to a size that it takes."""
    x = noisy.transpose(2, 0, 1)[None]
    height, width = x.shape[2:]
    beyond = [(0, 0), (0, 0), (0, -height % STRIDE), (0, -width % STRIDE)]
    restored = denoiser.restore(np.pad(x, beyond, mode="reflect"), find(x))
    return restored[0, :, :height, :width].transpose(1, 2, 0)


@contextmanager
def opencv_threads(count: int) -> Iterator[None]:
    """Let OpenCV, if it is installed, use `count` threads."""
    if not find_spec("cv2"):
        yield
        return
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def for_gaussian_noise() -> list[Method]:
    """The others that are installed, for Gaussian noise of known sigma."""
    methods = []
    if find_spec("bm3d"):
        methods.append(Method("BM3D", _bm3d))
    if find_spec("cv2"):
        methods.append(Method("OpenCV NLM", _opencv_nlm))
    if find_spec("skimage"):
        methods.append(Method("scikit-image NLM", _nlm))
        if find_spec("pywt"):
            methods.append(Method("scikit-image wavelet", _wavelet))
        methods.append(Method("scikit-image TV", _tv))
    return methods


def for_impulses() -> list[Method]:
    """The others, for impulse noise."""
    return [
        Method("median 3x3", lambda noisy, _: _median(noisy, 3)),
        Method("median 5x5", lambda noisy, _: _median(noisy, 5)),
    ]


def _bm3d(noisy: Floats, sigma: float) -> Floats:
    from bm3d import bm3d_rgb

    return np.asarray(bm3d_rgb(noisy.astype(np.float64), sigma / 255), np.float32)


def _opencv_nlm(noisy: Floats, sigma: float) -> Floats:
    """It takes 8 bits only: floats are clipped and rounded first."""
    import cv2

    strength = OPENCV_STRENGTH * sigma
    bgr = np.ascontiguousarray(to_levels(noisy)[..., ::-1])
    clean = cv2.fastNlMeansDenoisingColored(bgr, None, strength, strength)
    return clean[..., ::-1].astype(np.float32) / 255


def _nlm(noisy: Floats, sigma: float) -> Floats:
    from skimage.restoration import denoise_nl_means

    s = sigma / 255
    return np.asarray(
        denoise_nl_means(
            noisy, patch_size=5, patch_distance=6, h=NLM_STRENGTH * s, sigma=s, channel_axis=2
        ),
        np.float32,
    )


def _wavelet(noisy: Floats, sigma: float) -> Floats:
    from skimage.restoration import denoise_wavelet

    clean = denoise_wavelet(noisy, sigma=sigma / 255, convert2ycbcr=True, channel_axis=2)
    return np.asarray(clean, np.float32)


def _tv(noisy: Floats, sigma: float) -> Floats:
    from skimage.restoration import denoise_tv_chambolle

    clean = denoise_tv_chambolle(noisy, weight=TV_WEIGHT * sigma / 255, channel_axis=2)
    return np.asarray(clean, np.float32)


def _median(noisy: Floats, size: int) -> Floats:
    from scipy.ndimage import median_filter

    return np.asarray(median_filter(noisy, (size, size, 1), mode="mirror"), np.float32)
