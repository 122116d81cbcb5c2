"""Ray: a cluster, and a pool of actors in it that load a model once and then work.

Ray itself is imported only when it is asked for: that alone takes seconds.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, TypeVar

from aecodec.errors import AecodecError, needs_extra

Item = TypeVar("Item")
Result = TypeVar("Result")
Batch = dict[str, Any]

LOST = "not done, as its worker died (of too little memory?); run this again"
"""What is to be said of an item without a result."""

_TRIES = 3  # of an item whose worker dies; more would not help if the item is what kills it
_BLOCKS_PER_ACTOR = 10  # so many turns each: fewer, and one slow block holds up the end


@contextmanager
def cluster(address: str | None) -> Iterator[Any]:
    """Ray, connected to a cluster or with one of its own on this machine, until the block ends.

    A connection that is there already is used, and left. Within the block what is printed goes
    to stderr: Ray prints that a worker died, and stdout is for results.

    Args:
        address: of a cluster, "auto" for the one of this machine; None starts one.

    Raises:
        AecodecError: Ray is not installed, or there is no such cluster.
    """
    ray = import_ray()
    if ray.is_initialized():
        with redirect_stdout(sys.stderr):
            yield ray
        return
    # Ray's warnings are about its own inside, and it repeats them for each worker.
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        with _hushed():
            if address is None:
                ray.init(address="local", include_dashboard=False, **quiet)
            else:
                ray.init(address=address, **quiet)
    except (ConnectionError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise AecodecError(f"no Ray cluster at {address}: {reason}") from None
    try:
        with redirect_stdout(sys.stderr):
            yield ray
    finally:
        ray.shutdown()


@contextmanager
def _hushed() -> Iterator[None]:
    """Without what C++ writes to stderr: that it was told to be quiet, for one."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def import_ray() -> Any:
    """Ray with its telemetry and its chatter off.

    Raises:
        AecodecError: it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its C++ writes to our stderr
    try:
        import pyarrow  # noqa: F401
        import ray.data
    except ImportError:
        raise needs_extra("--engine ray", "ray") from None
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    return ray


def map_on_actors(
    ray: Any,
    load: Callable[[], Callable[[Item], Result]],
    items: Sequence[Item],
    *,
    gpus: bool = True,
) -> Iterator[Result]:
    """Results of the items in any order, from as many actors as there are GPUs, or else cores.

    An item whose worker dies (of memory, say) is tried again, and then has no result; that is
    for the caller to notice.

    Args:
        ray: from `cluster`.
        load: called once in each actor; gives the function from an item to its result. It, the
            items and the results must be picklable.
        items: what to work on.
        gpus: actors take a GPU each where there are any.

    Raises:
        AecodecError, OSError, MemoryError: the first that `load` or its function raised.
        RuntimeError: any other, with the traceback from the worker.
    """
    if not items:
        return
    there = ray.cluster_resources()
    on_gpus = gpus and there.get("GPU", 0) >= 1
    most = max(1, min(len(items), math.floor(there.get("GPU" if on_gpus else "CPU", 1))))
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1
    blocks = min(len(items), _BLOCKS_PER_ACTOR * most)
    rows = [{"item": pickle.dumps(item)} for item in items]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `max_task_retries` has no successor yet
        results = ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
            _Actor,
            fn_constructor_args=(load,),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
            max_task_retries=_TRIES - 1,
            **({"num_gpus": 1} if on_gpus else {"num_cpus": 1}),
        )
    # No prefetching: its threads may outlive the interpreter, which aborts the process.
    for batch in results.iter_batches(batch_size=None, prefetch_batches=0):
        for pickled in batch["result"]:
            result = pickle.loads(pickled)
            if isinstance(result, Exception):
                raise result
            yield result


class _Actor:
    """Loads once, then does one item after the other.

    Errors travel as results: so they arrive as they are, and Ray need not be told which of
    them are worth another try.
    """

    def __init__(self, load: Callable[[], Callable[[Any], Any]]) -> None:
        self._work: Callable[[Any], Any] | None = None
        self._problem: Exception | None = None
        try:
            self._work = load()
        except Exception as error:
            self._problem = _portable(error)

    def __call__(self, batch: Batch) -> Batch:
        return {"result": [pickle.dumps(self._do(item)) for item in batch["item"]]}

    def _do(self, item: bytes) -> Any:
        if self._work is None:
            return self._problem
        try:
            return self._work(pickle.loads(item))
        except Exception as error:
            return _portable(error)


def _portable(error: Exception) -> Exception:
    """As it is if it is meant for people, else as text: not every exception can be pickled."""
    if isinstance(error, AecodecError | OSError | MemoryError):
        return error
    return RuntimeError(f"in a worker:\n{traceback.format_exc()}")
