"""What was measured of verdicts; a test holds it to the result of `verified_duplicates.py`."""

PAIRS = 0
"""Pairs of unlike pictures, of all classes together."""
CALLED_SAME = 0
"""Of these, how many were called the same."""
WORST = ""
"""The class with most of them; nothing if there were none."""


def words() -> str:
    """The same in words."""
    worst = f", {WORST} most often" if WORST else ""
    return f"of {PAIRS:,} pairs of unlike pictures {CALLED_SAME} were called the same{worst}"
