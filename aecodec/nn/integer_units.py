"""What the integers of `aecodec.nn.integer` stand for."""

ACTIVATION_STEP = 1 / 32
ACTIVATION_MAX = 255
WEIGHT_MAX = 127
