from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecodec.errors import AecodecError, CorruptFileError, WeightsMismatchError
from aecodec.hashing.duplicates import Match
from aecodec.hashing.hasher import Hasher, hamming
from aecodec.hashing.index import ImageIndex
from aecodec.hashing.picture import preview_of
from aecodec.hashing.query import distances, query_views, rerank
from tests.processes import run_python

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def names(index: ImageIndex) -> list[str]:
    return sorted(Path(path).name for _, path in index._database().paths())


def test_an_indexed_image_finds_itself_first(index: ImageIndex, photos: Path) -> None:
    report = index.add(photos)
    assert (report.hashed, report.failed, len(index)) == (8, [], 8)
    for photo in sorted(photos.iterdir()):
        best = index.search(photo, k=3)
        assert (best[0].entry.path, best[0].distance) == (str(photo), 0)
        assert (best[0].entry.width, best[0].entry.height) == (110, 140)
    assert index.search(Image.open(photos / "3.png"), k=1)[0].entry.path == str(photos / "3.png")


def test_distances_are_hamming_distances_of_the_code_length_in_use(
    photos: Path, tmp_path: Path, weights: Path, hasher: Hasher
) -> None:
    query = Image.open(photos / "0.png")
    for bits in (64, 128):
        with ImageIndex(tmp_path / "i", model=str(weights), bits=bits) as index:
            index.add(photos)  # hashed the first time only
            for match in index.search(query, k=8):
                other = hasher.code(Image.open(match.entry.path), bits)
                views = query_views(preview_of(query), hasher.side)
                codes = [code.tobytes()[: bits // 8] for code in hasher.codes(views)]
                assert match.distance == min(hamming(code, other) for code in codes)
            assert index.bits == bits


def test_the_order_is_by_how_sure_the_bits_are_and_how_well_the_query_fits(
    index: ImageIndex, photos: Path, hasher: Hasher
) -> None:
    index.add(photos)
    query = preview_of(Image.open(photos / "0.png").rotate(20))
    numbers = hasher.logits(query_views(query, hasher.side))

    def distance(match: Match) -> float:
        copy = index._database().copies([match.entry.id])[match.entry.id]
        wide = np.array([match.entry.width / match.entry.height])
        weighted = distances(numbers, np.frombuffer(match.entry.code, np.uint8)[None])[1]
        return float(rerank(weighted, query, wide, lambda _: {0: copy})[0])

    found = [distance(match) for match in index.search(query.image, k=8)]
    assert found == sorted(found)
    assert [distance(match) for match in index.search(query.image, k=3)] == found[:3]


def test_a_piece_finds_what_it_was_cut_from(index: ImageIndex, photos: Path) -> None:
    index.add(photos)
    for number in range(8):
        with Image.open(photos / f"{number}.png") as photo:
            for left, top in ((0, 0), (44, 0), (0, 56), (44, 56)):
                piece = photo.crop((left, top, left + 66, top + 84))
                assert index.search(piece, k=1)[0].entry.path == str(photos / f"{number}.png")


def test_what_needs_no_model_imports_no_torch(index: ImageIndex, photos: Path) -> None:
    index.add(photos)
    code = f"""
import sys
from aecodec.hashing.index import ImageIndex
with ImageIndex({str(index.path)!r}) as index:
    index.search_code(bytes(32), k=3)
    index.duplicates(0, verify='none').groups
print("torch" in sys.modules)
"""
    assert run_python(code, check=True).stdout.strip() == "False"


def test_radius_is_inclusive(index: ImageIndex, photos: Path) -> None:
    index.add(photos)
    everything = index.search(photos / "0.png", k=8)
    radius = everything[3].distance
    near = index.search(photos / "0.png", k=None, radius=radius)
    assert near == [m for m in everything if m.distance <= radius]
    with pytest.raises(ValueError, match="radius"):
        index.search(photos / "0.png", radius=-1)


def test_only_what_changed_is_hashed_again(
    index: ImageIndex, photos: Path, cat: Image.Image
) -> None:
    index.add(photos)
    assert index.add(photos).unchanged == 8
    os.utime(photos / "0.png", ns=(1, 1))  # touched
    cat.save(photos / "1.png")  # changed
    (photos / "2.png").rename(photos / "renamed.png")
    (photos / "3.png").unlink()
    report = index.add(photos)
    assert (report.hashed, report.known, report.unchanged, report.pruned) == (1, 1, 5, 0)
    assert names(index) == [*(f"{n}.png" for n in range(8)), "renamed.png"]
    assert index.add(photos, prune=True).pruned == 2
    assert names(index) == ["0.png", "1.png", "4.png", "5.png", "6.png", "7.png", "renamed.png"]
    assert index.search(cat, k=1)[0].entry.path == str(photos / "1.png")
    (best,) = index.search(photos / "renamed.png", k=1)
    assert (best.distance, best.entry.path) == (0, str(photos / "renamed.png"))
    assert index.thumbnails([best.entry.id])[best.entry.id][8:12] == b"WEBP"


def test_pruning_spares_other_folders(index: ImageIndex, photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "photos2"  # begins like the other's name
    other.mkdir()
    (photos / "0.png").rename(other / "0.png")
    index.add(photos, other)
    (other / "0.png").unlink()
    (photos / "1.png").unlink()
    assert index.add(photos, prune=True).pruned == 1
    assert "0.png" in names(index)
    with pytest.raises(AecodecError, match="no such"):  # an unplugged disk loses nothing
        index.add(tmp_path / "gone", prune=True)


def test_odd_files(index: ImageIndex, photos: Path) -> None:
    (photos / "text.jpg").write_text("not an image")
    (photos / "broken.png").write_bytes((photos / "0.png").read_bytes()[:900])
    (photos / "empty.webp").touch()
    (photos / ".hidden.png").write_bytes((photos / "0.png").read_bytes())
    (photos / "notes.txt").write_text("no image by its name")
    (photos / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(photos / "pipe.jpg")
    deep = photos / "Größe 大きさ" / "é"
    deep.mkdir(parents=True)
    Image.new("RGB", (1, 1), "red").save(deep / "ひとつ.png")
    Image.new("L", (10_000, 5_000), 99).save(photos / "large.png")
    Image.new("RGBA", (30, 20), (0, 0, 0, 0)).save(photos / "clear.png")
    Image.fromarray(np.full((20, 30), 40_000, np.uint16)).save(photos / "deep.png")
    report = index.add(photos)
    failed = {Path(path).name: reason for path, reason in report.failed}
    assert sorted(failed) == ["broken.png", "empty.webp", "gone.png", "text.jpg"]
    assert "format" in failed["text.jpg"]
    assert report.hashed == len(index) == 12
    (best,) = index.search(deep / "ひとつ.png", k=1)
    assert best.distance == 0
    rows = {Path(e.path).name: e for e in index._database().entries(range(1, 20)).values()}
    assert (rows["large.png"].width, rows["large.png"].height) == (10_000, 5_000)


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no text")
def test_names_that_are_no_text(index: ImageIndex, photos: Path) -> None:
    name = os.fsdecode(os.fsencode(photos) + b"/\xff\xe9.png")
    os.rename(photos / "0.png", name)
    index.add(photos)
    assert index.search(name, k=1)[0].entry.path == name


def test_an_image_that_broke_is_forgotten(index: ImageIndex, photos: Path) -> None:
    index.add(photos)
    (photos / "0.png").write_text("overwritten")
    assert [Path(p).name for p, _ in index.add(photos).failed] == ["0.png"]
    assert "0.png" not in names(index)


def test_a_file_is_added_as_such(index: ImageIndex, photos: Path) -> None:
    report = index.add(photos / "0.png")
    assert (report.hashed, report.failed, names(index)) == (1, [], ["0.png"])


@posix
def test_a_file_and_links_to_it_are_no_duplicates(index: ImageIndex, photos: Path) -> None:
    (photos / "-linked.png").symlink_to(photos / "0.png")  # sorts before the file itself
    os.link(photos / "1.png", photos / "hard.png")
    shutil.copy(photos / "2.png", photos / "copy.png")
    (photos.parent / "elsewhere").symlink_to(photos)
    index.add(photos, photos.parent / "elsewhere")
    (found,) = index.duplicates(0).groups
    pair = {Path(entry.path).name for entry in (found.keep, found.duplicates[0].entry)}
    assert (pair, len(found.duplicates)) == ({"2.png", "copy.png"}, 1)
    (photos / "0.png").rename(photos.parent / "0.png")  # a link that leads nowhere is gone
    assert len(index.duplicates(0).groups) == 1


# ---- the cache -------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["flip", "cut", "foreign", "empty", "missing", "older", "other"])
def test_a_cache_that_cannot_serve_is_rebuilt_and_said_so(
    index: ImageIndex, photos: Path, tmp_path: Path, weights: Path, damage: str
) -> None:
    index.add(photos)
    expected = index.search(photos / "0.png", k=8)
    data = index.cache_path.read_bytes()
    if damage == "older":
        Image.new("RGB", (50, 50), "blue").save(photos / "blue.png")
        (photos / "7.png").unlink()
        index.add(photos, prune=True)
        expected = index.search(photos / "0.png", k=8)
    if damage == "other":
        with ImageIndex(tmp_path / "other", model=str(weights)) as other:
            other.add(photos / "1.png")
            data = other.cache_path.read_bytes()
    corrupted = {
        "flip": data[:100] + bytes([data[100] ^ 1]) + data[101:],
        "cut": data[:-9],
        "foreign": b"something else entirely",
        "empty": b"",
    }
    index.cache_path.write_bytes(corrupted.get(damage, data))
    if damage == "missing":
        index.cache_path.unlink()
    said = r"\.faiss: (damaged|missing|was behind|of another)"
    with ImageIndex(index.path) as again, pytest.warns(UserWarning, match=said):
        assert again.search(photos / "0.png", k=8) == expected
    with ImageIndex(index.path) as third, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert third.search(photos / "0.png", k=8) == expected


def test_a_cache_that_cannot_be_written_is_no_harm(index: ImageIndex, photos: Path) -> None:
    index.cache_path.mkdir()
    with pytest.warns(UserWarning, match="not written"):
        index.add(photos)
    assert index.search(photos / "0.png", k=1)[0].distance == 0


# ---- wrong models, wrong files ---------------------------------------------------------


def test_codes_of_two_models_never_meet(
    index: ImageIndex, photos: Path, other_weights: Path
) -> None:
    index.add(photos)
    with ImageIndex(index.path, model=str(other_weights)) as wrong:
        with pytest.raises(WeightsMismatchError, match="made with hash weights"):
            wrong.search(photos / "0.png")
        with pytest.raises(WeightsMismatchError):
            wrong.add(photos)
    with ImageIndex(index.path) as right:  # remembers its model
        assert right.search(photos / "0.png")[0].distance == 0


def test_what_is_no_index(tmp_path: Path, photos: Path, weights: Path) -> None:
    with pytest.raises(AecodecError, match="aecodec index"):
        ImageIndex(tmp_path / "none").search_code(bytes(16))
    (tmp_path / "text").write_text("no database, but long enough to be read as one " * 99)
    with pytest.raises(CorruptFileError, match="not an index"):
        ImageIndex(tmp_path / "text").search_code(bytes(16))
    sqlite3.connect(tmp_path / "foreign").execute("CREATE TABLE a (b)").connection.close()
    with pytest.raises(CorruptFileError, match="not an index"):
        ImageIndex(tmp_path / "foreign").search_code(bytes(16))
    with pytest.raises(AecodecError, match="folder"):
        ImageIndex(photos, model=str(weights)).add(photos)
    with pytest.raises(AecodecError, match="64, 128 bits, not 256"):
        ImageIndex(tmp_path / "new", model=str(weights), bits=256).add(photos)
    assert not (tmp_path / "new").exists()


def test_another_programs_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "foreign.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (a)")
    db.close()
    (tmp_path / "empty.db").touch()
    before = path.read_bytes()
    for each in (path, tmp_path / "empty.db"):
        with pytest.raises(CorruptFileError, match="not an index"):
            len(ImageIndex(each))
    assert path.read_bytes() == before
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_codes_too_short_are_refused(index: ImageIndex, photos: Path) -> None:
    index.add(photos)
    with pytest.raises(ValueError, match="a code of 64 bits, but the index has 128"):
        index.search_code(bytes(8))
    assert len(index.search_code(bytes(16), k=np.int64(3))) == 3  # type: ignore[arg-type]


def test_duplicates_are_looked_at(index: ImageIndex, photos: Path) -> None:
    image = Image.open(photos / "0.png")
    image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photos / "mirror.png")
    image.save(photos / "0.jpg", quality=90)
    index.add(photos)
    (found,) = index.duplicates(128).groups  # any code would do
    reasons = {Path(match.entry.path).name: match.reason for match in found.duplicates}
    assert Path(found.keep.path).name in ("0.png", "mirror.png")
    assert set(reasons) | {Path(found.keep.path).name} == {"0.png", "mirror.png", "0.jpg"}
    assert "mirrored" in reasons.values() or "mirrored" in reasons["0.jpg"]
    everything = index.duplicates(128, verify="none").groups
    assert len(everything[0].duplicates) == 9
    assert index.duplicates(128, verify="exact").groups == []
    (photos / "0.jpg").unlink()
    (photos / "mirror.png").write_bytes(b"no picture")
    assert index.duplicates(128, verify="pixels").groups == []
    assert index.duplicates(128, verify="pixels").unclear


def test_a_file_that_cannot_be_read_does_not_hide_others(index: ImageIndex, photos: Path) -> None:
    for number in (0, 1):
        mirrored = Image.open(photos / f"{number}.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        mirrored.save(photos / f"mirror{number}.png")
    index.add(photos)
    (photos / "mirror0.png").write_bytes(b"no picture")
    found = index.duplicates(128, verify="pixels")
    (group,) = found.groups
    paths = [member.entry.path for member in group.members]
    assert {Path(path).name for path in paths} == {"1.png", "mirror1.png"}
    assert {"0.png", "mirror0.png"} in [{Path(a).name, Path(b).name} for a, b, _ in found.unclear]
