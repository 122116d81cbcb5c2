"""How well noise is removed."""

from aecodec.errors import require

require("bench", "bench", "torch", "scipy", "matplotlib", "pytorch_msssim")
