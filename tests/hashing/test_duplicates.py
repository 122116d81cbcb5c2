from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aecodec.errors import AecodecError
from aecodec.hashing.backends import faiss as faiss_backend
from aecodec.hashing.backends.faiss import FaissIndex
from aecodec.hashing.calibration import Calibration
from aecodec.hashing.database import Entry
from aecodec.hashing.duplicates import RANKS, group, group_checked
from aecodec.hashing.hasher import hamming
from aecodec.hashing.stored import pack_code, unpack_code


def entries(codes: np.ndarray) -> list[Entry]:
    return [
        Entry(f"/{n:03}", 1000 - n, 0, b"", 10, 10, code.tobytes(), None, n + 1)
        for n, code in enumerate(codes)
    ]


def indexed(codes: np.ndarray) -> FaissIndex:
    index = FaissIndex(8 * codes.shape[1])
    index.add(np.arange(1, len(codes) + 1), codes)
    return index


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3), st.integers(1, 40))
def test_every_duplicate_is_near_what_is_kept_and_in_one_group(
    seed: int, radius: int, count: int
) -> None:
    codes = np.random.default_rng(seed).integers(0, 8, (count, 1), dtype=np.uint8)
    images = entries(codes)
    kept = {1, 2}
    groups = group(indexed(codes), images, codes, radius, kept=kept)
    used = [g.keep.id for g in groups] + [m.entry.id for g in groups for m in g.duplicates]
    assert len(used) == len(set(used))
    for found in groups:
        for match in found.duplicates:
            assert match.distance == hamming(found.keep.code, match.entry.code) <= radius
            assert match.entry.id not in kept
    alone = {image.id for image in images} - {m.entry.id for g in groups for m in g.duplicates}
    for a in (i for i in images if i.id in alone):  # whoever is left is unlike all that are kept
        for b in (i for i in images if i.id in alone and i.id not in kept and i.id != a.id):
            assert hamming(a.code, b.code) > radius


def test_a_chain_is_not_one_group() -> None:
    codes = np.array([[0b0], [0b1], [0b11], [0b111]], dtype=np.uint8)
    groups = group(indexed(codes), entries(codes), codes, 1)
    assert [(g.keep.id, [m.entry.id for m in g.duplicates]) for g in groups] == [(1, [2]), (3, [4])]
    assert groups[0].reclaimable == 999


def test_an_inverted_file_takes_over_above_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_backend, "FLAT_LIMIT", 999)
    rng = np.random.default_rng(0)
    codes, ids = rng.integers(0, 256, (3000, 8), dtype=np.uint8), np.arange(3000) * 2 + 5
    parts = [(ids[:2000], codes[:2000]), (ids[2000:], codes[2000:])]
    index = FaissIndex.build(64, 3000, lambda: parts)
    assert index.ids() is None
    assert len(index) == 3000
    distances, found = index.search(codes[::50], 1)
    assert (found[:, 0] == ids[::50]).mean() > 0.95
    assert distances.max() == 0 or (distances[:, 0] == 0).mean() > 0.95
    assert all(
        ids[50 * n] in near for n, (_, near) in enumerate(index.range_search(codes[::50], 0))
    )


def test_thresholds_follow_the_rates() -> None:
    different = (0, 0, 1, 0, 99, 900, 0, 0, 0)
    calibration = Calibration({8: different}, {8: (5, 3, 1, 1, 0, 0, 0, 0, 0)}, "x")
    assert Calibration.from_json(calibration.to_json()) == calibration
    found = calibration.threshold(8, 0.001)
    assert (found.distance, found.fpr, found.tpr, found.pairs) == (3, 0.001, 1.0, 1000)
    assert calibration.threshold(8, 0.0).distance == 1
    assert calibration.threshold(8, 1.0).distance == 8
    assert calibration.at(8, 0).tpr == 0.5
    with pytest.raises(AecodecError, match="16 bits"):
        calibration.threshold(16)
    with pytest.raises(ValueError, match="histogram"):
        Calibration({8: (1, 2)}, {8: (1, 2)})


def test_stored_codes_are_only_taken_from_the_same_weights() -> None:
    stored = pack_code("0123456789abcdef", bytes(range(8)))
    assert len(stored) == 16
    assert unpack_code(stored, "0123456789abcdef", 64) == bytes(range(8))
    assert unpack_code(stored, "f123456789abcdef", 64) is None
    assert unpack_code(stored, "0123456789abcdef", 128) is None
    assert unpack_code(b"", "0123456789abcdef", 64) is None


def test_checked_groups_hold_what_was_checked_and_copies_of_it() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, (40, 1), dtype=np.uint8)
    images = [
        Entry(f"/{n:03}", 1000, n, bytes([n // 2]) * 32, 10, 10, code.tobytes(), None, n + 1)
        for n, code in enumerate(np.repeat(codes[::2], 2, axis=0))
    ]
    asked = []

    def check(pairs: Sequence[tuple[Entry, Entry]]) -> list[str]:
        asked.extend(pairs)
        return ["alike" if (a.id + 1) // 4 == (b.id + 1) // 4 else "" for a, b in pairs]

    codes = np.stack([np.frombuffer(image.code, np.uint8) for image in images])
    groups = group_checked(indexed(codes), images, codes, 8, check, kept={3}, rank=RANKS["oldest"])
    used = [g.keep.id for g in groups] + [m.entry.id for g in groups for m in g.duplicates]
    assert len(used) == len(set(used))
    assert groups[0].keep.id == 3
    for found in groups:
        for match in found.duplicates:
            if match.reason == "same file":
                assert match.entry.sha256 == found.keep.sha256
            else:
                assert match.reason == "alike"
                assert any(
                    (a.sha256, b.sha256) == (found.keep.sha256, match.entry.sha256)
                    for a, b in asked
                )
    assert all(a.sha256 != b.sha256 for a, b in asked)  # nobody looks at equal files


def test_candidates_are_all_that_are_near_enough_and_named_once() -> None:
    codes = np.random.default_rng(2).integers(0, 16, (30, 1), dtype=np.uint8)
    images, asked = entries(codes), []

    def screen(first: Sequence[Entry], pairs: np.ndarray, near: np.ndarray) -> np.ndarray:
        assert len({tuple(pair) for pair in pairs.tolist()}) == len(pairs)
        for i, j in pairs.tolist():
            assert i < j
            assert hamming(first[i].code, first[j].code) <= 1
        near = sum(hamming(a.code, b.code) <= 1 for a in images for b in images if a.id < b.id)
        assert len(pairs) == near  # as many as there are: 30 neighbours may be named
        return np.concatenate([pairs[pairs[:, 0] % 2 == 0], far])

    def check(pairs: Sequence[tuple[Entry, Entry]]) -> list[str]:
        asked.extend(pairs)
        return [""] * len(pairs)

    images = [replace(image, sha256=bytes([n]) * 32) for n, image in enumerate(images)]
    order = sorted(images, key=RANKS["best"])
    apart = [(i, j) for i in range(30) for j in range(i + 1, 30)]
    far = np.array([p for p in apart if hamming(order[p[0]].code, order[p[1]].code) > 1][:3])
    assert group_checked(indexed(codes), images, codes, 1, check, screen=screen) == []
    positions = {(order.index(a), order.index(b)) for a, b in asked}
    added = set(map(tuple, far.tolist()))
    assert added < positions  # what the screen knows of is looked at, however far apart codes are
    assert all(i % 2 == 0 for i, _ in positions - added)


def test_what_frames_another_is_not_kept_and_all_are_compared_with_what_is_within() -> None:
    codes = np.zeros((4, 1), np.uint8)
    images = [
        replace(image, width=width, sha256=bytes([n]) * 32)
        for n, (image, width) in enumerate(zip(entries(codes), (100, 120, 50, 110), strict=True))
    ]
    original, frame, small, screen = images
    framing = {frame.id, screen.id}

    def check(pairs: Sequence[tuple[Entry, Entry]]) -> list[str]:
        reasons = []
        for a, b in pairs:
            if small.id in (a.id, b.id) and original.id not in (a.id, b.id):
                reasons.append("")  # too little of it
            elif a.id in framing and b.id == original.id:
                reasons.append("without its frame or bars")
            else:
                reasons.append("in a frame or with bars" if b.id in framing else "cropped")
        return reasons

    index = indexed(codes)
    (found,) = group_checked(index, images, codes, 8, check, frames_last=True)
    assert found.keep == original
    told = {match.entry.id: match.reason for match in found.duplicates}
    framed = "in a frame or with bars"
    assert told == {frame.id: framed, screen.id: framed, small.id: "cropped"}
    (found,) = group_checked(index, images, codes, 8, check)
    assert found.keep == frame
    (found,) = group_checked(index, images, codes, 8, check, frames_last=True, kept={frame.id})
    assert found.keep == frame  # which was asked for


def test_what_frames_another_heads_a_group_where_it_is_not_found_from_what_is_within() -> None:
    codes = np.zeros((3, 1), np.uint8)
    frame, original, copy = (
        replace(image, width=width, sha256=bytes([n]) * 32)
        for n, (image, width) in enumerate(zip(entries(codes), (120, 100, 50), strict=True))
    )
    told = {
        (frame.id, original.id): "without its frame or bars",
        (frame.id, copy.id): "compressed again",
    }

    def check(pairs: Sequence[tuple[Entry, Entry]]) -> list[str]:
        return [told.get((a.id, b.id), "") for a, b in pairs]

    index = indexed(codes)
    (found,) = group_checked(index, [frame, original, copy], codes, 8, check, frames_last=True)
    assert found.keep == frame
    assert [match.entry.id for match in found.duplicates] == [copy.id]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 24))
def test_all_that_is_found_was_compared_with_what_is_kept_whatever_frames_what(
    seed: int, count: int
) -> None:
    rng = np.random.default_rng(seed)
    codes = np.zeros((count, 1), np.uint8)
    images = [replace(image, sha256=bytes([n]) * 32) for n, image in enumerate(entries(codes))]
    answers = ("", "without its frame or bars", "in a frame or with bars", "cropped")
    told = rng.choice(answers, (count + 1, count + 1), p=(0.5, 0.2, 0.1, 0.2))
    asked: dict[tuple[int, int], str] = {}

    def check(pairs: Sequence[tuple[Entry, Entry]]) -> list[str]:
        found = [str(told[a.id, b.id]) for a, b in pairs]
        asked.update(zip([(a.id, b.id) for a, b in pairs], found, strict=True))
        return found

    groups = group_checked(indexed(codes), images, codes, 8, check, frames_last=True)
    used = [g.keep.id for g in groups] + [m.entry.id for g in groups for m in g.duplicates]
    assert len(used) == len(set(used))
    for one in groups:
        for match in one.duplicates:
            assert match.reason
            assert asked[one.keep.id, match.entry.id] == match.reason
