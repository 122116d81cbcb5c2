"""Small copies are kept in the index; one without them works as it did."""

from __future__ import annotations

import io
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecodec.hashing import database
from aecodec.hashing.adding import Report, prepare, record
from aecodec.hashing.copies import SIDE, made_of, stacked
from aecodec.hashing.hasher import Hasher
from aecodec.hashing.index import ImageIndex
from aecodec.hashing.picture import preview_of, read_preview
from tests.pictures import photograph


def kept(path: Path) -> dict[str, bytes]:
    """The copies that lie in an index, by the names of their files."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT path, grey FROM images JOIN copies USING (id)").fetchall()
        assert db.execute("SELECT count(*) FROM copies").fetchone() == (len(rows),)
    return {Path(bytes(name).decode()).name: grey for name, grey in rows}


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        return {name for (name,) in db.execute("SELECT name FROM sqlite_master")}


def copy_of_file(path: Path) -> bytes:
    """What its thumbnail gives."""
    return made_of([read_preview(path).thumbnail()])[0]


def found(index: ImageIndex, photos: Path) -> list[list[str]]:
    """What searches for all photos and pieces of them find, in order; and the duplicates."""
    answers = []
    for photo in sorted(photos.iterdir()):
        with Image.open(photo) as image:
            for query in (image, image.crop((20, 0, 90, 90))):
                answers.append([match.entry.path for match in index.search(query, k=2)])
    groups = index.duplicates(None).groups
    return answers + [sorted(one.entry.path for one in group.members) for group in groups]


def test_a_copy_is_the_thumbnail_squashed_and_grey() -> None:
    image = photograph("coffee")
    thumbnails = [preview_of(part).thumbnail() for part in (image, image.crop((30, 20, 80, 200)))]
    for webp, copy in zip(thumbnails, stacked(made_of(thumbnails)), strict=True):
        with Image.open(io.BytesIO(webp)) as small:
            expected = small.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        assert np.array_equal(copy, np.asarray(expected))


def test_an_index_keeps_the_copy_of_each_picture(
    index: ImageIndex, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(photos / "0.png", photos / "twin.png")
    index.add(photos / "0.png")
    index.add(photos)
    copies = kept(index.path)
    assert sorted(copies) == sorted(photo.name for photo in photos.iterdir())
    for name, copy in copies.items():
        assert copy == copy_of_file(photos / name)

    def none_missing(thumbnails: Sequence[bytes]) -> list[bytes]:
        raise AssertionError("a thumbnail was decoded")

    monkeypatch.setattr(database, "made_of", none_missing)
    assert index.search(photos / "3.png", k=1)[0].entry.path == str(photos / "3.png")
    assert len(index.duplicates(None).groups) == 1


def test_what_was_prepared_elsewhere_brings_its_copy(
    index: ImageIndex, photos: Path, hasher: Hasher
) -> None:
    index.add(photos / "0.png")
    files = list(prepare([str(photos / "1.png")], hasher, {}))
    record(files, index._database(), hasher.fingerprint, Report())
    assert kept(index.path)["1.png"] == copy_of_file(photos / "1.png")


def test_a_copy_goes_with_its_picture(index: ImageIndex, photos: Path, cat: Image.Image) -> None:
    index.add(photos)
    (photos / "0.png").unlink()
    cat.save(photos / "1.png")
    index.add(photos, prune=True)
    copies = kept(index.path)
    assert sorted(copies) == [f"{n}.png" for n in range(1, 8)]
    assert copies["1.png"] == copy_of_file(photos / "1.png")


def test_an_index_without_copies_finds_the_same_and_stays_as_it_is(
    index: ImageIndex, photos: Path, tmp_path: Path
) -> None:
    with Image.open(photos / "0.png") as image:
        image.save(photos / "0.jpg", quality=80)
    index.add(photos)
    expected = found(index, photos)
    assert expected[-1] == [str(photos / "0.jpg"), str(photos / "0.png")]
    index.close()
    execute(index.path, "DROP TABLE copies")
    with ImageIndex(index.path, device="cpu") as old:
        old._database()._db.execute("PRAGMA query_only = ON")  # as where nothing may be written
        assert found(old, photos) == expected
    assert "copies" not in tables(index.path)


def test_an_index_without_copies_gets_those_of_what_is_added(
    index: ImageIndex, photos: Path, cat: Image.Image
) -> None:
    index.add(photos)
    index.close()
    execute(index.path, "DROP TABLE copies")
    cat.save(photos / "cat.png")
    shutil.copy(photos / "0.png", photos / "twin.png")
    with ImageIndex(index.path, device="cpu") as old:
        old.add(photos)
        assert old.search(cat, k=1)[0].entry.path == str(photos / "cat.png")
        added = {name: copy_of_file(photos / name) for name in ("cat.png", "twin.png")}
        assert kept(index.path) == added


def test_pictures_that_an_older_aecodec_added_are_found(index: ImageIndex, photos: Path) -> None:
    index.add(photos)
    expected = found(index, photos)
    execute(index.path, "DELETE FROM copies WHERE id % 2")  # which it would not have written
    assert len(kept(index.path)) == 4
    assert found(index, photos) == expected
