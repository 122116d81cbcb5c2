"""An index filled on Ray: read and hashed there, written into the index by one process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aecodec.codec import SUFFIX
from aecodec.errors import UsageError, WeightsMismatchError, explain
from aecodec.workflows.batch.cluster import LOST, cluster, import_ray, map_on_actors
from aecodec.workflows.search import aec_reader

if TYPE_CHECKING:
    from aecodec.hashing.adding import File, Progress, Report
    from aecodec.hashing.index import ImageIndex
    from aecodec.storage.stores import Found

_MOST = 64  # files that are hashed together, sent back and written in one transaction


def add_on_ray(
    index: ImageIndex,
    inputs: Sequence[str],
    *,
    prune: bool,
    address: str | None,
    device: str,
    progress: Progress,
) -> Report:
    """As `ImageIndex.add`, of paths and URLs; `device` is that of the workers.

    Raises:
        UsageError: files in a store cannot be pruned.
        AecodecError: Ray, an input or the model is missing.
    """
    import_ray()
    from aecodec.images import IMAGE_SUFFIXES
    from aecodec.storage.stores import find, place_of

    tops = [place_of(text) for text in inputs]
    if prune and not all(top.local for top in tops):
        raise UsageError("--prune is for folders on this machine")
    failed: list[tuple[str, str]] = []

    def tell(error: OSError) -> None:
        failed.append((str(error.filename), error.strerror or explain(error)))

    suffixes = IMAGE_SUFFIXES | {SUFFIX}
    found = {str(one.place): one for top in tops for one in find(top, suffixes, tell)}

    def prepare(paths: list[str]) -> Iterator[list[File]]:
        if not paths:
            return
        many = max(1, min(_MOST, len(paths) // _MOST))
        items = [[found[p] for p in paths[n : n + many]] for n in range(0, len(paths), many)]
        model = os.path.abspath(index.model) if os.path.isfile(index.model) else index.model
        load = partial(_worker, model, device, index.hasher.fingerprint)
        done: set[str] = set()
        with cluster(address) as ray:
            for files in map_on_actors(ray, load, items, gpus=device != "cpu"):
                done.update(file.path for file in files)
                yield files
        failed.extend((path, LOST) for path in paths if path not in done)

    stamps = [(path, one.size, one.mtime_ns) for path, one in found.items()]
    below = [top.path for top in tops] if prune else []
    report = index.add_prepared(stamps, prepare, prune=below, progress=progress)
    report.failed += failed
    return report


def _worker(model: str, device: str, fingerprint: str) -> Callable[[list[Found]], list[File]]:
    from aecodec.hashing.adding import File, prepare
    from aecodec.hashing.hasher import Hasher

    hasher = Hasher(model, device)
    if hasher.fingerprint != fingerprint:
        raise WeightsMismatchError(
            f"a worker has hash weights {hasher.fingerprint}, not {fingerprint};"
            " install the same version of aecodec on every machine"
        )
    readers = {SUFFIX: aec_reader(lambda: hasher)}

    def work(files: list[Found]) -> list[File]:
        from aecodec.storage.stores import local_copy

        copies: dict[str, Found] = {}
        lost: list[File] = []
        with ExitStack() as stack:
            for one in files:
                try:
                    copies[str(stack.enter_context(local_copy(one.place)))] = one
                except OSError as error:
                    lost.append(File(str(one.place), problem=explain(error)))
            prepared = [_renamed(f, copies[f.path]) for f in prepare([*copies], hasher, readers)]
        return prepared + lost

    return work


def _renamed(file: File, found: Found) -> File:
    """Under the name and time that the file has where it is, not those of its copy."""
    if found.place.local:
        return file
    return replace(
        file,
        path=str(found.place),
        size=found.size,
        mtime_ns=found.mtime_ns,
        problem=file.problem.replace(file.path, str(found.place)),
    )
