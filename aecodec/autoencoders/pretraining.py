"""Greedy pretraining of a stack of layers, pair by pair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from aecodec.autoencoders.loop import make_optimizer, run_epoch
from aecodec.autoencoders.networks import ACTIVATIONS, Network, linear_layers


def pretrain(
    network: Network,
    data: Tensor,
    method: Literal["layerwise", "rbm"],
    *,
    activation: str,
    epochs: int,
    batch_size: int,
    generator: Generator,
) -> None:
    """Pretrain the linear layers of an encoder and its mirrored decoder, in place.

    Args:
        network: its i-th layer of the encoder is undone by the i-th last of the decoder.
        data: (n, features) in their own units.
        method: see `Autoencoder`.
        activation: of all layers but the last of the encoder and of the decoder.
        epochs: for each pair.
        batch_size: samples per step.
        generator: source of randomness.
    """
    encoder = linear_layers(network.encoder)
    decoder = linear_layers(network.decoder)[::-1]
    x = data if network.sigmoid else network.normalise(data)
    unit_interval = network.sigmoid  # whether x is in [0, 1]
    for number, (down, up) in enumerate(zip(encoder, decoder, strict=True)):
        last = number == len(encoder) - 1
        hidden: Callable[[Tensor], Tensor] = nn.Identity() if last else ACTIVATIONS[activation]()
        down.requires_grad_(True)
        up.requires_grad_(True)
        if method == "rbm":
            _train_rbm(down, up, x, epochs, batch_size, generator, unit_interval, gaussian=last)
        else:
            # A layer below the top gives back activations, the lowest one the data.
            visible = torch.sigmoid if unit_interval else nn.Identity() if number == 0 else hidden
            if last and number and not unit_interval:
                visible = ACTIVATIONS[activation]()
            _train_pair(down, up, hidden, visible, x, epochs, batch_size, generator)
        with torch.no_grad():
            x = hidden(down(x))
        unit_interval = activation == "sigmoid"
    if network.sigmoid:
        _absorb_centre(network, encoder[0], decoder[0])


def _train_pair(
    down: nn.Linear,
    up: nn.Linear,
    hidden: Callable[[Tensor], Tensor],
    visible: Callable[[Tensor], Tensor],
    x: Tensor,
    epochs: int,
    batch_size: int,
    generator: Generator,
) -> None:
    """Train two layers as an autoencoder: x -> hidden(down) -> visible(up), squared error."""
    optimizer = make_optimizer("adam", [*down.parameters(), *up.parameters()], 1e-3)

    def loss_of(batch: Tensor) -> Tensor:
        return (visible(up(hidden(down(batch)))) - batch).square().sum(1).mean()

    for _ in range(epochs):
        run_epoch(loss_of, x, optimizer, batch_size, generator)


def _train_rbm(
    down: nn.Linear,
    up: nn.Linear,
    x: Tensor,
    epochs: int,
    batch_size: int,
    generator: Generator,
    unit_interval: bool,
    *,
    gaussian: bool,
) -> None:
    """Train two layers as one RBM with a weight matrix in common: `up` becomes `down`'s transpose.

    One step of contrastive divergence (Hinton, "Training products of experts by minimizing
    contrastive divergence", 2002). Visible units are Bernoulli where x is in [0, 1], else
    Gaussian of unit variance; hidden ones Bernoulli, or Gaussian for a linear code.
    """
    rate = 1e-3 if gaussian or not unit_interval else 0.05  # Gaussian units need a smaller one
    nn.init.normal_(down.weight, std=0.01, generator=generator)
    nn.init.zeros_(down.bias)
    mean = x.mean(0)
    visible_bias = torch.logit(mean.clamp(0.01, 0.99)) if unit_interval else mean
    parameters: list[Tensor] = [down.weight, down.bias, visible_bias]
    optimizer = torch.optim.SGD(parameters, rate, momentum=0.9, weight_decay=2e-4)

    def hidden(v: Tensor) -> Tensor:
        drive = F.linear(v, down.weight, down.bias)
        return drive if gaussian else torch.sigmoid(drive)

    def sampled(h: Tensor) -> Tensor:
        if gaussian:
            return h + torch.randn(h.shape, generator=generator, device=h.device)
        return torch.bernoulli(h, generator=generator)

    with torch.no_grad():
        for _ in range(epochs):
            order = torch.randperm(len(x), generator=generator, device=x.device)
            for rows in order.split(batch_size):
                v0 = x[rows]
                h0 = hidden(v0)
                drive = F.linear(sampled(h0), down.weight.T, visible_bias)
                v1 = torch.sigmoid(drive) if unit_interval else drive
                h1 = hidden(v1)
                down.weight.grad = (h1.T @ v1 - h0.T @ v0) / len(rows)
                down.bias.grad = (h1 - h0).mean(0)
                visible_bias.grad = (v1 - v0).mean(0)
                optimizer.step()
        up.weight.copy_(down.weight.T)
        up.bias.copy_(visible_bias)


def _absorb_centre(network: Network, first: nn.Linear, last: nn.Linear) -> None:
    """Fit layers trained on data as they are to a network that centres them.

    The encoder sees data less their mean, the decoder's output gets the mean's logit.
    """
    with torch.no_grad():
        first.bias.add_(first.weight @ network.center)
        last.bias.sub_(torch.logit(network.center.clamp(0.01, 0.99)))
