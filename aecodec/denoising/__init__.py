"""Denoising: the network, the estimation of noise, impulses, noise processes."""

from aecodec.errors import require

require("denoising", "train", "torch")
