"""The variational autoencoder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from aecodec.autoencoders.base import MLPAutoencoder
from aecodec.autoencoders.checks import check_count, check_number
from aecodec.autoencoders.family import Step, estimator
from aecodec.autoencoders.fitting import Array
from aecodec.autoencoders.networks import Network, mlp

_SCORE_DRAWS = 8


class _VariationalNetwork(Network):
    """With the deviation of a Gaussian likelihood, in normalised units."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.log_sigma = nn.Parameter(torch.zeros(()))

    def log_likelihood(self, z: Tensor, x: Tensor, loss: str) -> Tensor:
        """log p(x | z) in nats, of data in their own units: (n,)."""
        error = self.reconstruction_loss(z, x, loss)
        if loss == "bce":
            return -error
        per_feature = 0.5 * math.log(2 * math.pi) + self.log_sigma + self.scale.log()
        return -0.5 * error * (-2 * self.log_sigma).exp() - x.shape[1] * per_feature


@estimator("variational")
@dataclass(kw_only=True, eq=False, repr=False)
class VariationalAutoencoder(MLPAutoencoder):
    """Latent-variable model trained by the evidence lower bound (ELBO).

    (Kingma and Welling, "Auto-encoding variational Bayes", 2014; beta: Higgins et al.,
    "beta-VAE", 2017.) Prior N(0, 1), Gaussian posterior with diagonal covariance.
    `transform` gives the posterior's mean.

    Parameters
    ----------
    loss : {"auto", "bce", "mse"}
        Likelihood: "bce" is Bernoulli, for data in [0, 1]; "mse" is Gaussian with one
        learned variance. "auto" is Bernoulli where the output is a sigmoid.
    beta : float
        Factor of the divergence from the prior.

    The rest are those of `Family` and `MLPAutoencoder`.

    Attributes
    ----------
    loss_ : {"bce", "mse"}
        The likelihood in use.
    """

    loss: Literal["auto", "mse", "bce"] = "auto"  # type: ignore[assignment]
    beta: float = 1.0

    _losses: ClassVar[tuple[str, ...]] = ("auto", "mse", "bce")

    def check_parameters(self, n_features: int) -> None:
        super().check_parameters(n_features)
        check_number("beta", self.beta, 0)

    def _modules(self, n_features: int) -> tuple[nn.Module, nn.Module]:
        sizes = (n_features, *self.hidden_layers)
        encoder = mlp((*sizes, 2 * self.n_components), self.activation, self.dropout)
        decoder = mlp((self.n_components, *sizes[::-1]), self.activation, self.dropout)
        with torch.no_grad():
            encoder[-1].bias[self.n_components :] = -2.0  # type: ignore[operator]
        return encoder, decoder

    def _network(self, data: Tensor) -> Network:
        plain = super()._network(data)
        bernoulli = self.loss == "bce" or (self.loss == "auto" and plain.sigmoid)
        self.loss_ = "bce" if bernoulli else "mse"
        return _VariationalNetwork(
            plain.encoder, plain.decoder, plain.center, plain.scale, plain.sigmoid
        )

    def _posterior(self, network: Network, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the standard deviation."""
        mean, log_sigma = network.encode(x).chunk(2, dim=1)
        return mean, log_sigma.clamp(-10, 10)

    def _code(self, network: Network, x: Tensor) -> Tensor:
        return self._posterior(network, x)[0]

    def _loss(self, network: Network, x: Tensor, step: Step) -> Tensor:
        mean, log_sigma = self._posterior(network, x)
        draw = torch.randn(mean.shape, generator=step.generator, device=mean.device)
        z = mean + log_sigma.exp() * draw
        return self.beta * _divergence(mean, log_sigma) - self._log_likelihood(network, z, x)

    def _log_likelihood(self, network: Network, z: Tensor, x: Tensor) -> Tensor:
        assert isinstance(network, _VariationalNetwork)
        return network.log_likelihood(z, x, self.loss_)

    def elbo(self, X: Any, n_draws: int = _SCORE_DRAWS) -> Array:
        """Evidence lower bound of each sample in nats: (n_samples,).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        n_draws : int
            From the posterior, averaged; the same standard normal draws for all samples
            and in all calls.
        """
        check_count("n_draws", n_draws)
        draws = self._draws(n_draws, 0)

        def bound(network: Network, x: Tensor) -> Tensor:
            mean, log_sigma = self._posterior(network, x)
            likelihoods = [
                self._log_likelihood(network, mean + log_sigma.exp() * e.to(mean), x) for e in draws
            ]
            return torch.stack(likelihoods).mean(0) - _divergence(mean, log_sigma)

        return self._infer(bound, self._check_data(X))

    def log_likelihood(self, X: Any, n_draws: int = 100, random_state: Any = 0) -> Array:
        """Importance-weighted estimate of log p(x) in nats: (n_samples,).

        A lower bound in expectation, the tighter the more draws (Burda et al.,
        "Importance weighted autoencoders", 2016).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        n_draws : int
            From the posterior; the same standard normal draws for all samples.
        random_state : int, RandomState instance or None
        """
        check_count("n_draws", n_draws)
        draws = self._draws(n_draws, random_state)

        def weighted(network: Network, x: Tensor) -> Tensor:
            mean, log_sigma = self._posterior(network, x)
            total = torch.full_like(mean[:, 0], -torch.inf)
            for e in draws.to(mean):
                z = mean + log_sigma.exp() * e
                # log p(z) - log q(z | x); the normalising constants cancel.
                ratio = (0.5 * (e.square() - z.square()) + log_sigma).sum(1)
                total = torch.logaddexp(total, ratio + self._log_likelihood(network, z, x))
            return total - math.log(n_draws)

        return self._infer(weighted, self._check_data(X))

    def score_samples(self, X: Any) -> Array:
        """The ELBO of each sample in nats: (n_samples,)."""
        return self.elbo(X)

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Array:
        """New data, the means of their likelihoods: float32 (n_samples, n_features)."""
        check_is_fitted(self)
        check_count("n_samples", n_samples)
        return self.inverse_transform(self._draws(n_samples, random_state).numpy())

    def interpolate(self, a: Any, b: Any, n_steps: int = 10) -> Array:
        """Decode points on the line from one sample's code to another's.

        Parameters
        ----------
        a, b : array-like of shape (n_features,)
            The samples.
        n_steps : int
            Points, both ends included.

        Returns
        -------
        data : ndarray of shape (n_steps, n_features)
            Begins with a's reconstruction and ends with b's.
        """
        check_count("n_steps", n_steps, 2)
        codes = self._infer(self._code, self._check_data([np.asarray(a), np.asarray(b)]))
        weights = np.linspace(0, 1, n_steps, dtype=codes.dtype)[:, None]
        return self.inverse_transform((1 - weights) * codes[0] + weights * codes[1])

    def _draws(self, count: int, random_state: Any) -> Tensor:
        seed = int(check_random_state(random_state).randint(2**31))
        return torch.randn(
            (count, self._n_features_out), generator=torch.Generator().manual_seed(seed)
        )


def _divergence(mean: Tensor, log_sigma: Tensor) -> Tensor:
    """KL divergence of the posterior from N(0, 1) in nats: (n,)."""
    return 0.5 * (mean.square() + (2 * log_sigma).exp() - 2 * log_sigma - 1).sum(1)
