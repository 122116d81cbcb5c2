"""The linear autoencoder, which is principal component analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from sklearn.utils.metaestimators import available_if
from torch import Tensor, nn
from typing_extensions import Self

from aecodec.autoencoders.base import BaseAutoencoder
from aecodec.autoencoders.checks import check_bool, check_choice
from aecodec.autoencoders.family import Step, estimator
from aecodec.autoencoders.networks import Network, TiedDecoder, linear_layers


def _needs_gradients(model: LinearAutoencoder) -> bool:
    return model.solver == "gradient"


@estimator("linear")
@dataclass(kw_only=True, eq=False, repr=False)
class LinearAutoencoder(BaseAutoencoder):
    """Linear encoder and decoder: its code spans the space of the first principal components.

    (Baldi and Hornik, "Neural networks and principal component analysis", 1989.) The
    directions within that space are arbitrary, unless `solver="svd"` gives PCA's own.

    Parameters
    ----------
    tied : bool
        Whether the decoder's weights are the transpose of the encoder's.
    solver : {"gradient", "svd"}
        Train by gradient descent, or compute the optimum exactly. "svd" ignores what
        concerns training, tied or not comes to the same, and has no `partial_fit`.

    The rest are those of `Family`; the output is linear always, and `dropout` acts
    on the code.
    """

    output: Literal["linear"] = "linear"
    # Large batches: the noise of small ones turns directions of like variance.
    learning_rate: float = 0.03
    batch_size: int = 2048
    max_epochs: int = 300
    tied: bool = True
    solver: Literal["gradient", "svd"] = "gradient"

    _losses: ClassVar[tuple[str, ...]] = ("mse",)
    _shaping: ClassVar[tuple[str, ...]] = (*BaseAutoencoder._shaping, "tied")

    def check_parameters(self, n_features: int) -> None:
        super().check_parameters(n_features)
        check_choice("output", self.output, ("linear",))
        check_bool("tied", self.tied)
        check_choice("solver", self.solver, ("gradient", "svd"))

    def _modules(self, n_features: int) -> tuple[nn.Module, nn.Module]:
        # No bias: the data are centred.
        encoder = nn.Linear(n_features, self.n_components, bias=False)
        nn.init.orthogonal_(encoder.weight)
        if self.tied:
            decoder: nn.Module = TiedDecoder(encoder, "identity")
        else:
            decoder = nn.Linear(self.n_components, n_features, bias=False)
            nn.init.orthogonal_(decoder.weight)
        return encoder, nn.Sequential(nn.Dropout(self.dropout), decoder)

    @available_if(_needs_gradients)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Train for one pass over a chunk; see `BaseAutoencoder`. Not with `solver="svd"`."""
        return super().partial_fit(X, y)

    def _split(self, data: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if self.solver == "svd":  # there is nothing to stop
            return data, data[:0]
        return super()._split(data, generator)

    def _train(
        self, network: Network, data: Tensor, held_out: Tensor, generator: torch.Generator
    ) -> None:
        if self.solver == "gradient":
            super()._train(network, data, held_out, generator)
            return
        directions = torch.linalg.svd(network.normalise(data).double(), full_matrices=False).Vh
        with torch.no_grad():
            weight = torch.zeros(self.n_components, data.shape[1])
            rank = min(self.n_components, len(directions))
            weight[:rank] = directions[:rank]  # beyond the rank there is nothing to encode
            linear_layers(network.encoder)[0].weight.copy_(weight)
            for layer in linear_layers(network.decoder):  # none if tied
                layer.weight.copy_(weight.T)
            step = Step(generator, 1.0)
            self.loss_curve_ = [float(self._loss(network.eval(), data, step).mean())]
        self.n_iter_ = 1
