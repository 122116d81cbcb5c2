"""How autoencoders are trained: at once, or chunk by chunk."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data
from torch import Tensor, nn
from typing_extensions import Self

from aecodec.autoencoders.family import Family, Step
from aecodec.autoencoders.loop import (
    EarlyStopping,
    make_optimizer,
    mean_loss,
    run_epoch,
    seeded,
    usable,
)
from aecodec.autoencoders.networks import Network
from aecodec.nn.device import choose_device
from aecodec.progress import progress_bar

Array = npt.NDArray[Any]
DTYPES = (np.float64, np.float32)  # the first is what anything else becomes
_LEAST_PEAK = 0.01  # of data for a sigmoid, which starts from means of 0.01 or more


class Trainable(Family):
    """`fit` and `partial_fit`."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, all finite.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Data or a parameter do not fit.
        AecodecError
            The training diverged, or there is no such device. As after any error, the
            estimator is what it was before.
        """
        with unchanged_on_failure(self):
            X = validate_data(self, X, dtype=DTYPES)
            self.check_parameters(X.shape[1])
            self.__dict__.pop("validation_loss_curve_", None)  # of an earlier fit
            self.loss_curve_: list[float] = []
            self._optimizer_state: tuple[str, Any] | None = None
            seed = int(check_random_state(self.random_state).randint(2**31))
            device = choose_device(self.device)
            with seeded(seed, device) as generator:
                data, held_out = self._split(self._first_data(X), generator)
                network = self._network(data).to(device)
                data, held_out = data.to(device), held_out.to(device)
                self._prepare(network, data, Step(generator, 0.0))
                self._train(network, data, held_out, generator)
                self._finish(network, data, held_out, Step(generator, 1.0))
            self.network_ = usable(network)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Train for one pass over a chunk of data that need not fit into memory as a whole.

        The first chunk decides on the kind of output and the scaling; once the output is a
        sigmoid, all chunks must be in [0, 1]. The optimiser's state lasts from call to call,
        the learning rate is constant, early stopping and pretraining do not apply. What is
        annealed in `fit` is fully annealed after `max_epochs` calls.

        Parameters and errors are those of `fit`.
        """
        with unchanged_on_failure(self):
            first = not hasattr(self, "network_")
            X = validate_data(self, X, dtype=DTYPES, reset=first)
            self.check_parameters(X.shape[1])
            if first:
                self.loss_curve_ = []
                self._optimizer_state = None
                self._seed = int(check_random_state(self.random_state).randint(2**31 - 2**20))
            device = choose_device(self.device)
            with seeded(getattr(self, "_seed", 0) + len(self.loss_curve_), device) as generator:
                data = self._first_data(X) if first else self._more_data(X)
                network = self._network(data) if first else copy.deepcopy(self.network_)
                self._train_once(network.to(device).train(), data.to(device), generator)
            self.network_ = usable(network)
            self.n_iter_ = len(self.loss_curve_)
        return self

    def _train_once(self, network: Network, data: Tensor, generator: torch.Generator) -> None:
        optimizer = self._make_optimizer(network)
        step = Step(generator, min(1.0, len(self.loss_curve_) / self.max_epochs))
        loss = run_epoch(
            lambda x: self._objective(network, x, step),
            data,
            optimizer,
            self.batch_size,
            generator,
        )
        self.loss_curve_ = [*self.loss_curve_, loss]
        self._optimizer_state = self.optimizer, _to_cpu(optimizer.state_dict())
        self._finish_partial(network, data)

    def _finish_partial(self, network: Network, data: Tensor) -> None:
        """Whatever comes after a call of `partial_fit`."""

    def _first_data(self, X: Array) -> Tensor:
        """Data to train a new network on, once they have decided on its output.

        In float32 for a sigmoid; else in their own dtype until they are normalised.
        """
        data = to_tensor(X).float()
        self.sigmoid_ = self._wants_sigmoid(data)
        return data if self.sigmoid_ else to_tensor(X)

    def _more_data(self, X: Array) -> Tensor:
        """Data to train the network further on."""
        data = to_tensor(X).float()
        if self.sigmoid_:
            _check_unit_interval(data)
        elif self.loss == "bce":
            raise ValueError("loss='bce' needs a sigmoid output, and this network has a linear one")
        return data if self.sigmoid_ else to_tensor(X)

    def _split(self, data: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Data to train on and to stop by; the latter are empty without early stopping."""
        count = round(self.validation_fraction * len(data)) if self.early_stopping else 0
        if self.early_stopping and not 0 < count < len(data):
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of {len(data)} sample(s)"
                " leaves none to train on or none to validate with"
            )
        order = torch.randperm(len(data), generator=generator, device=generator.device).cpu()
        return (data[order[count:]], data[order[:count]]) if count else (data, data[:0])

    def _make_optimizer(self, network: Network) -> torch.optim.Optimizer:
        network.requires_grad_(True)
        optimizer = make_optimizer(self.optimizer, network.parameters(), self.learning_rate)
        if self._optimizer_state and self._optimizer_state[0] == self.optimizer:
            # A copy, since training goes on in these tensors, and may fail.
            optimizer.load_state_dict(copy.deepcopy(self._optimizer_state[1]))
            for group in optimizer.param_groups:  # it may have been changed by set_params
                group["lr"] = self.learning_rate
        return optimizer

    def _objective(self, network: Network, x: Tensor, step: Step) -> Tensor:
        return self._loss(network, x, step).mean() + self._penalty(network)

    def _penalty(self, module: nn.Module) -> Tensor | float:
        """L1 and L2 of its weights."""
        if not (self.l1 or self.l2):
            return 0.0
        weights = [p for name, p in module.named_parameters() if name.endswith("weight")]
        absolute = sum(w.abs().sum() for w in weights)
        return self.l1 * absolute + self.l2 * sum(w.square().sum() for w in weights)

    def _train(
        self, network: Network, data: Tensor, held_out: Tensor, generator: torch.Generator
    ) -> None:
        optimizer = self._make_optimizer(network)
        batches = -(-len(data) // self.batch_size)
        annealing = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.max_epochs * batches)
        step = Step(generator, 0.0)

        def loss_of(x: Tensor) -> Tensor:
            step.progress = annealing.last_epoch / (self.max_epochs * batches)
            return self._objective(network, x, step)

        optimizer.register_step_post_hook(lambda *_: annealing.step())
        stopper = EarlyStopping(self.n_iter_no_change) if len(held_out) else None
        annealed = self._annealing_share() * self.max_epochs
        with progress_bar(self.verbose, self.max_epochs) as progress:
            for epoch in range(1, self.max_epochs + 1):
                network.train()
                loss = run_epoch(loss_of, data, optimizer, self.batch_size, generator)
                self.loss_curve_.append(loss)
                judged = stopper and len(self.loss_curve_) > annealed
                if judged:
                    loss = self._held_out_loss(network, held_out)
                about = f"{type(self).__name__}  loss {loss:.5g}"
                progress(epoch, self.max_epochs, about)
                if stopper and judged and stopper.should_stop(loss, network):
                    break
        if stopper:
            stopper.restore(network)
            self.validation_loss_curve_ = stopper.losses
        self.n_iter_ = len(self.loss_curve_)

    def _held_out_loss(self, network: Network, held_out: Tensor) -> float:
        """Mean loss when all is annealed, with the same random numbers each time."""
        step = Step(torch.Generator(held_out.device).manual_seed(0), 1.0)
        return mean_loss(network, held_out, lambda x: self._loss(network, x, step))

    def _wants_sigmoid(self, data: Tensor) -> bool:
        wanted = self.output == "sigmoid" or self.loss == "bce"
        if wanted:
            _check_unit_interval(data)
        tiny = bool(data.max() < _LEAST_PEAK)
        return wanted or (self.output == "auto" and _in_unit_interval(data) and not tiny)


def to_tensor(X: Array) -> Tensor:
    """A copy as a tensor, of arrays that torch does not take too: `X[::-1]`, another byte order."""
    return torch.tensor(np.asarray(X, dtype=X.dtype.newbyteorder("="), order="C"))


@contextmanager
def unchanged_on_failure(estimator: BaseEstimator) -> Iterator[None]:
    """An error within leaves all attributes as they were: fitted by what came before, or not.

    What attributes refer to must not be changed in place.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:  # also an impatient Ctrl-C
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def _in_unit_interval(data: Tensor) -> bool:
    return bool(data.min() >= 0) and bool(data.max() <= 1)


def _check_unit_interval(data: Tensor) -> None:
    if not _in_unit_interval(data):
        raise ValueError(
            f"a sigmoid output and binary cross-entropy need data in [0, 1], not in"
            f" [{data.min():g}, {data.max():g}]; rescale them or use output='linear'"
        )


def _to_cpu(state: Any) -> Any:
    """A nested state with all its tensors on the CPU."""
    if isinstance(state, Tensor):
        return state.cpu()
    if isinstance(state, dict):
        return {key: _to_cpu(value) for key, value in state.items()}
    return [_to_cpu(value) for value in state] if isinstance(state, list) else state
