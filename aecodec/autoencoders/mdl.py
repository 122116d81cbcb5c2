"""The autoencoder of minimum description length."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.autoencoders.base import MLPAutoencoder
from aecodec.autoencoders.checks import check_number
from aecodec.autoencoders.family import Step, estimator
from aecodec.autoencoders.fitting import Array
from aecodec.autoencoders.networks import Network, mlp

_MIXTURE = 3  # logistics in each mixture; pixels are often dark, light, or in between
_MIN_LOG_SCALE = -7.0


class _MDLNetwork(Network):
    """With a prior of the code and a grid of the data.

    Args:
        parts: of a `Network`; its decoder gives the parameters of a mixture per feature.
        low: least value of the data.
        step: the grid's step: data are low + step * (0, 1, ..., levels - 1).
        levels: values of the grid.
        code: size of the code.
    """

    low: Tensor
    step: Tensor
    levels: Tensor

    def __init__(self, *parts: Any, low: float, step: float, levels: int, code: int) -> None:
        super().__init__(*parts)
        self.register_buffer("low", torch.tensor(low, dtype=torch.float64))
        self.register_buffer("step", torch.tensor(step, dtype=torch.float64))
        self.register_buffer("levels", torch.tensor(float(levels)))
        # Mixture weights (as logits), means and log-scales of each unit of the code.
        self.prior = nn.Parameter(torch.zeros(3, code, _MIXTURE))
        with torch.no_grad():
            self.prior[1] = torch.linspace(-2, 2, _MIXTURE)
            self.prior[2] = 1.0

    def to_grid(self, x: Tensor) -> Tensor:
        """Data as whole numbers from 0 to levels - 1; those outside are clipped."""
        steps = ((x - self.low) / self.step).round()
        return torch.minimum(steps.clamp_min(0), self.levels - 1)

    def code_nats(self, z: Tensor) -> Tensor:
        """Length of codes under the prior: (n,)."""
        logits, means, log_scales = self.prior
        return _mixture_nats(z, logits, means, log_scales).sum(1)

    def error_nats(self, z: Tensor, x: Tensor) -> Tensor:
        """Length of the data on the grid, once the code is known: (n,)."""
        logits, means, log_scales = self._likelihood(z)
        last = self.levels - 1
        half = last.clamp_min(1) / 2
        return _mixture_nats(
            self.to_grid(x).to(self.dtype),
            logits,
            half * (means + 1),
            log_scales + half.log(),
            last,
        ).sum(1)

    def _likelihood(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mixtures of logistics per feature, on a scale where the data are in [-1, 1]."""
        out = self.decoder(z)
        logits, means, log_scales = out.view(len(z), 3, -1, _MIXTURE).unbind(1)
        return logits, means, log_scales

    def decode(self, z: Tensor) -> Tensor:
        """Expected data."""
        logits, means, _ = self._likelihood(z)
        mean = (logits.softmax(-1) * means.clamp(-1, 1)).sum(-1)
        return self.low + self.step * (self.levels - 1) / 2 * (mean + 1)


@estimator("mdl")
@dataclass(kw_only=True, eq=False, repr=False)
class MDLAutoencoder(MLPAutoencoder):
    """Autoencoder that minimises the bits of code and error together.

    (Hinton and Zemel, "Autoencoders, minimum description length and Helmholtz free
    energy", 1994.) Codes are rounded to integers and coded by a learned prior, one mixture
    of logistics per unit; in training uniform noise stands for rounding (Balle et al.,
    "End-to-end optimized image compression", 2017). Data are on a grid and are coded
    exactly given the code, by mixtures of logistics that the decoder predicts. So the
    description is lossless for data on the grid, and its lengths are those that an
    arithmetic coder attains to within a fraction of a percent. They do not include the
    network, which sender and receiver share.

    `transform` gives integers, as floats.

    Parameters
    ----------
    resolution : float or None
        Step of the grid, in units of the data: 1/255 for 8-bit images in [0, 1]. None takes
        1/255 of the range of the data fitted. Values outside that range are clipped.

    The rest are those of `Family` and `MLPAutoencoder`; `loss` and `output` have no
    effect, the loss is in nats.
    """

    resolution: float | None = None

    def check_parameters(self, n_features: int) -> None:
        super().check_parameters(n_features)
        if self.resolution is not None:
            check_number("resolution", self.resolution, 1e-30)

    def _modules(self, n_features: int) -> tuple[nn.Module, nn.Module]:
        hidden = (*self.hidden_layers, self.n_components)
        encoder = mlp((n_features, *hidden), self.activation, self.dropout)
        outputs = 3 * n_features * _MIXTURE
        decoder = mlp((*hidden[::-1], outputs), self.activation, self.dropout)
        last: Any = decoder[-1]
        with torch.no_grad():
            bias = last.bias.view(3, n_features, _MIXTURE)
            bias.zero_()
            bias[1] = torch.linspace(-1, 1, _MIXTURE)
            bias[2] = -2.0
        return encoder, decoder

    def _network(self, data: Tensor) -> Network:
        plain = super()._network(data)
        low, high = float(data.min()), float(data.max())
        step = self.resolution or (high - low) / 255 or 1.0
        return _MDLNetwork(
            plain.encoder,
            plain.decoder,
            plain.center,
            # Codes are integers: give them a few to choose from right from the start.
            plain.scale / 4,
            False,
            low=low,
            step=step,
            levels=1 + round((high - low) / step),
            code=self.n_components,
        )

    def _wants_sigmoid(self, data: Tensor) -> bool:
        return False

    def _code(self, network: Network, x: Tensor) -> Tensor:
        return network.encode(x).round()

    def _loss(self, network: Network, x: Tensor, step: Step) -> Tensor:
        assert isinstance(network, _MDLNetwork)
        z = network.encode(x)
        z = z + torch.rand(z.shape, generator=step.generator, device=z.device) - 0.5
        return network.code_nats(z) + network.error_nats(z, x)

    def code_bits(self, X: Any) -> Array:
        """Bits of each sample's code: (n_samples,)."""
        return self._infer(
            lambda network, x: _mdl(network).code_nats(self._code(network, x)) / math.log(2),
            self._check_data(X),
        )

    def error_bits(self, X: Any) -> Array:
        """Bits of each sample given its code: (n_samples,)."""
        return self._infer(
            lambda network, x: _mdl(network).error_nats(self._code(network, x), x) / math.log(2),
            self._check_data(X),
        )

    def description_length(self, X: Any) -> Array:
        """Bits of each sample, code and error together: (n_samples,)."""
        return self.code_bits(X) + self.error_bits(X)

    def score_samples(self, X: Any) -> Array:
        """The negative of the description length: (n_samples,)."""
        return -self.description_length(X)


def _mdl(network: Network) -> _MDLNetwork:
    assert isinstance(network, _MDLNetwork)
    return network


def _mixture_nats(
    value: Tensor, logits: Tensor, means: Tensor, log_scales: Tensor, last: Tensor | None = None
) -> Tensor:
    """-log of the probability that a mixture of logistics gives to [value - 1/2, value + 1/2].

    Args:
        value: (n, d).
        logits, means, log_scales: (..., d, components).
        last: if given, the interval of 0 begins at minus infinity and that of `last` ends
            at infinity.

    Returns:
        (n, d).
    """
    inverse = (-log_scales.clamp_min(_MIN_LOG_SCALE)).exp()
    centred = value[..., None] - means
    upper, lower = (centred + 0.5) * inverse, (centred - 0.5) * inverse
    log_upper, log_rest = F.logsigmoid(upper), F.logsigmoid(-lower)
    # sigmoid(u) - sigmoid(l) = sigmoid(u) sigmoid(-l) (1 - exp(l - u)), free of cancellation
    inside = log_upper + log_rest + torch.log(-torch.expm1(-inverse).clamp(max=-1e-12))
    if last is not None:
        inside = torch.where((value <= 0)[..., None], log_upper, inside)
        inside = torch.where((value >= last)[..., None], log_rest, inside)
        inside = torch.where((last <= 0).expand_as(inside), torch.zeros_like(inside), inside)
    return -torch.logsumexp(logits.log_softmax(-1) + inside, -1)
