"""The convolutional autoencoder, for images."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt, prod
from typing import ClassVar

import torch
from torch import Tensor, nn

from aecodec.autoencoders.base import BaseAutoencoder
from aecodec.autoencoders.checks import check_choice, check_counts
from aecodec.autoencoders.family import estimator
from aecodec.autoencoders.networks import ACTIVATIONS, mlp

Shape = tuple[int, int, int]


@estimator("conv")
@dataclass(kw_only=True, eq=False, repr=False)
class ConvAutoencoder(BaseAutoencoder):
    """Convolutional encoder and decoder around a code; rows of X are flattened images.

    Each stage is a 3x3 convolution of stride 2, dense layers follow; the decoder mirrors all
    that with transposed convolutions (Masci et al., "Stacked convolutional auto-encoders for
    hierarchical feature extraction", 2011, with strides for pooling).

    Parameters
    ----------
    image_shape : tuple of int, or None
        (height, width) or (height, width, channels) of an image, flattened in that order.
        None takes images for square and grey, or for one line if they cannot be.
    channels : tuple of int
        Channels of the encoder's stages.
    hidden_layers : tuple of int
        Widths of dense layers between the stages and the code. Without any, the code is a
        linear map of the last stage, and less can be said with it.
    activation : str
        Of the stages and the dense layers; see `MLPAutoencoder`.

    The rest are those of `Family`.

    Attributes
    ----------
    image_shape_ : tuple of int
        (height, width, channels).
    """

    learning_rate: float = 2e-3
    image_shape: tuple[int, ...] | None = None
    channels: tuple[int, ...] = (32, 64)
    hidden_layers: tuple[int, ...] = (256,)
    activation: str = "gelu"

    _shaping: ClassVar[tuple[str, ...]] = (
        *BaseAutoencoder._shaping,
        "image_shape",
        "channels",
        "hidden_layers",
        "activation",
    )

    def check_parameters(self, n_features: int) -> None:
        super().check_parameters(n_features)
        check_choice("activation", self.activation, ACTIVATIONS)
        check_counts("channels", self.channels)
        check_counts("hidden_layers", self.hidden_layers)
        if not self.channels:
            raise ValueError("channels=() leaves no convolution; give one or more stages")
        if self.image_shape is not None:
            check_counts("image_shape", self.image_shape)
        self._shape_of(n_features)

    def _shape_of(self, n_features: int) -> Shape:
        if self.image_shape is None:
            side = isqrt(n_features)
            return (side, side, 1) if side * side == n_features else (1, n_features, 1)
        if len(self.image_shape) not in (2, 3) or prod(self.image_shape) != n_features:
            raise ValueError(
                f"image_shape={self.image_shape} is not (height, width) or (height, width,"
                f" channels) of n_features={n_features} values"
            )
        height, width, channels = (*self.image_shape, 1)[:3]
        return height, width, channels

    def _modules(self, n_features: int) -> tuple[nn.Module, nn.Module]:
        self.image_shape_ = self._shape_of(n_features)
        height, width, colours = self.image_shape_
        widths = (colours, *self.channels)
        sizes = [(height, width)]
        down: list[nn.Module] = [_ToImages(self.image_shape_)]
        up: list[nn.Module] = [_ToRows()]  # from the end to the start
        for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
            old = sizes[-1]
            sizes.append(((old[0] + 1) // 2, (old[1] + 1) // 2))
            down += [nn.Conv2d(inputs, outputs, 3, 2, 1), self._act(), nn.Dropout(self.dropout)]
            odd = (1 - old[0] % 2, 1 - old[1] % 2)  # so that the output has exactly that size
            up.append(nn.ConvTranspose2d(outputs, inputs, 3, 2, 1, odd))
            up += [nn.Dropout(self.dropout), self._act()]
        deepest = (widths[-1], *sizes[-1])
        dense = (prod(deepest), *self.hidden_layers, self.n_components)
        down += [nn.Flatten(), *mlp(dense, self.activation, self.dropout)]
        up += [nn.Unflatten(1, deepest), *reversed(mlp(dense[::-1], self.activation, self.dropout))]
        return nn.Sequential(*down), nn.Sequential(*up[::-1])

    def _act(self) -> nn.Module:
        return ACTIVATIONS[self.activation]()


class _ToImages(nn.Module):
    """Rows (n, height * width * channels) to images (n, channels, height, width)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.view(len(x), *self.shape).permute(0, 3, 1, 2).contiguous()


class _ToRows(nn.Module):
    """Images (n, channels, height, width) to rows (n, height * width * channels)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.flatten(x.permute(0, 2, 3, 1), 1)
