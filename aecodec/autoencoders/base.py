"""What all autoencoders share: parameters, training, and the scikit-learn API."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn
from typing_extensions import Self

from aecodec.autoencoders.checks import (
    check_bool,
    check_choice,
    check_count,
    check_counts,
    check_number,
)
from aecodec.autoencoders.loop import (
    OPTIMIZERS,
    EarlyStopping,
    make_optimizer,
    mean_loss,
    progress_bar,
    run_epoch,
    seeded,
    usable,
)
from aecodec.autoencoders.networks import ACTIVATIONS, Network, mlp
from aecodec.nn.device import choose_device

Array = npt.NDArray[Any]
_DTYPES = (np.float64, np.float32)  # the first is what anything else becomes
_INFERENCE_BATCH = 4096
_LEAST_PEAK = 0.01  # of data for a sigmoid, which starts from means of 0.01 or more
_LEAST_ENERGY = 1e-12  # of a sample of zeros, to divide by


@dataclass
class Step:
    """What a loss may want to know besides the batch.

    Attributes:
        generator: source of randomness, on the batch's device.
        progress: share of the training that is done, from 0 to 1.
    """

    generator: torch.Generator
    progress: float


# A dataclass writes the __init__ that scikit-learn asks of every class: each parameter
# by name, stored as it is. Shared parameters are declared once, here.
@dataclass(kw_only=True, eq=False, repr=False)
class BaseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base of all autoencoders; not for use by itself.

    Training is in float32. Codes and reconstructions are computed and returned in the
    dtype of the data given, float32 or float64 (to which all else is converted).

    Parameters
    ----------
    n_components : int
        Size of the code.
    loss : {"mse", "bce"}
        Squared error, or binary cross-entropy for data in [0, 1].
    output : {"auto", "linear", "sigmoid"}
        Output of the decoder. "auto" is sigmoid where all data are in [0, 1] and not all of
        them below 0.01, which a sigmoid could hardly tell apart; else linear.
    l1, l2 : float
        Penalties on the weights (not the biases): `l1 * sum |w| + l2 * sum w**2`, added to
        a loss that is summed over features and averaged over samples.
    dropout : float
        Probability for a hidden unit to be dropped in training; without hidden layers, for a
        unit of the code.
    optimizer : {"adam", "sgd", "rmsprop"}
        SGD is with momentum 0.9.
    learning_rate : float
        In `fit` it falls to zero along a cosine; in `partial_fit` it stays.
    batch_size : int
        Samples per step.
    max_epochs : int
        Passes through the data.
    early_stopping : bool
        Hold data out, stop when their loss no longer falls, and keep the best network. Does
        not begin before what is annealed (k-sparse codes, concrete selection) is annealed.
    validation_fraction : float
        Share of the data held out for early stopping.
    n_iter_no_change : int
        Epochs without improvement after which early stopping stops.
    device : {"auto", "cpu", "cuda"}
        "auto" is a GPU where there is one. The fitted network is kept on the CPU.
    random_state : int, RandomState instance or None
        Seed of everything random. Global random states are left alone.
    verbose : bool
        Show a progress bar.

    Attributes
    ----------
    network_ : aecodec.autoencoders.networks.Network
        The torch module, float32, on the CPU.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_loss_curve_ : list of float
        Loss of the held-out data; with early stopping only, and once all is annealed.
    n_iter_ : int
        Epochs done.
    sigmoid_ : bool
        Whether the output is a sigmoid's.
    n_features_in_ : int
        Features of the data.
    image_shape_ : tuple of int
        (height, width, channels) where rows are images and it is known: for
        `ConvAutoencoder`, and for what `aecodec fit` fitted to images.
    """

    n_components: int = field(default=32, kw_only=False)
    loss: Literal["mse", "bce"] = "mse"
    output: Literal["auto", "linear", "sigmoid"] = "auto"
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    optimizer: Literal["adam", "sgd", "rmsprop"] = "adam"
    learning_rate: float = 1e-3
    batch_size: int = 128
    max_epochs: int = 50
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 5
    device: Literal["auto", "cpu", "cuda"] = "auto"
    random_state: Any = None
    verbose: bool = False

    # ---- what makes a family ------------------------------------------------------------

    _losses: ClassVar[tuple[str, ...]] = ("mse", "bce")
    # Parameters that a network's modules depend on; a fitted one keeps those it was made with.
    _shaping: ClassVar[tuple[str, ...]] = ("n_components", "dropout")

    def _modules(self, n_features: int) -> tuple[nn.Module, nn.Module]:
        """New encoder and decoder."""
        raise NotImplementedError

    def _network(self, data: Tensor) -> Network:
        """New network for these data (n, features)."""
        self._made_with = {name: getattr(self, name) for name in self._shaping}
        if self.sigmoid_:
            center, scale = data.mean(0), torch.ones(())
        else:
            center, scale = _center_and_scale(data)
        return Network(*self._modules(data.shape[1]), center, scale, self.sigmoid_)

    def _code(self, network: Network, x: Tensor) -> Tensor:
        """Code of data; the same each time."""
        return network.encode(x)

    def _loss(self, network: Network, x: Tensor, step: Step) -> Tensor:
        """Training loss of each sample: (n,)."""
        return network.reconstruction_loss(network.encode(x), x, self.loss)

    def _prepare(self, network: Network, data: Tensor, step: Step) -> None:
        """Whatever comes before the training proper."""

    def _finish(self, network: Network, data: Tensor, held_out: Tensor, step: Step) -> None:
        """Whatever comes after the training proper."""

    def _annealing_share(self) -> float:
        """Share of the training in which the loss changes, so that it tells nothing yet."""
        return 0.0

    def _check_parameters(self, n_features: int) -> None:
        """Raise ValueError where a parameter is out of range."""
        check_count("n_components", self.n_components)
        check_choice("loss", self.loss, self._losses)
        check_choice("output", self.output, ("auto", "linear", "sigmoid"))
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_number("l1", self.l1, 0)
        check_number("l2", self.l2, 0)
        check_number("dropout", self.dropout, 0, 0.99)
        check_number("learning_rate", self.learning_rate, 0, 1e38)  # which float32 holds
        check_count("batch_size", self.batch_size)
        check_count("max_epochs", self.max_epochs)
        check_bool("early_stopping", self.early_stopping)
        check_number("validation_fraction", self.validation_fraction, 0.0, 0.9)
        check_count("n_iter_no_change", self.n_iter_no_change)
        check_bool("verbose", self.verbose)

    # ---- fitting ------------------------------------------------------------------------

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
            X = validate_data(self, X, dtype=_DTYPES)
            self._check_parameters(X.shape[1])
            self.__dict__.pop("validation_loss_curve_", None)  # of an earlier fit
            self.loss_curve_: list[float] = []
            self._optimizer_state = None
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
            X = validate_data(self, X, dtype=_DTYPES, reset=first)
            self._check_parameters(X.shape[1])
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
        self._optimizer_state = _to_cpu(optimizer.state_dict())
        self._finish_partial(network, data)

    def _finish_partial(self, network: Network, data: Tensor) -> None:
        """Whatever comes after a call of `partial_fit`."""

    def _first_data(self, X: Array) -> Tensor:
        """Data to train a new network on, once they have decided on its output.

        In float32 for a sigmoid; else in their own dtype until they are normalised.
        """
        data = torch.tensor(X, dtype=torch.float32)
        self.sigmoid_ = self._wants_sigmoid(data)
        return data if self.sigmoid_ else torch.tensor(X)

    def _more_data(self, X: Array) -> Tensor:
        """Data to train the network further on."""
        data = torch.tensor(X, dtype=torch.float32)
        if self.sigmoid_:
            _check_unit_interval(data)
        return data if self.sigmoid_ else torch.tensor(X)

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
        if self._optimizer_state:
            # A copy, since training goes on in these tensors, and may fail.
            optimizer.load_state_dict(copy.deepcopy(self._optimizer_state))
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
        with progress_bar(type(self).__name__, self.max_epochs, self.verbose) as show:
            for _ in range(self.max_epochs):
                network.train()
                loss = run_epoch(loss_of, data, optimizer, self.batch_size, generator)
                self.loss_curve_.append(loss)
                judged = stopper and len(self.loss_curve_) > annealed
                if judged:
                    loss = self._held_out_loss(network, held_out)
                show(loss)
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
        if self.loss == "bce" and self.output == "linear":
            raise ValueError('loss="bce" needs output="sigmoid" or "auto"')
        if wanted:
            _check_unit_interval(data)
        tiny = bool(data.max() < _LEAST_PEAK)
        return wanted or (self.output == "auto" and _in_unit_interval(data) and not tiny)

    # ---- using --------------------------------------------------------------------------

    def transform(self, X: Any) -> Array:
        """Encode.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            In the dtype of X.
        """
        return self._infer(self._code, self._check_data(X))

    def inverse_transform(self, X: Any) -> Array:
        """Decode.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        data : ndarray of shape (n_samples, n_features)
            In the dtype of X.
        """
        check_is_fitted(self)
        X = check_array(X, dtype=_DTYPES)
        if X.shape[1] != self._n_features_out:
            raise ValueError(f"codes have {self._n_features_out} columns, not {X.shape[1]}")
        return self._infer(lambda network, z: network.decode(z), X)

    def reconstruct(self, X: Any) -> Array:
        """Encode and decode: (n_samples, n_features), in the dtype of X."""
        return self._infer(self._reconstruction, self._check_data(X))

    def reconstruction_error(self, X: Any) -> Array:
        """Mean squared error of each sample's reconstruction, in squared units of X: (n_samples,)."""
        return self._infer(
            lambda network, x: (self._reconstruction(network, x) - x).square().mean(1),
            self._check_data(X),
        )

    def relative_error(self, X: Any) -> Array:
        """`reconstruction_error` divided by the mean square of the sample itself: (n_samples,).

        For data whose zero means nothing, such as ink or counts; a sample of zeros has an
        error far above all others unless it comes back as zeros.
        """
        energy = np.square(self._check_data(X)).mean(1)
        return self.reconstruction_error(X) / np.maximum(energy, _LEAST_ENERGY)

    def score_samples(self, X: Any) -> Array:
        """How well each sample fits: the negative of its reconstruction error, (n_samples,)."""
        return -self.reconstruction_error(X)

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`; higher is better, as model selection expects."""
        return float(np.mean(self.score_samples(X)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a file that `aecodec.autoencoders.load` reads.

        safetensors with JSON in its header. A `random_state` that is no int is not kept,
        nor is the optimiser's state for `partial_fit`.
        """
        from aecodec.autoencoders.files import save

        save(self, path)

    def _restore_network(self, state: dict[str, Tensor]) -> None:
        """Make the network of a saved state; the fitted attributes are there already."""
        fitted = dict(vars(self))
        with seeded(0, torch.device("cpu")):  # weights and data that are replaced right away
            network = self._network(torch.zeros(2, self.n_features_in_))
        self.__dict__.update(fitted)
        network.load_state_dict(state, assign=True)  # in the dtypes of the state
        self.network_ = network.eval().requires_grad_(False)
        self._optimizer_state = None

    def _reconstruction(self, network: Network, x: Tensor) -> Tensor:
        return network.decode(self._code(network, x))

    def _check_data(self, X: Any) -> Array:
        check_is_fitted(self)
        return validate_data(self, X, dtype=_DTYPES, reset=False)

    def _infer(
        self,
        function: Callable[[Network, Tensor], Tensor],
        X: Array,
        *,
        gradients: bool = False,
    ) -> Array:
        """The function of network and data, batch by batch, in the dtype of X."""
        device = choose_device(self.device)
        dtype = torch.float64 if X.dtype == np.float64 else torch.float32
        network = copy.deepcopy(self.network_).to(device)
        for parameter in network.parameters():  # centre and scale stay as precise as they are
            parameter.data = parameter.data.to(dtype)
        parts = []
        with torch.set_grad_enabled(gradients):
            for start in range(0, len(X), _INFERENCE_BATCH):
                x = torch.tensor(X[start : start + _INFERENCE_BATCH], device=device)
                parts.append(function(network, x).detach().cpu().numpy())
        return np.concatenate(parts)

    @property
    def _n_features_out(self) -> int:
        """Of the fitted network; an AttributeError before, which scikit-learn looks for."""
        return self._made_with["n_components"]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


@dataclass(kw_only=True, eq=False, repr=False)
class MLPAutoencoder(BaseAutoencoder):
    """Base of the autoencoders whose encoder and decoder are multilayer perceptrons.

    Parameters
    ----------
    hidden_layers : tuple of int
        Widths of the encoder's hidden layers; the decoder has them in reverse.
    activation : {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "identity"}
        Of the hidden layers.
    """

    hidden_layers: tuple[int, ...] = (256,)
    activation: str = "relu"

    _shaping: ClassVar[tuple[str, ...]] = (
        *BaseAutoencoder._shaping,
        "hidden_layers",
        "activation",
    )

    def _check_parameters(self, n_features: int) -> None:
        super()._check_parameters(n_features)
        check_counts("hidden_layers", self.hidden_layers)
        check_choice("activation", self.activation, ACTIVATIONS)

    def _modules(self, n_features: int) -> tuple[nn.Module, nn.Module]:
        sizes = (n_features, *self.hidden_layers, self.n_components)
        encoder = mlp(sizes, self.activation, self.dropout)
        return encoder, mlp(sizes[::-1], self.activation, self.dropout)

    def _network(self, data: Tensor) -> Network:
        network = super()._network(data)
        if self.dropout and not self.hidden_layers:  # the code's units are the only ones
            network.decoder = nn.Sequential(nn.Dropout(self.dropout), network.decoder)
        return network


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


def _center_and_scale(data: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of each feature, and the standard deviation of all around it (1 if 0), in float64."""
    center = data.mean(0, dtype=torch.float64)
    scale = (data - center).square_().mean().sqrt()
    if not scale.isfinite():
        raise ValueError("the data are too large: their standard deviation overflows; rescale them")
    return center, scale if scale > 0 else torch.ones_like(scale)


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
