"""How well codes find what they should."""

from aecodec.errors import require

require("bench", "bench", "torch")
