"""The denoiser's networks, as inference calls them: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from aecodec.denoising.config import STRIDE, DenoiserConfig
from aecodec.denoising.graphs import NETWORKS, denoiser_graph
from aecodec.denoising.impulses import fill
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.runtime import OnnxNetworks

Missing = npt.NDArray[np.bool_]


class Networks(Protocol):
    """What a runtime does."""

    def estimate(self, x: FloatArray, missing: Missing | None) -> FloatArray:
        """Levels of noise (1, 1, H/8, W/8) as of `DenoiserModel.estimate`; arguments as below."""

    def whiteness_logit(self, x: FloatArray) -> float:
        """As of `DenoiserModel.whiteness_logit`, of an image in which nothing is missing."""

    def denoise(
        self, x: FloatArray, level: FloatArray, missing: Missing | None, white: bool
    ) -> FloatArray:
        """A cleaner image (1, 3, H, W), not clipped, as of `DenoisingNetwork.forward`.

        Args:
            x: (1, 3, H, W), around [0, 1]; H and W multiples of 8.
            level: (1, 1, 1, 1), or a map (1, 1, H/8, W/8).
            missing: which values of x tell nothing, as x; or None, as always if not white.
            white: which network.
        """


class OnnxDenoiser:
    """`Networks` on ONNX Runtime."""

    def __init__(self, config: DenoiserConfig, tensors: Mapping[str, AnyArray]) -> None:
        graphs = {name: denoiser_graph(name, config, tensors) for name in NETWORKS}
        self._networks = OnnxNetworks(graphs, tensors)

    def estimate(self, x: FloatArray, missing: Missing | None) -> FloatArray:
        return self._run("estimate", x=x if missing is None else fill(x, missing))

    def whiteness_logit(self, x: FloatArray) -> float:
        return float(self._run("whiteness", x=x).item())

    def denoise(
        self, x: FloatArray, level: FloatArray, missing: Missing | None, white: bool
    ) -> FloatArray:
        sides = tuple(side // STRIDE for side in x.shape[2:])
        level = np.broadcast_to(level, (1, 1, *sides))
        if missing is None:
            return self._run("white" if white else "camera", x=x, level=level)
        signs = np.where(missing, np.sign(2 * x - 1), 0).astype(np.float32)
        return self._run("white_missing", x=fill(x, missing), level=level, signs=signs)

    def _run(self, name: str, **inputs: FloatArray) -> Any:
        arrays = {name: np.ascontiguousarray(array) for name, array in inputs.items()}
        return self._networks.run(name, arrays)[0]
