"""Autoencoders with sparse codes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from aecodec.autoencoders.base import MLPAutoencoder
from aecodec.autoencoders.checks import check_choice, check_count, check_number
from aecodec.autoencoders.family import Step, estimator
from aecodec.autoencoders.networks import Network, linear_layers

_ANNEALING_SHARE = 0.5


@estimator("sparse")
@dataclass(kw_only=True, eq=False, repr=False)
class SparseAutoencoder(MLPAutoencoder):
    """Overcomplete autoencoder of whose code only a few units are active at a time.

    Parameters
    ----------
    sparsity : {"k", "l1", "kl"}
        "k": all but the k largest are set to zero, also in `transform` (Makhzani and Frey,
        "k-sparse autoencoders", 2013). "l1": rectified codes whose absolute values are
        penalised, each times the length of its decoder weights, which would else grow
        while the codes shrink. "kl": sigmoid codes whose mean activations are drawn to a
        target by their Kullback-Leibler divergence (Ng, "Sparse autoencoder", 2011).
    k : int
        Active units, for "k".
    sparsity_weight : float
        Factor of the penalty, for "l1" and "kl".
    target_activation : float
        Wanted mean activation rho, for "kl".

    The rest are those of `Family` and `MLPAutoencoder`.

    Attributes
    ----------
    dead_fraction_ : float
        Share of units that were active for no sample of the data fitted, or of the last chunk
        of `partial_fit`. Active is not zero, or above half the target for "kl".
    """

    n_components: int = field(default=256, kw_only=False)
    hidden_layers: tuple[int, ...] = ()
    sparsity: Literal["k", "l1", "kl"] = "k"
    k: int = 16
    sparsity_weight: float = 0.1
    target_activation: float = 0.05

    _shaping: ClassVar[tuple[str, ...]] = (*MLPAutoencoder._shaping, "sparsity", "k")

    def check_parameters(self, n_features: int) -> None:
        super().check_parameters(n_features)
        check_choice("sparsity", self.sparsity, ("k", "l1", "kl"))
        check_count("k", self.k)
        if self.sparsity == "k" and self.k > self.n_components:
            raise ValueError(f"k={self.k} is more than n_components={self.n_components}")
        check_number("sparsity_weight", self.sparsity_weight, 0)
        check_number("target_activation", self.target_activation, 1e-6, 1 - 1e-6)

    def _code(self, network: Network, x: Tensor) -> Tensor:
        return self._activate(network.encode(x), self._made_with["k"])

    def _activate(self, drive: Tensor, k: int) -> Tensor:
        sparsity = self._made_with["sparsity"]
        if sparsity == "k":
            top = drive.topk(k, dim=1)
            return torch.zeros_like(drive).scatter(1, top.indices, top.values)
        return torch.relu(drive) if sparsity == "l1" else torch.sigmoid(drive)

    def _loss(self, network: Network, x: Tensor, step: Step) -> Tensor:
        # From all units to k, so that each gets its chance: units that never win get no
        # gradient and die.
        share = max(0.0, 1 - step.progress / _ANNEALING_SHARE)
        drive = network.encode(x)
        k, sparsity = self._made_with["k"], self._made_with["sparsity"]
        z = self._activate(drive, k + round(share * (drive.shape[1] - k)))
        loss = network.reconstruction_loss(z, x, self.loss)
        if sparsity == "l1":
            lengths = linear_layers(network.decoder)[0].weight.norm(dim=0)
            return loss + self.sparsity_weight * (z * lengths).sum(1)
        if sparsity == "kl":
            return loss + self.sparsity_weight * self._divergence(z.mean(0))
        return loss

    def _annealing_share(self) -> float:
        return _ANNEALING_SHARE if self._made_with["sparsity"] == "k" else 0.0

    def _divergence(self, mean: Tensor) -> Tensor:
        """Sum over units of KL(target || mean), both as Bernoulli probabilities."""
        rho = self.target_activation
        mean = mean.clamp(1e-6, 1 - 1e-6)
        entropy = rho * math.log(rho) + (1 - rho) * math.log(1 - rho)
        return (entropy - rho * mean.log() - (1 - rho) * (1 - mean).log()).sum()

    def _finish(self, network: Network, data: Tensor, held_out: Tensor, step: Step) -> None:
        threshold = self.target_activation / 2 if self._made_with["sparsity"] == "kl" else 0.0
        network.eval()
        with torch.no_grad():
            active = [(self._code(network, x).abs() > threshold).any(0) for x in data.split(4096)]
        self.dead_fraction_ = 1 - float(torch.stack(active).any(0).float().mean())

    def _finish_partial(self, network: Network, data: Tensor) -> None:
        self._finish(network, data, data[:0], Step(torch.Generator(), 1.0))

    def _modules(self, n_features: int) -> tuple[nn.Module, nn.Module]:
        encoder, decoder = super()._modules(n_features)
        first, last = linear_layers(decoder)[0], linear_layers(encoder)[-1]
        if first.weight.shape == last.weight.T.shape:
            # Units that start by decoding to what they encode are of use from the start.
            first.weight.data.copy_(last.weight.T)
        if self.sparsity == "kl":  # the way from one half to the target is a long one
            rho = self.target_activation
            last.bias.data.fill_(math.log(rho / (1 - rho)))
        return encoder, decoder
