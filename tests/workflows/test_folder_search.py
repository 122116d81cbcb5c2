from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from aecodec.errors import AecodecError
from aecodec.workflows.folder_search import FolderSearch


@pytest.fixture
def folder(cat: Image.Image, small: Image.Image, tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    (place / "more").mkdir(parents=True)
    cat.save(place / "cat.png")
    cat.resize((225, 150)).save(place / "more" / "half.png")
    small.rotate(90, expand=True).save(place / "small.png")
    return place


def test_images_of_the_folder_are_found_and_shown(folder: Path, cat: Image.Image) -> None:
    search = FolderSearch(folder, folder.parent / "index", "cpu")
    with pytest.raises(AecodecError, match="photos is not indexed yet"):
        search.search(cat, 1)
    (folder / "broken.png").write_bytes(b"no image")
    count, report = search.add()
    assert (count, len(report.failed)) == (3, 1)
    best, second = search.search(cat, 2)
    assert (best.name, best.label) == ("cat.png", "0 bits")
    assert second.name == str(Path("more/half.png"))
    assert best.picture.size == (128, 85)
    shown, groups, extra = search.duplicates()
    assert (groups, extra) == (1, 1)
    assert [one.label == "keep" for one in shown] == [True, False]


def test_nothing_outside_of_the_folder_is_shown(folder: Path, cat: Image.Image) -> None:
    index = folder.parent / "index"
    FolderSearch(folder, index, "cpu").add()
    inner = FolderSearch(folder / "more", index, "cpu")
    assert [one.name for one in inner.search(cat, 9)] == ["half.png"]
    assert inner.duplicates()[1:] == (0, 0)
