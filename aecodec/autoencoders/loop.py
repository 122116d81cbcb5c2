"""The training loop, as plain as it gets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Generator, Tensor, nn

from aecodec.errors import AecodecError

OPTIMIZERS = ("adam", "sgd", "rmsprop")
_EVALUATION_BATCH = 4096
_Network = TypeVar("_Network", bound=nn.Module)


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
    return _finite(total.item() / len(data))


def mean_loss(network: nn.Module, data: Tensor, losses_of: Callable[[Tensor], Tensor]) -> float:
    """Mean of a loss (n,) over data, as the network is in use rather than in training.

    Raises:
        AecodecError: it is not finite.
    """
    network.eval()
    with torch.no_grad():
        losses = [losses_of(x) for x in data.split(_EVALUATION_BATCH)]
    return _finite(float(torch.cat(losses).mean()))


def _finite(loss: float) -> float:
    if not math.isfinite(loss):
        raise AecodecError(f"training diverged (loss {loss}); try a lower learning_rate")
    return loss


def usable(network: _Network) -> _Network:
    """The trained network on the CPU and ready for use.

    Raises:
        AecodecError: its weights are not finite, because the last step was one too far.
    """
    if not all(bool(t.isfinite().all()) for t in network.state_dict().values()):
        raise AecodecError("training diverged (weights not finite); try a lower learning_rate")
    return network.cpu().eval().requires_grad_(False)


class EarlyStopping:
    """Remembers the best network, and says when there has been none better for long."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.losses: list[float] = []
        self._best_state: dict[str, Tensor] = {}

    def should_stop(self, loss: float, network: nn.Module) -> bool:
        """Whether the last `patience` losses were no better than the one before them."""
        self.losses.append(loss)
        best = min(range(len(self.losses)), key=self.losses.__getitem__)
        if best == len(self.losses) - 1:
            self._best_state = {k: v.clone() for k, v in network.state_dict().items()}
        return len(self.losses) - 1 - best >= self.patience

    def restore(self, network: nn.Module) -> None:
        """Bring the network back to its best, if there was any loss."""
        if self._best_state:
            network.load_state_dict(self._best_state)


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
