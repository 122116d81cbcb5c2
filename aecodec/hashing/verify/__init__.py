"""Whether one picture explains the other: looking at both, after their codes were alike."""

from aecodec.errors import require

require("comparing pictures", "train", "torch", "scipy")

from aecodec.hashing.verify.decide import Verdict  # noqa: E402
from aecodec.hashing.verify.verdict import explain_pairs, explains, is_plain  # noqa: E402

__all__ = ["Verdict", "explain_pairs", "explains", "is_plain"]
