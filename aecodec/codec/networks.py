"""The codec's networks at a quality, as inference calls them: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from aecodec.codec.config import CodecConfig
from aecodec.codec.container import LATENT_STRIDE
from aecodec.codec.eight_bits.layers import EIGHT_BITS, has_synthesis
from aecodec.codec.graphs import codec_graph, networks_of
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.runtime import OnnxNetworks, at_quality

_OF_QUALITY = (".bias", ".multiplier", ".input")  # if they have a row for each


class Networks(Protocol):
    """What a runtime does. Maps are float32 (1, C, h, w), and fastest channels-last."""

    def analyse(self, x: FloatArray, quality: int, fast: bool = False) -> FloatArray:
        """Scaled latents of pixels (1, 3, H, W) in [-0.5, 0.5], H and W multiples of 16.

        `fast`: by the leaner analysis (`aecodec.codec.fast`), which must be there.
        """

    def hyper_analyse(self, y: FloatArray, quality: int) -> FloatArray:
        """Hyper-latents, not rounded, of scaled latents, h and w multiples of 4."""

    def hyper_predict(
        self, known: FloatArray, quality: int
    ) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        """Means, in quarters, and scale indices of hyper-latents, as
        `aecodec.codec.hyper_prior.Expect` has them.
        """

    def psi(self, z: FloatArray, quality: int) -> FloatArray:
        """What the steps know of the hyper-latents: (1, N, 4h, 4w), integers in [0, 255]."""

    def predict(
        self,
        step: int,
        psi: FloatArray,
        latents: FloatArray,
        magnitudes: FloatArray,
        quality: int,
    ) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        """Scaled means and scale indices, as `aecodec.codec.walk.Prior.predict`."""

    def synthesise(self, latents: FloatArray, quality: int, fast: bool = False) -> FloatArray:
        """Pixels (1, 3, H, W), about [-0.5, 0.5], of scaled latents.

        `fast`: by the leaner synthesis.
        """


class OnnxCodec:
    """`Networks` on ONNX Runtime.

    Raises:
        KeyError: a tensor is missing.
    """

    def __init__(self, config: CodecConfig, tensors: Mapping[str, AnyArray]) -> None:
        graphs = {name: codec_graph(name, config, tensors) for name in networks_of(tensors)}
        self._networks = OnnxNetworks(graphs, tensors)
        self._has_bytes = has_synthesis(tensors)
        self._tables = {
            name: tensor
            for name, tensor in tensors.items()
            if name.endswith((".values", *_OF_QUALITY)) and tensor.ndim == 2
        }

    def analyse(self, x: FloatArray, quality: int, fast: bool = False) -> FloatArray:
        pixels = _pixels(x)[0]
        views = {}
        for size in (8, LATENT_STRIDE):
            rows, columns = (side // size for side in pixels.shape[:2])
            views[f"x{size}"] = pixels.reshape(rows, size, columns, 3 * size)
        return _planes(self._run("fast_analysis" if fast else "analysis", quality, **views)[0])

    def hyper_analyse(self, y: FloatArray, quality: int) -> FloatArray:
        return _planes(self._run("hyper_analysis", quality, y=_pixels(y))[0])

    def hyper_predict(
        self, known: FloatArray, quality: int
    ) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        mean, index = self._run("hyper_prior", quality, known=_pixels(known))
        return _planes(mean), _planes(index)

    def psi(self, z: FloatArray, quality: int) -> FloatArray:
        return _planes(self._run("hyper_synthesis", quality, z=_pixels(z))[0])

    def predict(
        self,
        step: int,
        psi: FloatArray,
        latents: FloatArray,
        magnitudes: FloatArray,
        quality: int,
    ) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        maps = {"psi": psi, "latents": latents, "magnitudes": magnitudes}
        inputs = {name: _pixels(array) for name, array in maps.items()}
        mean, index = self._run(f"step{step}", quality, **inputs)
        return _planes(mean), _planes(index)

    def synthesise(self, latents: FloatArray, quality: int, fast: bool = False) -> FloatArray:
        name = "fast_synthesis" if fast else "synthesis"
        found: FloatArray = self._run(name, quality, latents=_pixels(latents))[0]
        return found

    def _run(self, name: str, quality: int, **maps: FloatArray) -> list[Any]:
        tables = {}
        for table in self._networks.inputs(name):
            if table.startswith(EIGHT_BITS):  # a row for each quality, in its own type
                tables[table] = self._tables[table][quality - 1]
            elif table not in maps:
                tables[table] = at_quality(self._tables[table], quality)
        if name == "fast_synthesis" or (name == "synthesis" and self._has_bytes):
            # ONNX Runtime convolves bytes in two thirds of the time if it knows all factors.
            return self._networks.run(name, maps, tables, quality)
        return self._networks.run(name, maps | tables)


def _pixels(x: FloatArray) -> FloatArray:
    """(1, C, h, w) -> (1, h, w, C), contiguous: a view of what is channels-last."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def _planes(x: Any) -> Any:
    """(1, h, w, C) -> (1, C, h, w), a view."""
    return x.transpose(0, 3, 1, 2)
