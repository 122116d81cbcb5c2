"""The concrete autoencoder, which selects features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from aecodec.autoencoders.base import MLPAutoencoder
from aecodec.autoencoders.checks import check_number
from aecodec.autoencoders.family import Step, estimator
from aecodec.autoencoders.loop import EarlyStopping, make_optimizer, mean_loss, run_epoch
from aecodec.autoencoders.networks import Network, mlp

_REFINEMENT_SHARE = 0.2
_GAIN = 50.0


class _ConcreteNetwork(Network):
    """Its encoder is a matrix: for each unit of the code, logits over the features.

    Inside, units of the code are normalised mixtures of features; outside, a code is
    the selected features as they are, in the order of the features.
    """

    support: Tensor
    rank: Tensor

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        units = torch.arange(self.logits().shape[0])
        self.register_buffer("support", units)  # features selected, ascending
        self.register_buffer("rank", units.clone())  # where in `support` each unit's feature is

    def logits(self) -> Tensor:
        """(code, features). They must move further than weights do, hence the gain."""
        weight: Tensor = self.encoder.weight  # type: ignore[assignment]
        return _GAIN * weight

    def settle(self) -> None:
        """Give each unit a feature of its own, so that the sum of log-probabilities is highest.

        The most likely ones of two units may be the same, which would waste one.
        """
        scores = self.logits().detach().log_softmax(1).cpu().double().numpy()
        _, chosen = linear_sum_assignment(scores, maximize=True)
        self.support.copy_(torch.from_numpy(np.sort(chosen)))
        self.rank.copy_(torch.from_numpy(np.argsort(np.argsort(chosen))))

    def encode(self, x: Tensor) -> Tensor:
        return x[:, self.support]

    def units(self, z: Tensor) -> Tensor:
        """Selected features as the decoder takes them."""
        units = (z - self.center[self.support]) / self.scale
        return units[:, self.rank].to(self.dtype)

    def decode(self, z: Tensor) -> Tensor:
        return super().decode(self.units(z))


@estimator("concrete")
@dataclass(kw_only=True, eq=False, repr=False)
class ConcreteAutoencoder(SelectorMixin, MLPAutoencoder):
    """Selects the features from which the others are best reconstructed.

    (Balin et al., "Concrete autoencoders", 2019.) The code is a choice of `n_components`
    features, relaxed in training to mixtures of all by the concrete (Gumbel-softmax)
    distribution, whose temperature falls geometrically. After that each unit gets a
    feature of its own, and for a fifth of `max_epochs` more the decoder learns from these.
    Early stopping judges, and may shorten, that last fifth.

    `transform`, `get_support` and `get_feature_names_out` are those of a scikit-learn
    feature selector; `inverse_transform` reconstructs all features.

    Parameters
    ----------
    start_temperature, end_temperature : float
        Of the concrete distribution.

    The rest are those of `Family` and `MLPAutoencoder`; `hidden_layers` are the
    decoder's, in reverse.
    """

    start_temperature: float = 10.0
    end_temperature: float = 0.1

    def check_parameters(self, n_features: int) -> None:
        super().check_parameters(n_features)
        if self.n_components > n_features:
            raise ValueError(
                f"n_components={self.n_components} must not be more than n_features={n_features}"
            )
        check_number("end_temperature", self.end_temperature, 1e-3)
        check_number("start_temperature", self.start_temperature, self.end_temperature)

    def _modules(self, n_features: int) -> tuple[nn.Module, nn.Module]:
        selector = nn.Linear(n_features, self.n_components, bias=False)
        nn.init.normal_(selector.weight, std=0.01 / _GAIN)
        sizes = (self.n_components, *self.hidden_layers[::-1], n_features)
        return selector, mlp(sizes, self.activation, self.dropout)

    def _network(self, data: Tensor) -> Network:
        plain = super()._network(data)
        return _ConcreteNetwork(
            plain.encoder, plain.decoder, plain.center, plain.scale, plain.sigmoid
        )

    def _loss(self, network: Network, x: Tensor, step: Step) -> Tensor:
        assert isinstance(network, _ConcreteNetwork)
        logits = network.logits()
        ratio = self.end_temperature / self.start_temperature
        temperature = self.start_temperature * ratio**step.progress
        # One draw for the whole batch: a selection is the same for all samples.
        uniform = torch.rand(logits.shape, generator=step.generator, device=logits.device)
        gumbel = -torch.log(-torch.log(uniform.clamp(1e-7, 1 - 1e-7)))
        choice = torch.softmax((logits + gumbel) / temperature, 1)
        return network.reconstruction_loss(network.normalise(x) @ choice.T, x, self.loss)

    def _annealing_share(self) -> float:
        return 1.0  # so that early stopping has no say before `_finish`

    def _finish(self, network: Network, data: Tensor, held_out: Tensor, step: Step) -> None:
        assert isinstance(network, _ConcreteNetwork)
        network.settle()
        optimizer = make_optimizer(self.optimizer, network.decoder.parameters(), self.learning_rate)

        def losses_of(x: Tensor) -> Tensor:
            return network.reconstruction_loss(network.units(network.encode(x)), x, self.loss)

        def objective(x: Tensor) -> Tensor:
            return losses_of(x).mean() + self._penalty(network.decoder)

        stopper = EarlyStopping(self.n_iter_no_change) if len(held_out) else None
        for _ in range(max(1, round(_REFINEMENT_SHARE * self.max_epochs))):
            network.train()
            run_epoch(objective, data, optimizer, self.batch_size, step.generator)
            if stopper and stopper.should_stop(mean_loss(network, held_out, losses_of), network):
                break
        if stopper:
            stopper.restore(network)
            self.validation_loss_curve_ = stopper.losses

    def _finish_partial(self, network: Network, data: Tensor) -> None:
        assert isinstance(network, _ConcreteNetwork)
        network.settle()

    def _get_support_mask(self) -> npt.NDArray[np.bool_]:
        check_is_fitted(self)
        assert isinstance(self.network_, _ConcreteNetwork)
        mask = np.zeros(self.n_features_in_, dtype=bool)
        mask[self.network_.support.numpy()] = True
        return mask

    def inverse_transform(self, X: Any) -> npt.NDArray[Any]:
        """Reconstruct all features, (n_samples, n_features), from the selected ones."""
        return MLPAutoencoder.inverse_transform(self, X)
