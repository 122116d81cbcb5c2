"""The denoising autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from aecodec.autoencoders.base import MLPAutoencoder
from aecodec.autoencoders.checks import check_choice, check_number
from aecodec.autoencoders.family import Step, estimator
from aecodec.autoencoders.networks import Network
from aecodec.nn import noise

_KINDS = ("gaussian", "masking", "salt_and_pepper", "dropout")


@estimator("denoising")
@dataclass(kw_only=True, eq=False, repr=False)
class DenoisingAutoencoder(MLPAutoencoder):
    """Autoencoder that learns to give back clean data from corrupted ones.

    (Vincent et al., "Stacked denoising autoencoders", 2010.) `transform` and `reconstruct`
    take data as they are: give them noisy data to have them cleaned.

    Parameters
    ----------
    noise : {"gaussian", "masking", "salt_and_pepper", "dropout"}
        "masking" sets values to the lowest, "salt_and_pepper" to the lowest or highest of
        the data fitted. "dropout" is masking that scales up what it leaves, to keep the mean.
    noise_level : float
        Standard deviation for "gaussian", as a share of the range of the data fitted;
        for the others the probability in [0, 1) of each value to be hit.

    The rest are those of `Family` and `MLPAutoencoder`.
    """

    noise: Literal["gaussian", "masking", "salt_and_pepper", "dropout"] = "gaussian"
    noise_level: float = 0.2

    def check_parameters(self, n_features: int) -> None:
        super().check_parameters(n_features)
        check_choice("noise", self.noise, _KINDS)
        check_number("noise_level", self.noise_level, 0, 10 if self.noise == "gaussian" else 0.99)

    def _network(self, data: Tensor) -> Network:
        network = super()._network(data)
        low, high = (0.0, 1.0) if network.sigmoid else (float(data.min()), float(data.max()))
        self.data_range_ = (low, high if high > low else low + 1)
        return network

    def corrupt(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Noisy version of data (n, features) in the units of the data fitted."""
        low, high = self.data_range_
        unit = (x - low) / (high - low)
        if self.noise == "gaussian":  # whose level is on the scale of 8 bits
            unit = noise.gaussian(unit, 255 * self.noise_level, generator)
        elif self.noise == "salt_and_pepper":
            unit = noise.salt_and_pepper(unit, self.noise_level, generator)
        else:
            unit = noise.masking(unit, self.noise_level, generator)
            if self.noise == "dropout":
                unit = unit / (1 - self.noise_level)
        return low + unit * (high - low)

    def _loss(self, network: Network, x: Tensor, step: Step) -> Tensor:
        noisy = self.corrupt(x, step.generator)
        return network.reconstruction_loss(network.encode(noisy), x, self.loss)
