"""The denoiser that ships, and a photo."""

from __future__ import annotations

import pytest
from PIL import Image
from torch import Tensor

from aecodec.denoising.denoiser import Denoiser
from tests.pictures import to_tensor
from tests.threads import one_thread  # noqa: F401  (a fixture)


@pytest.fixture(scope="session")
def denoiser() -> Denoiser:
    return Denoiser("cpu")


@pytest.fixture(scope="session")
def floats(cat: Image.Image) -> Tensor:
    """The photo as (1, 3, 296, 448) in [0, 1]."""
    return to_tensor(cat)[..., :296, :448]
