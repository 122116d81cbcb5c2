"""Code that is right for numpy arrays and torch tensors alike, without importing torch.

Training needs tensors, for their gradients; inference has arrays, so that it needs no torch.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

FloatArray = npt.NDArray[np.float32]
AnyArray = npt.NDArray[Any]
Array = TypeVar("Array", AnyArray, "Tensor")


def namespace(x: Any) -> Any:
    """The module with the functions for x, whose names numpy and torch share."""
    return np if isinstance(x, np.ndarray) else sys.modules["torch"]


def lookup(table: FloatArray, index: Any) -> Any:
    """What a table (n,) has at whole numbers of any shape and dtype, as the kind that they are."""
    if isinstance(index, np.ndarray):
        return table[index.astype(np.intp)]
    return sys.modules["torch"].from_numpy(table).to(index.device)[index.long()]


def pad(x: Array, width: int) -> Array:
    """Zeros of some width around maps (B, C, H, W)."""
    if isinstance(x, np.ndarray):
        return np.pad(x, [(0, 0), (0, 0), (width, width), (width, width)])
    padded: Array = sys.modules["torch"].nn.functional.pad(x, [width] * 4)
    return padded
