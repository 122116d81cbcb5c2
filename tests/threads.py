"""How many threads networks run in; the fixture is for the conftest of tests with small ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from aecodec.nn.runtime import use_threads


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks as small as these are only slowed down by more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def one_and_two_threads() -> Iterator[int]:
    """How many are in use while a loop goes over this."""
    before = torch.get_num_threads()
    try:
        for count in (1, 2):
            use_threads(count)
            yield count
    finally:
        use_threads(before)
