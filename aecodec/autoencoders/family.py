"""What makes a family of autoencoders: its parameters, and what it may fill in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from aecodec.autoencoders.checks import check_bool, check_choice, check_count, check_number
from aecodec.autoencoders.loop import OPTIMIZERS
from aecodec.autoencoders.networks import Network

AnyClass = TypeVar("AnyClass", bound=type)

ESTIMATORS: dict[str, type] = {}
"""By the names of their classes, the estimators that files may hold."""

KINDS: dict[str, type] = {}
"""By the names that users give them, the autoencoders there are."""


def estimator(kind: str = "") -> Callable[[AnyClass], AnyClass]:
    """Register a class of estimators, to be saved; with a kind, users can ask for it."""

    def register(cls: AnyClass) -> AnyClass:
        ESTIMATORS[cls.__name__] = cls
        if kind:
            KINDS[kind] = cls
        return cls

    return register


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
class Family(BaseEstimator):
    """Parameters of all autoencoders, and the hooks in which they differ.

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
        `ConvAutoencoder`, and for what `aecodec ae fit` fitted to images.
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

    def check_parameters(self, n_features: int) -> None:
        """Raise ValueError where a parameter is out of range for data of so many features."""
        check_count("n_components", self.n_components)
        check_choice("loss", self.loss, self._losses)
        check_choice("output", self.output, ("auto", "linear", "sigmoid"))
        if self.loss == "bce" and self.output == "linear":
            raise ValueError('loss="bce" needs output="sigmoid" or "auto"')
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


def _center_and_scale(data: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of each feature, and the standard deviation of all around it (1 if 0), in float64."""
    center = data.mean(0, dtype=torch.float64)
    scale = (data - center).square_().mean().sqrt()
    if not scale.isfinite():
        raise ValueError("the data are too large: their standard deviation overflows; rescale them")
    return center, scale if scale > 0 else torch.ones_like(scale)
