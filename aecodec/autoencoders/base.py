"""What users call on a fitted autoencoder, with the scikit-learn API."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from aecodec.autoencoders.checks import check_choice, check_counts
from aecodec.autoencoders.fitting import DTYPES, Array, Trainable, to_tensor
from aecodec.autoencoders.loop import seeded
from aecodec.autoencoders.networks import ACTIVATIONS, Network, mlp
from aecodec.nn.device import choose_device

_INFERENCE_BATCH = 4096
_LEAST_ENERGY = 1e-12  # of a sample of zeros, to divide by, in squared deviations of the data


class BaseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Trainable):
    """Base of all autoencoders; not for use by itself.

    Training is in float32. Codes and reconstructions are computed and returned in the
    dtype of the data given, float32 or float64 (to which all else is converted).
    Parameters and attributes: see `Family`.
    """

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
        X = check_array(X, dtype=DTYPES)
        if X.shape[1] != self._n_features_out:
            raise ValueError(f"codes have {self._n_features_out} columns, not {X.shape[1]}")
        return self._infer(lambda network, z: network.decode(z), X)

    def reconstruct(self, X: Any) -> Array:
        """Encode and decode: (n_samples, n_features), in the dtype of X."""
        return self._infer(self._reconstruction, self._check_data(X))

    def reconstruction_error(self, X: Any) -> Array:
        """Mean squared error of each sample, in squared units of X: (n_samples,)."""
        return self._infer(self._squared_error, self._check_data(X))

    def relative_error(self, X: Any) -> Array:
        """`reconstruction_error` divided by the mean square of the sample itself: (n_samples,).

        For data whose zero means nothing, such as ink or counts; a sample of zeros has an
        error far above all others unless it comes back as zeros.
        """
        X = self._check_data(X)
        wide = X.astype(np.float64)  # squares of large float32 would overflow
        energy = np.square(wide).mean(1)
        least = _LEAST_ENERGY * float(self.network_.scale) ** 2
        error = self._infer(self._squared_error, wide)
        return (error / np.maximum(energy, least)).astype(X.dtype)

    def score_samples(self, X: Any) -> Array:
        """How well each sample fits: the negative of its reconstruction error, (n_samples,)."""
        return -self.reconstruction_error(X)

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`; higher is better, as model selection expects."""
        return float(np.mean(self.score_samples(X)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a file that `aecodec.autoencoders.load` reads.

        safetensors with JSON in its header; the file is there in full or not at all, and its
        folder is created. A `random_state` that is no int is not kept,
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

    def _squared_error(self, network: Network, x: Tensor) -> Tensor:
        return (self._reconstruction(network, x) - x).square().mean(1)

    def _reconstruction(self, network: Network, x: Tensor) -> Tensor:
        return network.decode(self._code(network, x))

    def _check_data(self, X: Any) -> Array:
        check_is_fitted(self)
        return validate_data(self, X, dtype=DTYPES, reset=False)

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
                x = to_tensor(X[start : start + _INFERENCE_BATCH]).to(device)
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

    def check_parameters(self, n_features: int) -> None:
        super().check_parameters(n_features)
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
