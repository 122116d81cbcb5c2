"""Where texture hides errors: there, more is rounded away.

As adaptive quantisation does in video encoders, by the logarithm of the variance (x264's
`aq-mode`). The decoder knows nothing of it.
"""

from __future__ import annotations

import numpy as np

from aecodec.codec.container import LATENT_STRIDE
from aecodec.nn.arrays import FloatArray

# Chosen on held-out photos (docs/lab/codec.md): powers of the deviation, for weights that know
# nothing but squared error, and for others, which learned some of it.
_STRENGTH, _LEARNED = 0.4, 0.2
# In levels of 255: the deviation where it is as ever, and the most that counts, as what has more
# are edges and text; and what even a smooth place counts as having.
_TYPICAL, _MOST, _LEAST = 16.0, 24.0, 5.5
_BLOCK = 8  # pixels a side


def masking(pixels: FloatArray, distortion: str) -> FloatArray:
    """Of each latent, how many times as much as usual it may shrink to be rounded: (h, w).

    Args:
        pixels: (1, 3, 16h, 16w), about [-0.5, 0.5].
        distortion: what the weights were trained for, as in `CodecConfig`.
    """
    # Products, since numpy's means over few neighbours take ten times as long.
    grey = pixels[0].transpose(1, 2, 0).reshape(-1, 3) @ np.full(3, 255 / 3, np.float32)
    height, width = (side // _BLOCK for side in pixels.shape[2:])
    rows, ones = grey.reshape(height, _BLOCK, -1), np.full(_BLOCK, _BLOCK**-2, np.float32)
    mean, square = (x.sum(1).reshape(height, width, _BLOCK) @ ones for x in (rows, rows * rows))
    deviation = 0.5 * np.log((square - mean * mean).clip(0) + _LEAST**2)
    times = LATENT_STRIDE // _BLOCK
    around = deviation.reshape(height // times, times, width // times, times).mean((1, 3))
    over = np.minimum(around, np.log(_MOST)) - np.log(_TYPICAL)
    found: FloatArray = np.exp((_STRENGTH if distortion == "mse" else _LEARNED) * over)
    return found.astype(np.float32)
