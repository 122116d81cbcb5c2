"""FAISS's binary indexes at scale: time of a query, memory, adding, removing, recall.

    python benchmarks/index_scale.py --out benchmarks/results/index_scale --codes 1000000 10000000

Codes are those of made-up look-alikes: random centres, each with members of some bits
flipped. Queries are members with further bits flipped. One thread. Each index has a process
of its own, so that its memory is what that process grew by.
"""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import faiss as untyped
import numpy as np

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.results import markdown_table, write_result
from aecodec.hashing.backends import faiss as faiss_backend
from aecodec.hashing.backends.faiss import FaissIndex

faiss: Any = untyped
K = 10
RADIUS = 6


def make_codes(count: int, bits: int) -> tuple[Any, Any]:
    """(database, 200 queries), packed."""
    rng = np.random.default_rng(0)
    centres = rng.integers(0, 256, (max(1, count // 20), bits // 8), dtype=np.uint8)
    codes = centres[rng.integers(len(centres), size=count)]
    flips = np.packbits(rng.random((1 << 16, bits)) < 0.1, axis=1)
    codes ^= flips[rng.integers(len(flips), size=count)]
    few = np.packbits(rng.random((200, bits)) < 0.03, axis=1)
    return codes, codes[rng.integers(count, size=200)] ^ few


def resident() -> int:
    """Bytes of memory in use."""
    return 1024 * int(faiss.get_mem_usage_kb())


def timed(work: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def measure(kind: str, bits: int, count: int, truth: Any) -> dict[str, float]:
    """One kind of index: "flat", "ivf" or "multihash"."""
    faiss.omp_set_num_threads(1)
    codes, queries = make_codes(count, bits)
    ids = np.arange(count, dtype=np.int64)
    before = resident()
    if kind == "multihash":
        index: Any = faiss.IndexBinaryMultiHash(bits, bits // 16, 16)
        index.nflip = 1
        seconds, _ = timed(lambda: index.add(codes))
    else:
        limit = faiss_backend.FLAT_LIMIT
        faiss_backend.FLAT_LIMIT = len(codes) if kind == "flat" else 0
        seconds, built = timed(lambda: FaissIndex.build(bits, len(codes), lambda: [(ids, codes)]))
        faiss_backend.FLAT_LIMIT, index = limit, built.index
    figures = {"add_per_s": len(codes) / seconds, "bytes": float(resident() - before)}
    single = [queries[n : n + 1] for n in range(len(queries))]
    for query in single[:20]:
        index.search(query, K)
    seconds, found = timed(lambda: [index.search(query, K)[0][0] for query in single])
    figures["ms_search"] = 1000 * seconds / len(single)
    # By distance, not by id: equally near neighbours are equally good.
    figures["recall_at_10"] = float(
        np.mean([(f <= t[-1]).mean() for f, t in zip(found, truth[0], strict=True)])
    )
    seconds, near = timed(lambda: [len(index.range_search(q, RADIUS + 1)[1]) for q in single])
    figures["ms_radius"] = 1000 * seconds / len(single)
    figures["recall_radius"] = float(np.sum(near) / max(np.sum(truth[1]), 1))
    if kind != "multihash":  # which cannot remove
        gone = ids[::1000]
        seconds, _ = timed(lambda: index.remove_ids(gone))
        figures["remove_per_s"] = len(gone) / seconds
    return figures


def measure_alone(*arguments: Any) -> dict[str, float]:
    """`measure` in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()


def main() -> None:
    # What is freed goes back to the system: it would hide what an index takes (glibc).
    os.environ["MALLOC_MMAP_THRESHOLD_"] = str(1 << 17)
    parser = arguments(__doc__, data=None)
    parser.add_argument("--codes", type=int, nargs="+", default=(1_000_000, 10_000_000))
    parser.add_argument("--bits", type=int, nargs="+", default=(64, 256))
    args = parser.parse_args()
    faiss.omp_set_num_threads(1)
    report: dict[str, Any] = {"rows": []}
    for bits in args.bits:
        for count in args.codes:
            codes, queries = make_codes(count, bits)
            flat = faiss.IndexBinaryFlat(bits)
            flat.add(codes)
            limits = flat.range_search(queries, RADIUS + 1)[0]
            truth = flat.search(queries, K)[0], np.diff(limits.astype(np.int64))
            del flat, codes, queries
            for kind in ("flat", "ivf", "multihash"):
                row = {"bits": bits, "codes": count, "index": kind}
                report["rows"].append({**row, **measure_alone(kind, bits, count, truth)})
                print(report["rows"][-1], flush=True)
    names = (
        "ms_search",
        "recall_at_10",
        "ms_radius",
        "recall_radius",
        "bytes",
        "add_per_s",
        "remove_per_s",
    )
    lines = [
        [
            f"{r['index']}, {r['bits']} bits, {r['codes']:,}",
            *(f"{r[n]:,.3g}" if n in r else "–" for n in names),
        ]
        for r in report["rows"]
    ]
    text = f"# Indexes, one thread, k {K}, radius {RADIUS}\n\n" + markdown_table(
        ["index", *names], lines
    )
    write_result(args.out / "index_scale.json", report, text)
    print(text)


if __name__ == "__main__":
    main()
