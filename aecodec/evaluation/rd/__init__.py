"""Rate and distortion of codecs."""

from aecodec.errors import require

require("bench", "bench", "torch", "scipy", "matplotlib", "pytorch_msssim")

from aecodec.evaluation.rd.measure import mean_curves, measure_one, run_rd  # noqa: E402

__all__ = ["mean_curves", "measure_one", "run_rd"]
