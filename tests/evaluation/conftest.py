import pytest
from PIL import Image
from skimage import data

from tests.threads import one_thread  # noqa: F401  (a fixture)


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """A real photo, 240x176: large enough for MS-SSIM."""
    return Image.fromarray(data.astronaut()).crop((130, 20, 370, 196))
