"""Equal pixels are called so, whatever the files and modes are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecodec.hashing.checking import pixel_digest
from aecodec.hashing.moving import linked_files
from aecodec.workflows.search import ImageIndex
from tests.pictures import photograph


def test_grey_pixels_are_the_same_in_rgb_and_others_are_not() -> None:
    grey = photograph("coffee").convert("L")
    assert pixel_digest(grey) == pixel_digest(grey.convert("RGB"))
    red, *others = grey.convert("RGB").split()
    for other in (
        Image.merge("RGB", [red.point(lambda x: x ^ 1), *others]),
        grey.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        Image.fromarray(np.asarray(grey).astype(np.uint16) * 257),
    ):
        assert pixel_digest(other) != pixel_digest(grey)


def test_equal_pixels_are_not_called_compressed_again(tmp_path: Path, weights: Path) -> None:
    photo = photograph("coffee")
    photo.save(tmp_path / "a.png")
    photo.save(tmp_path / "b.bmp")
    photo.save(tmp_path / "c.jpg", quality=80)
    with ImageIndex(tmp_path / "i", model=str(weights), device="cpu") as index:
        index.add(tmp_path)
        (found,) = index.duplicates(None).groups
    reasons = {Path(match.entry.path).name: match.reason for match in found.duplicates}
    all_three = {"a.png": "same pixels", "b.bmp": "same pixels", "c.jpg": "compressed again"}
    assert Path(found.keep.path).name in ("a.png", "b.bmp")
    assert reasons.items() <= all_three.items()
    assert len(reasons) == 2


def test_a_file_that_a_link_leads_to_is_known(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"")
    link = tmp_path / "link.jpg"
    try:
        link.symlink_to("a.jpg")
    except OSError:
        pytest.skip("no symbolic links here")
    paths = [str(tmp_path / name) for name in ("a.jpg", "b.jpg", "link.jpg")]
    assert linked_files(paths, [str(link)]) == {paths[0]: str(link)}
    assert linked_files(paths, []) == {}
