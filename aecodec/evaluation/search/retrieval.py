"""How well codes find what they should: mAP, recall, and rates of a detector.

Hamming distances tie often. Wherever the order of equals would decide, its average over all
orders is taken (McSherry and Najork, 2008), so that no order of the database leaks in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_BATCH = 256


def hamming_distances(queries: Codes, database: Codes) -> Ints:
    """Between all packed codes, uint8 (Q, bits / 8) and (N, bits / 8): int64 (Q, N)."""
    a, b = (1.0 - 2.0 * np.unpackbits(c, axis=1).astype(np.float32) for c in (queries, database))
    return np.rint((a.shape[1] - a @ b.T) / 2).astype(np.int64)


def mean_average_precision(
    queries: Codes,
    database: Codes,
    query_labels: npt.NDArray[np.integer[Any]],
    database_labels: npt.NDArray[np.integer[Any]],
    at: int,
) -> float:
    """mAP@at of Hamming ranking, as hashing papers have it.

    Average precision is the sum of the precisions at each relevant item among the first `at`,
    divided by how many of those are relevant; 0 where none is. With ties, both are
    expectations over the order of equals.

    Args:
        queries, database: packed codes.
        query_labels, database_labels: int (Q,) and (N,); an equal label is relevant.
        at: length of the ranking.
    """
    bits = 8 * queries.shape[1]
    total = 0.0
    for start in range(0, len(queries), _BATCH):
        distances = hamming_distances(queries[start : start + _BATCH], database)
        labels = query_labels[start : start + _BATCH]
        relevant = labels[:, None] == database_labels[None, :]
        rows = np.arange(len(labels))[:, None] * (bits + 1) + distances
        size = len(labels) * (bits + 1)
        all_counts = np.bincount(rows.ravel(), minlength=size)
        hits = np.bincount(rows[relevant], minlength=size)
        shape = (len(labels), bits + 1)
        total += _average_precisions(all_counts.reshape(shape), hits.reshape(shape), at).sum()
    return total / len(queries)


def _average_precisions(counts: Ints, hits: Ints, at: int) -> Floats:
    """Of each query, from the items and the relevant items at each distance, (Q, D)."""
    before = np.cumsum(counts, axis=1) - counts
    hits_before = np.cumsum(hits, axis=1) - hits
    used = np.clip(at - before, 0, counts)  # of the items at this distance, those ranked by `at`
    n = np.maximum(counts, 1)
    # At the j-th place among n equals with r relevant: relevant with probability r / n, and
    # then hits_before + 1 + (j - 1) (r - 1) / (n - 1) relevant up to there, expected.
    slope = (hits - 1) / np.maximum(counts - 1, 1)
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, at + 1))])
    start, stop = np.minimum(before, at), np.minimum(before + used, at)
    inverse = harmonic[stop] - harmonic[start]  # sum over j of 1 / (before + j)
    precision = slope * used + (hits_before + 1 - slope - slope * before) * inverse
    summed = (hits / n * precision).sum(axis=1)
    found = (hits / n * used).sum(axis=1)
    return np.where(found > 0, summed / np.where(found > 0, found, 1), 0.0)


def recall_at_1(distances: npt.NDArray[np.number[Any]], own: npt.NDArray[np.integer[Any]]) -> float:
    """Fraction of queries whose own item is the nearest; one of n equally near counts 1 / n.

    Args:
        distances: (Q, N).
        own: column of each query's own item, (Q,).
    """
    mine = distances[np.arange(len(own)), own][:, None]
    nearest = (distances < mine).sum(axis=1) == 0
    return float((nearest / (distances == mine).sum(axis=1)).mean())


def mean_reciprocal_rank(
    distances: npt.NDArray[np.number[Any]], own: npt.NDArray[np.integer[Any]]
) -> float:
    """The mAP where each query has one relevant item: mean of 1 / rank, ties averaged."""
    mine = distances[np.arange(len(own)), own][:, None]
    nearer = (distances < mine).sum(axis=1)
    equal = (distances == mine).sum(axis=1)
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, distances.shape[1] + 1))])
    return float(((harmonic[nearer + equal] - harmonic[nearer]) / equal).mean())


def tpr_at_fpr(
    positives: npt.NDArray[np.number[Any]], negatives: npt.NDArray[np.number[Any]], fpr: float
) -> tuple[float, float]:
    """(TPR, threshold) of "at most so far apart is the same", the largest of at most this FPR.

    Without any such threshold: (0, -inf).

    Args:
        positives, negatives: distances of pairs that are, and that are not, the same.
        fpr: false-positive rate, which takes 1 / fpr negatives to resolve.
    """
    allowed = int(fpr * len(negatives))
    if (allowed + 1) / len(negatives) <= fpr:  # 0.29 * 100 is 28.999... in floating point
        allowed += 1
    ranked = np.sort(negatives)
    # The distances below the first negative that is one too many.
    limit = ranked[allowed] if allowed < len(ranked) else np.inf
    same = np.concatenate([positives, negatives])
    below = same[same < limit]
    if not len(below):
        return 0.0, -np.inf
    return float((positives < limit).mean()), float(below.max())


def area_under_curve(
    positives: npt.NDArray[np.number[Any]], negatives: npt.NDArray[np.number[Any]]
) -> float:
    """Probability that a positive pair is nearer than a negative one; equal counts a half."""
    ranked = np.sort(negatives)
    farther = len(ranked) - np.searchsorted(ranked, positives, side="right")
    equal = len(ranked) - farther - np.searchsorted(ranked, positives, side="left")
    return float((farther + equal / 2).mean() / len(ranked))
