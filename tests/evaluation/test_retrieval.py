from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aecodec.evaluation.search.retrieval import (
    area_under_curve,
    hamming_distances,
    mean_average_precision,
    mean_reciprocal_rank,
    recall_at_1,
    tpr_at_fpr,
)


def shuffled_map(distances: np.ndarray, relevant: np.ndarray, at: int, times: int) -> float:
    """By definition: rank, with equals in random order; sums and counts averaged apart."""
    rng = np.random.default_rng(0)
    sums, founds = [], []
    for _ in range(times):
        order = np.lexsort((rng.random(len(distances)), distances))[:at]
        hits = relevant[order]
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        sums.append((precision * hits).sum())
        founds.append(hits.sum())
    return float(np.mean(sums) / max(np.mean(founds), 1e-12))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.sampled_from([1, 2]))
def test_map_is_the_average_over_all_orders_of_equals(seed: int, at: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    database = rng.integers(0, 4, (40, size), dtype=np.uint8)  # many ties
    queries = rng.integers(0, 4, (1, size), dtype=np.uint8)
    labels, query_labels = rng.integers(0, 3, 40), rng.integers(0, 3, 1)
    found = mean_average_precision(queries, database, query_labels, labels, at)
    distances = hamming_distances(queries, database)[0]
    expected = shuffled_map(distances, labels == query_labels[0], at, 800)
    assert found == pytest.approx(expected, abs=0.05)
    order = rng.permutation(40)
    again = mean_average_precision(queries, database[order], query_labels, labels[order], at)
    assert again == pytest.approx(found)


def test_map_without_ties_by_hand() -> None:
    database = np.array([[0b0], [0b1], [0b11], [0b111]], dtype=np.uint8)
    query, label = np.zeros((1, 1), dtype=np.uint8), np.array([7])
    labels = np.array([7, 1, 7, 1])
    assert mean_average_precision(query, database, label, labels, 4) == pytest.approx(
        (1 + 2 / 3) / 2
    )
    assert mean_average_precision(query, database, label, labels, 2) == 1
    assert mean_average_precision(query, database, np.array([9]), labels, 4) == 0


def test_sorted_classes_do_not_leak() -> None:
    """Codes that say nothing score the base rate, whatever the order of the database."""
    codes = np.zeros((1000, 8), dtype=np.uint8)
    labels = np.repeat(np.arange(10), 100)
    score = mean_average_precision(codes[:10], codes, np.arange(10), labels, 100)
    assert score == pytest.approx(0.1, abs=0.05)


def test_hamming_distances() -> None:
    a = np.random.default_rng(0).integers(0, 256, (5, 32), dtype=np.uint8)
    assert hamming_distances(a, a).diagonal().tolist() == [0] * 5
    assert hamming_distances(a, ~a).diagonal().tolist() == [256] * 5
    assert hamming_distances(a[:1], a[1:2])[0, 0] == np.unpackbits(a[0] ^ a[1]).sum()


def test_recall_and_reciprocal_rank_share_ties() -> None:
    distances = np.array([[0, 0, 5, 9], [3, 1, 2, 2], [4, 4, 4, 4]])
    own = np.array([1, 0, 2])
    assert recall_at_1(distances, own) == pytest.approx((1 / 2 + 0 + 1 / 4) / 3)
    mean = ((1 + 1 / 2) / 2 + 1 / 4 + (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4) / 3
    assert mean_reciprocal_rank(distances, own) == pytest.approx(mean)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=60),
    st.lists(st.integers(0, 20), min_size=1, max_size=200),
    st.floats(0, 1),
)
def test_rates_are_those_of_the_threshold(same: list[int], other: list[int], fpr: float) -> None:
    positives, negatives = np.array(same), np.array(other)
    tpr, threshold = tpr_at_fpr(positives, negatives, fpr)
    assert tpr == (positives <= threshold).mean()
    assert (negatives <= threshold).mean() <= fpr
    larger = [d for d in {*same, *other} if d > threshold]
    assert all((negatives <= d).mean() > fpr - 1e-9 for d in larger)
    wins = (positives[:, None] < negatives[None]).mean()
    draws = (positives[:, None] == negatives[None]).mean()
    assert area_under_curve(positives, negatives) == pytest.approx(wins + draws / 2)


def test_as_many_false_positives_are_allowed_as_the_rate_says() -> None:
    negatives = np.arange(100)  # 0.29 of them is 28.999... in floating point
    assert tpr_at_fpr(np.array([28.5, 40]), negatives, 0.29) == (0.5, 28.5)
