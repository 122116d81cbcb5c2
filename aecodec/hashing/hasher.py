"""Pictures in, codes out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.errors import AecodecError
from aecodec.hashing import weights
from aecodec.hashing.picture import preview_of
from aecodec.nn.runtime import choose_runtime

Codes = npt.NDArray[np.uint8]
"""One code a row: uint8 (N, bits / 8), first bit highest."""


class Hasher:
    """A hash model with its weights loaded, for repeated use.

    Args:
        model: the name of weights that ship, "hash-photo" or "hash-cifar10", or a weight file.
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        runtime: "auto" (`aecodec.nn.runtime.choose_runtime`), "onnx" or "torch".

    Attributes:
        fingerprint: names the weights; codes of different ones cannot be compared.
        lengths: code lengths in bits; the longest code begins with the shorter ones.
        side: of the squares that `codes` takes.
        calibration: what distances mean, or None.

    Raises:
        AecodecError: no such device or runtime, not a weight file, or none ships with this build.
    """

    def __init__(
        self, model: str = weights.DEFAULT_MODEL, device: str = "auto", runtime: str = "auto"
    ) -> None:
        loaded = weights.load(weights.find(model).resolve(), choose_runtime(device, runtime))
        self.fingerprint, self.calibration = loaded.fingerprint, loaded.calibration
        self._networks = loaded.networks
        self.lengths, self.side = loaded.config.lengths, loaded.config.side

    def check_bits(self, bits: int | None) -> None:
        """Raise AecodecError unless there are codes of so many bits, or None is given."""
        if bits is not None and bits not in self.lengths:
            known = ", ".join(map(str, self.lengths))
            raise AecodecError(f"this model has codes of {known} bits, not {bits}")

    def logits(self, squares: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """What the bits of the longest codes are the signs of, for pictures uint8 (side, side, 3).

        Returns:
            float32 (N, bits), about 1 in size; a bit is set where the number is not negative.
        """
        return self._networks.logits(np.stack(squares))

    def codes(self, squares: Sequence[npt.NDArray[np.uint8]]) -> Codes:
        """The longest codes of pictures uint8 (side, side, 3), at least one."""
        return np.packbits(self.logits(squares) >= 0, axis=1)

    def code(self, image: Image.Image, bits: int | None = None) -> bytes:
        """The code of a Pillow image of any mode and size.

        Args:
            image: of any mode that `Picture.from_image` takes.
            bits: one of `lengths`; None: the longest.

        Raises:
            UnsupportedImageError: empty, too large, or an unusual mode.
            ValueError: bits is none of `lengths`.
        """
        if bits is not None and bits not in self.lengths:
            raise ValueError(f"bits must be one of {self.lengths}, not {bits}")
        code = self.codes([preview_of(image).to_square(self.side)]).tobytes()
        return code[: (bits or self.lengths[-1]) // 8]

    def reconstruct(self, codes: Codes) -> npt.NDArray[np.uint8]:
        """What the decoder makes of whole codes: uint8 (N, T, T, 3)."""
        thumbnails = self._networks.reconstruct(np.unpackbits(codes, axis=1).astype(np.bool_))
        return np.round(thumbnails.clip(0, 1) * 255).astype(np.uint8)


def hamming(a: bytes, b: bytes) -> int:
    """Bits in which two codes of equal length differ.

    Raises:
        ValueError: their lengths differ.
    """
    if len(a) != len(b):
        raise ValueError(f"codes of {8 * len(a)} and {8 * len(b)} bits cannot be compared")
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()
