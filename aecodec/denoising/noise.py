"""Noise processes: seedable transforms of float images in [0, 1].

They live in `aecodec.nn.noise`, where the autoencoders reach them too.
"""

from aecodec.nn.noise import (
    gaussian,
    jpeg,
    masking,
    poisson_gaussian,
    salt_and_pepper,
    speckle,
    to_8_bit,
)

__all__ = [
    "gaussian",
    "jpeg",
    "masking",
    "poisson_gaussian",
    "salt_and_pepper",
    "speckle",
    "to_8_bit",
]
