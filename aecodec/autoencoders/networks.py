"""Encoder and decoder as one torch module, and the layers they are made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def mlp(sizes: Sequence[int], activation: str, dropout: float = 0.0) -> nn.Sequential:
    """Linear layers with an activation, and dropout if any, after all but the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers[: -2 if dropout else -1])


def linear_layers(module: nn.Module) -> list[nn.Linear]:
    """The linear layers of a module, in order."""
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)]


class TiedDecoder(nn.Module):
    """Decoder whose weights are the transposes of the encoder's; only its biases are its own."""

    def __init__(self, encoder: nn.Module, activation: str) -> None:
        super().__init__()
        # In a list, so that the weights are the encoder's alone in parameters and state.
        self._layers = [linear_layers(encoder)[::-1]]
        self.activation = ACTIVATIONS[activation]()
        self.biases = nn.ParameterList(
            nn.Parameter(torch.zeros(layer.in_features)) for layer in self._layers[0]
        )

    def forward(self, z: Tensor) -> Tensor:
        for number, (layer, bias) in enumerate(zip(self._layers[0], self.biases, strict=True)):
            z = F.linear(self.activation(z) if number else z, layer.weight.T, bias)
        return z


class Network(nn.Module):
    """An encoder, a decoder, and the units of the data.

    Inside, data are centred. With a linear output they are also divided by one number
    for all features, so that neither a feature's unit nor the learning rate depends on
    the data's scale while squared errors keep their proportions. Centre and scale are
    in float64 there, whatever the dtype of the weights: float32 cannot hold data that
    are large beside their deviation. With a sigmoid output the centre, as a logit, is
    where the decoder starts from.

    Args:
        encoder: from (n, features) to (n, code).
        decoder: from (n, code) to (n, features).
        center: (features,) mean of the data.
        scale: one number, the data's standard deviation around it; 1 with sigmoid.
        sigmoid: whether the output goes through a sigmoid.
    """

    center: Tensor
    scale: Tensor

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, center: Tensor, scale: Tensor, sigmoid: bool
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.sigmoid = sigmoid
        self.register_buffer("center", center)
        self.register_buffer("scale", scale)

    def normalise(self, x: Tensor) -> Tensor:
        """Data as the encoder takes them."""
        return ((x - self.center) / self.scale).to(self.dtype)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.parameters()).dtype

    def raw(self, z: Tensor) -> Tensor:
        """What the decoder says: logits of the data, or normalised data."""
        out: Tensor = self.decoder(z)
        if not self.sigmoid:
            return out
        return out + torch.logit(self.center.to(out.dtype).clamp(0.01, 0.99))

    def encode(self, x: Tensor) -> Tensor:
        """Codes (n, code) of data (n, features)."""
        return self.encoder(self.normalise(x))

    def decode(self, z: Tensor) -> Tensor:
        """Data (n, features) of codes (n, code)."""
        raw = self.raw(z)
        if self.sigmoid:
            return torch.sigmoid(raw)
        return (raw * self.scale + self.center).to(raw.dtype)

    def reconstruction_loss(self, z: Tensor, x: Tensor, loss: str) -> Tensor:
        """Loss of decoding z where x was right: (n,), summed over features.

        Args:
            z: codes.
            x: data in their own units.
            loss: "mse" for squared error (of normalised data where the output is linear),
                "bce" for binary cross-entropy in nats.
        """
        raw = self.raw(z)
        if loss == "bce":
            return F.binary_cross_entropy_with_logits(raw, x, reduction="none").sum(1)
        if self.sigmoid:
            return (torch.sigmoid(raw) - x).square().sum(1)
        return (raw - self.normalise(x)).square().sum(1)
