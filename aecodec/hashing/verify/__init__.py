"""Whether one picture explains the other: looking at both, after their codes were alike."""

from aecodec.hashing.verify.decide import Verdict
from aecodec.hashing.verify.verdict import explain_pairs, explains, is_plain

__all__ = ["Verdict", "explain_pairs", "explains", "is_plain"]
