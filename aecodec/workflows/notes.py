"""Warnings that are meant for the user, collected as notes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def collect_notes() -> Iterator[list[str]]:
    """A list that has, once the block has ended, the user's warnings of it, each but once.

    Only UserWarnings are such, and torch's are about its own inside.
    """
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield notes
        finally:
            ours = [
                str(warning.message)
                for warning in caught
                if issubclass(warning.category, UserWarning)
                and "torch" not in Path(warning.filename).parts
            ]
            notes[:] = dict.fromkeys(ours)
