"""Checks of parameters, with messages that say what would be right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from numbers import Integral
from typing import Any

import numpy as np


def check_choice(name: str, value: Any, allowed: Collection[Any]) -> None:
    """Raise ValueError unless the value is one of those allowed."""
    if value not in tuple(allowed):  # which compares, whereas a dict would want a hash
        raise ValueError(f"{name}={value!r} is not one of {', '.join(map(repr, allowed))}")


def check_number(name: str, value: Any, low: float, high: float = float("inf")) -> None:
    """Raise ValueError unless the value is a real number from `low` to `high`, both included."""
    real = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not real or not low <= value <= high:
        raise ValueError(f"{name}={value!r} is not a number from {low:g} to {high:g}")


def check_bool(name: str, value: Any) -> None:
    """Raise ValueError unless the value is True or False: the text "False" would be true."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name}={value!r} is neither True nor False")


def check_count(name: str, value: Any, low: int = 1) -> None:
    """Raise ValueError unless the value is an integer of at least `low`, and torch can hold it."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
        raise ValueError(f"{name}={value!r} is not an integer of at least {low}")
    if int(value) >= 2**31:
        raise ValueError(f"{name}={value!r} is too large")


def check_counts(name: str, value: Any) -> None:
    """Raise ValueError unless the value is a sequence of integers of at least 1."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"{name}={value!r} is not a sequence of integers, such as (64, 32)")
    for item in value:
        check_count(name, item)
