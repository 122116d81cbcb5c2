"""The scales that symbols are coded with, and other numbers that the prior is made of."""

from __future__ import annotations

import math

HYPER_STRIDE = 4  # z against y
HYPER_MAX = 127  # |z| is clamped to it

SCALE_LEVELS = 64
SCALE_MIN, SCALE_MAX = 0.11, 128.0
LOG_SCALE_STEP = math.log(SCALE_MAX / SCALE_MIN) / (SCALE_LEVELS - 1)
