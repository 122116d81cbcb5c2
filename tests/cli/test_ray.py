"""`--engine ray`: the same results as without, and what it promises beyond that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from aecodec.errors import AecodecError
from tests.cli.conftest import Run, one_line, refused

# As a worker has: sums in another order differ in their last bits, and so would files.
from tests.threads import one_thread  # noqa: F401  (a fixture)

ray = pytest.importorskip("ray", reason="make test-ray")
parquet = pytest.importorskip("pyarrow.parquet")
moto = pytest.importorskip("moto.server")

from pyarrow import fs  # noqa: E402

from aecodec.storage import stores  # noqa: E402  (which needs them)
from aecodec.workflows.batch import cluster  # noqa: E402

RAY = ["--engine", "ray"]


@pytest.fixture(scope="module", autouse=True)
def _s3() -> Iterator[None]:
    """A server on this machine that speaks S3, with an empty bucket."""
    server = moto.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "any")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        store, _ = fs.FileSystem.from_uri("s3://bucket?allow_bucket_creation=true")
        store.create_dir("bucket")
        yield
    server.stop()


@pytest.fixture(scope="module", autouse=True)
def _one_cluster(_s3: None) -> Iterator[None]:
    """Starting Ray takes seconds: all tests of this file share one, and the variables it got."""
    cluster.import_ray().init(
        address="local", num_cpus=2, include_dashboard=False, log_to_driver=False
    )
    yield
    ray.shutdown()


@pytest.fixture
def photos(cat: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three photos in two folders, and a file that is none."""
    monkeypatch.chdir(tmp_path)
    folder = Path("photos")
    (folder / "x y").mkdir(parents=True)
    cat.crop((0, 0, 110, 140)).save(folder / "a.png")
    cat.crop((110, 0, 220, 140)).save(folder / "b.jpg")
    cat.crop((220, 0, 330, 140)).save(folder / "x y" / "ü.png")
    (folder / "bad.png").write_text("not an image")
    return folder


def rows(folder: str | Path) -> dict[str, dict[str, Any]]:
    """The results by the files' names."""
    return {Path(row["path"]).name: row for row in parquet.read_table(folder).to_pylist()}


def files(folder: str | Path) -> dict[str, bytes]:
    """Of all visible files that are no results."""
    paths = [p for p in Path(folder).rglob("*") if p.is_file() and "aecodec-results" not in p.parts]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}


def test_compress_writes_the_same_bytes_as_without(run: Run, photos: Path) -> None:
    code, out, err = run("compress", photos, "-o", "ray", *RAY)
    assert code == 1
    assert one_line(err)
    assert "bad.png: not an image" in err
    assert out.startswith("total: 3 of 4 files  ")
    assert run("compress", photos, "-o", "local")[0] == 1
    assert files("ray") == files("local")
    assert sorted(files("ray")) == ["a.aec", "b.aec", "x y/ü.aec"]
    found = rows("ray/aecodec-results")
    assert sorted(found) == ["a.png", "b.jpg", "bad.png", "ü.png"]
    assert found["bad.png"]["output"] is None
    assert "not an image" in found["bad.png"]["error"]
    good = found["ü.png"]
    assert good["output"] == str(Path("ray/x y/ü.aec").absolute())
    assert good["bytes"] == len(files("ray")["x y/ü.aec"])
    assert (good["error"], good["width"], good["height"], good["quality"]) == (None, 110, 140, 50)
    assert good["bpp"] == pytest.approx(8 * good["bytes"] / (110 * 140))


def test_a_folder_of_a_run_without_ray_is_gone_on_with(run: Run, photos: Path) -> None:
    os.remove(photos / "bad.png")
    Path("out").mkdir()
    assert run("compress", photos / "a.png", "-o", "out")[0] == 0
    before = files("out")
    command = ["compress", photos, "-o", "out", "--skip-existing", *RAY]
    code, out, err = run(*command, "--dry-run")
    assert (code, err) == (0, "")
    assert "a.aec  is there: skipped" in out
    assert "total: 2 of 3 files would be done; nothing was written" in out
    assert files("out") == before
    assert not Path("out/aecodec-results").exists()
    code, out, err = run(*command)
    assert (code, err) == (0, "")
    assert out.startswith("total: 2 of 3 files  1 skipped  ")
    assert sorted(files("out")) == ["a.aec", "b.aec", "x y/ü.aec"]
    assert files("out")["a.aec"] == before["a.aec"]
    assert rows("out/aecodec-results")["a.png"]["skipped"]


def test_denoise_writes_the_same_bytes_as_without(run: Run, photos: Path) -> None:
    os.remove(photos / "bad.png")
    options = ["denoise", photos / "a.png", photos / "x y", "--sigma", 20, "--json"]
    code, out, err = run(*options, "-o", "ray", *RAY)
    assert (code, err) == (0, "")
    assert run(*options, "-o", "local")[0] == 0
    assert files("ray") == files("local")
    assert sorted(files("ray")) == ["a.png", "x y/ü.png"]
    assert [row["sigma"] for row in json.loads(out)] == [20, 20]


def test_hash_gives_the_codes_that_are_printed_without(
    run: Run, photos: Path, weights: Path
) -> None:
    refused(run("hash", photos, "--weights", weights, "-o", "codes", *RAY))
    names = [photos / "a.png", photos / "b.jpg", photos / "x y" / "ü.png"]
    printed = run("hash", *names, "--weights", weights)[1].splitlines()
    expected = {Path(line[18:]).name: line[:16] for line in printed}
    found = rows("codes")
    assert found.pop("bad.png")["hash"] is None
    assert {name: row["hash"] for name, row in found.items()} == expected


def test_parts_that_are_there_are_not_done_again(run: Run, photos: Path, weights: Path) -> None:
    command = ["hash", photos, "--weights", weights, "-o", "codes", *RAY]
    assert "0 of 4 parts were there" in run(*command)[1]
    parts = {p.name: p.stat().st_mtime_ns for p in Path("codes").glob("part-*")}
    assert len(parts) == 4
    code, out, err = run(*command)
    assert code == 1  # the bad file is still bad
    assert "bad.png" in err
    assert "4 of 4 parts were there" in out
    assert {p.name: p.stat().st_mtime_ns for p in Path("codes").glob("part-*")} == parts
    # A kill leaves some of the parts, and an input that was repaired makes a part out of date.
    os.remove(Path("codes", min(parts)))
    Image.open(photos / "a.png").save(photos / "bad.png")
    code, out, err = run(*command)
    assert (code, err) == (0, "")
    assert "2 of 4 parts were there" in out
    found = rows("codes")
    assert len(found) == len(list(Path("codes").glob("part-*"))) == 4
    assert found["bad.png"]["hash"] == found["a.png"]["hash"]


def test_a_killed_batch_goes_on_over_its_own_outputs(run: Run, photos: Path) -> None:
    os.remove(photos / "bad.png")
    command = ["denoise", photos, "-o", "out", "--sigma", 20, *RAY]
    assert run(*command)[0] == 0
    before = files("out")
    part = min(Path("out/aecodec-results").glob("part-*"))
    os.remove(part)  # its outputs are there: it was killed just before
    code, out, err = run(*command)
    assert (code, err) == (0, "")
    assert "2 of 3 parts were there" in out
    assert part.exists()
    assert files("out") == before


def test_a_folder_of_something_else_is_kept(run: Run, photos: Path, weights: Path) -> None:
    command = ["hash", photos / "a.png", "--weights", weights, "-o", "codes", *RAY]
    assert run(*command)[0] == 0
    for other, what in (
        ([*command, "--bits", 128], "another batch"),
        (["compress", photos / "a.png", "-o", photos, *RAY], "not empty"),
    ):
        before = files(".")
        refused(run(*other), what, "--force")
        assert files(".") == before
    assert run(*command, "--bits", 128, "--force")[0] == 0
    assert len(rows("codes")["a.png"]["hash"]) == 32


def test_index_has_the_same_entries_as_without(run: Run, photos: Path, weights: Path) -> None:
    from aecodec.hashing.database import Database

    code, out, err = run("index", photos, "--index", "ray", "--weights", weights, *RAY)
    assert code == 1
    assert one_line(err)
    assert "bad.png: not an image" in err
    assert "3 images (3 hashed)" in out
    assert run("index", photos, "--index", "local", "--weights", weights)[0] == 1
    entries, thumbnails = [], []
    for name in ("ray", "local"):
        database = Database(Path(name))
        found = database.entries(database.ids().tolist()).values()
        entries.append(sorted((e.path, e.size, e.mtime_ns, e.sha256, e.code) for e in found))
        thumbnails.append(sorted(database.thumbnails(database.ids().tolist()).values()))
    assert entries[0] == entries[1]
    assert thumbnails[0] == thumbnails[1]
    os.remove(photos / "bad.png")
    os.remove(photos / "b.jpg")
    code, out, err = run("index", photos, "--index", "ray", "--prune", *RAY)
    assert (code, err) == (0, "")
    assert "2 images (2 unchanged, 1 pruned)" in out
    assert run("search", photos / "a.png", "--index", "ray", "-n", 1)[1].split()[-2] == "0"


def test_urls_for_inputs_and_output(run: Run, photos: Path, weights: Path) -> None:
    """With a scheme that every machine has; what is s3:// about others is pyarrow's."""
    url = photos.absolute().as_uri()
    out = Path("out").absolute().as_uri()
    assert run("hash", f"{url}/x%20y", "-o", out, "--weights", weights, *RAY)[0] == 0
    assert list(rows("out")) == ["ü.png"]
    assert run("index", f"{url}/a.png", "--index", "i", "--weights", weights, *RAY)[0] == 0
    found = run("search", photos / "a.png", "--index", "i")[1]
    assert str((photos / "a.png").absolute()) in found


def test_a_batch_from_s3_to_s3(run: Run, photos: Path, weights: Path) -> None:
    top = stores.place_of("s3://bucket/photos")
    for name in ("a.png", "x y/ü.png", "bad.png"):
        stores.write(top / name, (photos / name).read_bytes())
    code, out, err = run("compress", "s3://bucket/photos", "-o", "s3://bucket/archive", *RAY)
    assert code == 1
    assert one_line(err)
    assert "s3://bucket/photos/bad.png: not an image" in err
    assert out.startswith("total: 2 of 3 files  ")
    run("compress", photos, "-o", "local")
    for name in ("a.aec", "x y/ü.aec"):
        written = stores.read(stores.place_of("s3://bucket/archive") / name)
        assert written == Path("local", name).read_bytes()
    again = ["compress", "s3://bucket/photos", "-o", "s3://bucket/archive", *RAY]
    assert "3 of 3 parts were there" in run(*again)[1]
    codes = "s3://bucket/codes"
    run("hash", "s3://bucket/photos", "-o", codes, "--weights", weights, *RAY)
    found = parquet.read_table(codes).to_pylist()
    assert {row["path"]: row["error"] is None for row in found} == {
        "s3://bucket/photos/a.png": True,
        "s3://bucket/photos/x y/ü.png": True,
        "s3://bucket/photos/bad.png": False,
    }
    refused(run("hash", "s3://nobody/a.png", "-o", codes, *RAY))


def test_a_store_is_read_and_written(tmp_path: Path) -> None:
    """One that only fsspec knows; in memory, so of this process alone."""
    top = stores.place_of("memory://bucket/photos")
    assert not top.local
    for name in ("b.png", "a b.PNG", ".hidden.png", "x/c.png", ".x/d.png", "text.txt"):
        stores.write(top / name, name.encode())
    found = stores.find(top, {".png"}, lambda error: None)
    assert [one.below for one in found] == ["a b.PNG", "b.png", "x/c.png"]
    assert [one.size for one in found] == [7, 5, 7]
    stores.write(top / "b.png", b"anew")
    assert stores.read(top / "b.png") == b"anew"
    assert stores.names_in(top) == [".hidden.png", ".x", "a b.PNG", "b.png", "text.txt", "x"]
    assert stores.names_in(top / "nothing") == []
    with stores.local_copy(found[2].place) as copy:
        assert (copy.name, copy.read_bytes()) == ("c.png", b"x/c.png")
    assert not copy.exists()
    stores.remove(top / "b.png")
    with pytest.raises(AecodecError, match="no such file or folder"):
        stores.find(top / "b.png", {".png"}, lambda error: None)


def test_a_worker_that_dies_takes_no_other_item_along() -> None:
    def load() -> Callable[[int], int]:
        def work(item: int) -> int:
            if item == 3:
                os._exit(1)
            return item * item

        return work

    assert sorted(cluster.map_on_actors(ray, load, list(range(6)))) == [0, 1, 4, 16, 25]


def test_what_is_wrong_with_the_model_is_said_once(run: Run, photos: Path) -> None:
    Path("no.safetensors").write_bytes(b"nothing")
    code, out, err = run("hash", photos, "--weights", "no.safetensors", "-o", "codes", *RAY)
    assert (code, out) == (1, "")
    assert one_line(err)
    assert "no.safetensors" in err


def test_wrong_usage(run: Run, photos: Path) -> None:
    for command, what in (
        (["compress", "s3://bucket/a.png"], "--engine ray"),
        (["index", photos, "--ray-address", "auto"], "--engine ray"),
        (["compress", photos, *RAY], "-o DIR"),
        (["compress", photos / "a.png", "-o", "a.aec", *RAY], "-o DIR"),
        (["hash", photos / "a.png", "-o", "codes"], "--engine ray"),
        (["index", "memory://bucket", "--prune", *RAY], "--prune"),
    ):
        code, _, err = run(*command)
        assert (code, what in err) == (2, True), err
    for place in ("nowhere.png", "nonsense://bucket/a.png", "memory:///nowhere/a.png"):
        refused(run("compress", place, "-o", "out", *RAY), place)


def test_without_ray_one_line_says_what_to_install(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray.data", None)
    for command in (["compress", photos, "-o", "out"], ["index", photos]):
        refused(run(*command, *RAY), "pip install 'aecodec[ray]'")


def test_a_cluster_of_its_own_is_started_quietly_and_stopped(photos: Path, weights: Path) -> None:
    command = [sys.executable, "-m", "aecodec_cli", "hash", str(photos / "a.png"), *RAY]
    done = subprocess.run(
        [*command, "--weights", str(weights), "-o", "codes"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("total: 1 of 1 files")
    assert len(rows("codes")["a.png"]["hash"]) == 16
