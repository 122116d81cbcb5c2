"""What the README promises of the hashes that ship."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageOps

import aecodec
from aecodec.hashing.hasher import Hasher, hamming
from aecodec.hashing.index import ImageIndex
from tests.pictures import photograph, through_jpeg

ALTERATIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "jpeg": lambda i: through_jpeg(i, 10),
    "quarter of the size": lambda i: i.resize((i.width // 4, i.height // 4)),
    "contrast": lambda i: ImageEnhance.Contrast(i).enhance(1.5),
    "mirrored": ImageOps.mirror,
    "turned": lambda i: i.rotate(5, expand=True),
    "cropped": lambda i: ImageOps.crop(i, (i.width // 10, i.height // 10)),
    "with a border": lambda i: ImageOps.expand(i, i.width // 10, "white"),
}


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    """Five, and the quarters of three of them."""
    names = ("astronaut", "coffee", "cat", "rocket", "hubble_deep_field")
    whole = [photograph(name) for name in names]
    corners = ((0, 0), (0, 1), (1, 0), (1, 1))
    parts = [
        image.crop((x * w, y * h, x * w + w, y * h + h))
        for image in whole[:3]
        for w, h in [(image.width // 2, image.height // 2)]
        for x, y in corners
    ]
    return whole + parts


@pytest.mark.parametrize("bits", [64, 256])
@pytest.mark.parametrize("how", ALTERATIONS)
def test_an_altered_photo_is_nearest_to_its_original(
    photos: list[Image.Image], how: str, bits: int
) -> None:
    hashes = [aecodec.image_hash(photo, bits) for photo in photos]
    for number, photo in enumerate(photos[:5]):
        altered = aecodec.image_hash(ALTERATIONS[how](photo), bits)
        distances = [hamming(altered, one) for one in hashes]
        assert distances.index(min(distances)) == number


@pytest.mark.parametrize("bits", [64, 256])
def test_search_finds_what_a_piece_was_cut_from(
    photos: list[Image.Image], bits: int, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    for number, photo in enumerate(photos):
        photo.save(tmp_path / "photos" / f"{number:02}.png")
    with ImageIndex(tmp_path / "index.sqlite3", bits=bits) as index:
        index.add(tmp_path / "photos")
        for number, photo in enumerate(photos[:4]):
            piece = ImageOps.crop(photo, (photo.width // 5, photo.height // 5) * 2)
            assert Path(index.search(piece, k=1)[0].entry.path).stem == f"{number:02}"


def test_distances_mean_what_the_calibration_says(photos: list[Image.Image]) -> None:
    hasher = Hasher()
    assert hasher.calibration is not None
    threshold = hasher.calibration.threshold(256, 1e-4)
    hashes = [hasher.code(photo) for photo in photos[:5]]
    for number, photo in enumerate(photos[:5]):
        assert hamming(hasher.code(through_jpeg(photo, 10)), hashes[number]) <= threshold.distance
        for other in hashes[:number]:
            assert hamming(hashes[number], other) > threshold.distance


def test_the_model_for_cifar10_has_short_codes(photos: list[Image.Image]) -> None:
    hasher = Hasher("hash-cifar10")
    assert hasher.lengths == (16, 32, 64)
    small = [photo.resize((32, 32)) for photo in photos[:5]]
    for photo in small:
        distances = [hamming(hasher.code(photo), hasher.code(other)) for other in small]
        mirrored = hamming(hasher.code(photo), hasher.code(ImageOps.mirror(photo)))
        assert mirrored < sorted(distances)[1]
