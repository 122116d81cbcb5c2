"""The training loop, as plain as it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Generator, Tensor

from aecodec.errors import AecodecError

OPTIMIZERS = ("adam", "sgd", "rmsprop")


def make_optimizer(
    name: str, parameters: Iterable[Tensor], learning_rate: float
) -> torch.optim.Optimizer:
    """Adam, SGD with momentum 0.9, or RMSprop."""
    if name == "adam":
        return torch.optim.Adam(parameters, learning_rate, fused=True)
    if name == "sgd":
        return torch.optim.SGD(parameters, learning_rate, momentum=0.9)
    return torch.optim.RMSprop(parameters, learning_rate)


def run_epoch(
    loss_of: Callable[[Tensor], Tensor],
    data: Tensor,
    optimizer: torch.optim.Optimizer,
    batch_size: int,
    generator: Generator,
) -> float:
    """Go through the data once in random order.

    Args:
        loss_of: mean loss of a batch.
        data: (n, ...) on the device of the parameters.
        optimizer: holds the parameters.
        batch_size: of all batches but the last, which may be smaller.
        generator: of the order, on the data's device.

    Returns:
        The mean loss of a sample.

    Raises:
        AecodecError: the loss is no longer finite.
    """
    total = torch.zeros((), device=data.device)
    order = torch.randperm(len(data), generator=generator, device=data.device)
    for rows in order.split(batch_size):
        loss = loss_of(data[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(rows)
    mean = total.item() / len(data)
    if mean - mean != 0:  # nan, inf
        raise AecodecError(f"training diverged (loss {mean}); try a lower learning_rate")
    return mean


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[Generator]:
    """Reproducible randomness that leaves torch's global one as it was.

    Inside, the global generators start from the seed (layers and dropout use them), and so
    does the one given, on the device.
    """
    cuda = range(torch.cuda.device_count()) if device.type == "cuda" else ()
    with torch.random.fork_rng(devices=list(cuda)):
        torch.manual_seed(seed)
        yield torch.Generator(device).manual_seed(seed)


@contextmanager
def progress_bar(name: str, epochs: int, verbose: bool) -> Iterator[Callable[[float], Any]]:
    """A bar on stderr; call what it gives after each epoch with the loss."""
    if not verbose:
        with nullcontext():
            yield lambda loss: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=epochs)
        yield lambda loss: bar.update(task, advance=1, description=f"{name}  loss {loss:.5g}")
