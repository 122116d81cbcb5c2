"""Whether one picture explains the other: looking at both, after their codes were alike."""

from aecodec.errors import require

require("comparing pictures", "train", "torch", "scipy")

from aecodec.hashing.verify.verdict import Verdict, explain_pairs, explains  # noqa: E402

__all__ = ["Verdict", "explain_pairs", "explains"]
