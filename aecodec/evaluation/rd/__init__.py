"""Rate and distortion of codecs."""

from aecodec.evaluation.rd.measure import mean_curves, measure_one, run_rd

__all__ = ["mean_curves", "measure_one", "run_rd"]
