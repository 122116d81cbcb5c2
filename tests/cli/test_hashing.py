"""`aecodec index`, `search`, `duplicates`, `compare`, `hash`."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from aecodec.codec.container import Chunk, ChunkType, Header, write_file
from aecodec.hashing.hasher import Hasher
from aecodec.hashing.stored import pack_code
from tests.cli.conftest import Run, one_line, refused
from tests.pictures import save_pieces


@pytest.fixture
def photos(cat: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = save_pieces(cat, Path("photos"), grid=(4, 1), step=(110, 0), size=(110, 140))
    (folder / "small").mkdir()
    Image.open(folder / "0.png").resize((55, 70)).save(folder / "small" / "a <b>.png")
    return folder


@pytest.fixture
def indexed(run: Run, photos: Path, weights: Path) -> Path:
    code, out, err = run("index", photos, "--index", "i", "--weights", weights)
    assert (code, err) == (0, "")
    assert "5 images (5 hashed)" in out
    return photos


def test_search_prints_paths_and_distances(run: Run, indexed: Path) -> None:
    code, out, _ = run("search", indexed / "0.png", "--index", "i", "-n", 3)
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "photos/0.png: 3 found"
    assert lines[1].split() == ["0", str((indexed / "0.png").absolute())]
    code, out, _ = run("search", indexed / "0.png", "--index", "i", "--radius", 0, "--json")
    (report,) = json.loads(out)
    assert report["matches"][0]["distance"] == 0
    assert report["matches"][0]["width"] == 110
    far = run("search", indexed / "0.png", "--index", "i", "--radius", 99_999_999_999, "--json")
    assert len(json.loads(far[1])[0]["matches"]) == 5


def test_a_wrong_backend_is_said_once(run: Run, indexed: Path) -> None:
    queries = [indexed / "0.png", indexed / "1.png"]
    wrong = ("--backend", "mysql://here")
    refused(run("search", *queries, "--index", "i", *wrong), "error: no backend for 'mysql'")
    refused(run("index", indexed, "--index", "new", *wrong))
    assert not Path("new").exists()  # said before the work


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_names_with_line_breaks_are_one_line(run: Run, indexed: Path, weights: Path) -> None:
    odd = indexed / "o\ndd.png"
    (indexed / "0.png").rename(odd)
    assert run("index", indexed, "--index", "i", "--prune")[0] == 0
    found = run("search", odd, "--index", "i", "-n", 1)[1]
    groups = run("duplicates", "--index", "i", "--max-distance", 8)[1]
    hashed = run("hash", odd, "--weights", weights)[1]
    assert found.splitlines()[0] == "photos/o\\ndd.png: 1 found"
    for out, lines in ((found, 2), (groups, 2), (hashed, 1)):
        assert out.count("\n") == lines
        assert "o\\ndd.png\n" in out


def test_a_gallery_holds_its_pictures(run: Run, indexed: Path) -> None:
    search = ["search", indexed / "small" / "a <b>.png", "--index", "i", "--html", "s.html"]
    assert run(*search)[0] == 0
    assert Path("s.html").read_text().count("data:image/webp;base64,") == 6  # the query, all five
    refused(run(*search), "--force")
    assert run(*search, "--force")[0] == 0


def test_duplicates_say_why_and_what_the_threshold_means(run: Run, indexed: Path) -> None:
    code, out, err = run("duplicates", "--index", "i", "--max-distance", 8, "--html", "d.html")
    assert code == 0
    assert out.splitlines()[0] == f"keep  {(indexed / '0.png').absolute()}"
    assert "scaled 1/2: " in out.splitlines()[1]
    assert "a <b>.png" in out.splitlines()[1]
    assert "at most 8 of 128 bits differ" in err
    assert "100.0% of altered copies" in err
    assert "of most pixels" in err
    assert Path("d.html").read_text().count("data:image/webp;base64,") == 3  # two, the difference
    keep = ["duplicates", "--index", "i", "--keep-dir", indexed / "small"]
    rows = list(csv.DictReader(io.StringIO(run(*keep, "--csv")[1])))
    assert [(row["keep"], Path(row["path"]).name) for row in rows] == [
        ("yes", "a <b>.png"),
        ("no", "0.png"),
    ]
    assert rows[1]["reason"] == "enlarged to 200%"
    none = ["--verify", "none"]
    far = run("duplicates", "--index", "i", "--max-distance", 10**11, "--json", *none)[1]
    assert len(json.loads(far)["groups"][0]["duplicates"]) == 4
    report = run("duplicates", indexed, "--index", "i", "--fpr", 0, "--json", *none)[1]
    assert json.loads(report)["max_distance"] == 29  # just below the nearest different pair
    assert sorted(p.name for p in indexed.glob("*.png")) == ["0.png", "1.png", "2.png", "3.png"]


def test_only_equal_pixels_are_exact(run: Run, indexed: Path) -> None:
    Image.open(indexed / "1.png").save(indexed / "1.bmp")
    (indexed / "twin.png").write_bytes((indexed / "2.png").read_bytes())
    assert run("index", indexed, "--index", "i")[0] == 0
    exact = ["duplicates", "--index", "i", "--exact", "--json"]
    groups = json.loads(run(*exact, "--keep", "oldest")[1])["groups"]
    found = {
        (Path(group["keep"]["path"]).name, Path(match["path"]).name): match["reason"]
        for group in groups
        for match in group["duplicates"]
    }
    assert found == {("1.png", "1.bmp"): "same pixels", ("2.png", "twin.png"): "same file"}


def test_duplicates_are_moved_only_when_told_and_can_be_moved_back(run: Run, indexed: Path) -> None:
    small = indexed / "small" / "a <b>.png"
    before = small.read_bytes()
    move = ["duplicates", "--index", "i", "--move-to", "twins"]
    code, _, err = run(*move)
    assert (code, small.exists(), Path("twins").exists()) == (0, True, False)
    assert "nothing was moved" in err
    code, _, err = run(*move, "--yes")
    (undo,) = Path("twins").glob("undo-*.jsonl")
    (entry,) = map(json.loads, undo.read_text().splitlines())
    assert (code, small.exists()) == (0, False)
    assert Path(entry["to"]).read_bytes() == before
    assert f"--undo {undo}" in err
    assert len(list(indexed.glob("*.png"))) == 4
    small.write_bytes(b"another")  # what took its place meanwhile stays
    code, _, err = run("duplicates", "--undo", undo)
    assert (code, small.read_bytes()) == (1, b"another")
    assert "exists" in err
    small.unlink()
    assert run("duplicates", "--undo", undo)[0] == 0
    assert small.read_bytes() == before
    Path("text").write_text("no undo file\n")
    refused(run("duplicates", "--undo", "text"))
    assert run("duplicates", "--yes")[0] == 2


def test_compare_says_which_file_is_wrong(run: Run, indexed: Path, weights: Path) -> None:
    Path("cut.aec").write_bytes(b"\x89AEC\x01\x01")
    err = refused(run("compare", indexed / "0.png", "cut.aec", "--weights", weights), code=2)
    assert err.startswith("error: cut.aec: ")


def test_a_folder_is_no_index_and_a_query_no_gallery(run: Run, indexed: Path) -> None:
    for folder in (".", "/"):
        refused(
            run("search", indexed / "0.png", "--index", folder),
            "is a folder; --index takes the name of a file",
        )
    before = (indexed / "0.png").read_bytes()
    query = (indexed / "0.png", "--index", "i")
    refused(run("search", *query, "--html", indexed / "0.png", "--force"))
    assert (indexed / "0.png").read_bytes() == before
    for empty in (("--index", ""), ("--keep-dir=",)):
        refused(run("duplicates", *empty), "error: an empty file name", code=2)


def test_compare_answers_by_its_exit_code(run: Run, indexed: Path, weights: Path) -> None:
    model = ["--weights", weights, "--max-distance", 8]
    small = indexed / "small" / "a <b>.png"
    code, out, _ = run("compare", indexed / "0.png", small, *model)
    assert code == 0
    assert out.startswith("same: scaled 1/2; ")
    code, out, _ = run("compare", indexed / "0.png", indexed / "3.png", *model[:2], "--json")
    assert code == 1
    assert json.loads(out)["verdict"] == "different"
    refused(run("compare", indexed / "0.png", "nowhere.png", *model), code=2)


def test_hash_prints_nested_hex(run: Run, indexed: Path, weights: Path) -> None:
    code, out, err = run("hash", indexed / "0.png", "none.png", "--weights", weights)
    assert code == 1
    assert one_line(err)
    digits, path = out.split()
    assert (len(digits), path) == (16, "photos/0.png")
    longer = run("hash", indexed / "0.png", "--weights", weights, "--bits", 128)[1].split()[0]
    assert longer.startswith(digits)
    assert run("hash", indexed / "0.png", "--weights", weights, "--bits", 65)[0] == 2
    short = ("hash", indexed / "0.png", "--weights", "hash-cifar10", "--bits")
    assert len(run(*short, 32)[1].split()[0]) == 8
    refused(run(*short, 256), "this model has codes of 16, 32, 64 bits, not 256")


def test_unreadable_files_are_listed_at_the_end(run: Run, indexed: Path) -> None:
    (indexed / "text.jpg").write_text("not an image")
    code, out, err = run("index", indexed, "--index", "i", "--prune")
    assert code == 1
    assert one_line(err)
    assert "text.jpg" in err
    assert "5 images (5 unchanged)" in out
    assert run("index", indexed, "--index", "i", "--quiet")[1] == ""


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("aecodec.codec.codec.Codec.decompress", decode)


def test_aec_files_are_indexed_by_the_hash_in_them(
    run: Run, indexed: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = Hasher(str(weights), "cpu")
    code = hasher.code(Image.open(indexed / "2.png"))
    stored = Chunk(ChunkType.HASH, pack_code(hasher.fingerprint, code))
    header = Header(110, 140, 0, 50, 96, 2, bytes(8))
    stamped = write_file(header, [Chunk(ChunkType.TILE, b"x"), stored])
    (indexed / "2.aec").write_bytes(stamped)
    (indexed / "cut.aec").write_bytes(stamped[:-3])
    forbid_decoding(monkeypatch)
    status, out, err = run("index", indexed, "--index", "i")
    assert status == 1
    assert "1 stored" in out
    assert "cut.aec" in err
    status, out, _ = run("search", indexed / "2.aec", "--index", "i", "--radius", 0)
    assert status == 0
    assert {Path(line.split()[1]).name for line in out.splitlines()[1:]} == {"2.aec", "2.png"}


def test_without_weights_one_line_says_what_to_do(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("aecodec.weights.weight_file", lambda name: tmp_path / name)
    for command in (["index", photos, "--index", "i"], ["hash", photos / "0.png"]):
        refused(run(*command), "aecodec train hash")
    refused(run("search", photos / "0.png", "--index", "i"), "no index at i; make one")
