"""How long codecs take."""

from aecodec.errors import require

require("bench", "bench", "torch")
