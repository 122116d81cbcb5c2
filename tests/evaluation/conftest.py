from collections.abc import Iterator

import pytest
import torch
from PIL import Image
from skimage import data


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """A real photo, 240x176: large enough for MS-SSIM."""
    return Image.fromarray(data.astronaut()).crop((130, 20, 370, 196))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
