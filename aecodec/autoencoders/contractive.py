"""The contractive autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn

from aecodec.autoencoders.base import MLPAutoencoder
from aecodec.autoencoders.checks import check_choice, check_number
from aecodec.autoencoders.family import Step, estimator
from aecodec.autoencoders.fitting import Array
from aecodec.autoencoders.networks import ACTIVATIONS, Network, TiedDecoder, linear_layers, mlp


@estimator("contractive")
@dataclass(kw_only=True, eq=False, repr=False)
class ContractiveAutoencoder(MLPAutoencoder):
    """Autoencoder whose code hardly changes where the data do not vary.

    The squared Frobenius norm of the encoder's Jacobian is penalised (Rifai et al.,
    "Contractive auto-encoders", 2011): exactly for one layer, else by Hutchinson's estimate
    with one random direction a sample. The decoder's weights are the transposes of the
    encoder's: else shrinking codes and growing decoder weights would satisfy the penalty.

    Parameters
    ----------
    contraction : float
        Factor lambda of the penalty, in units of the squared error (or of the nats) of a
        sample.
    code_activation : str
        Of the code; see `MLPAutoencoder`.

    The rest are those of `Family` and `MLPAutoencoder`; `hidden_layers` is empty by
    default, which is the paper's model.
    """

    hidden_layers: tuple[int, ...] = ()
    activation: str = "sigmoid"
    code_activation: str = "sigmoid"
    contraction: float = 0.1

    _shaping: ClassVar[tuple[str, ...]] = (*MLPAutoencoder._shaping, "code_activation")

    def check_parameters(self, n_features: int) -> None:
        super().check_parameters(n_features)
        check_choice("code_activation", self.code_activation, ACTIVATIONS)
        check_number("contraction", self.contraction, 0)

    def _modules(self, n_features: int) -> tuple[nn.Module, nn.Module]:
        sizes = (n_features, *self.hidden_layers, self.n_components)
        layers = mlp(sizes, self.activation, self.dropout)
        encoder = nn.Sequential(layers, ACTIVATIONS[self.code_activation]())
        return encoder, TiedDecoder(encoder, self.activation)

    def _loss(self, network: Network, x: Tensor, step: Step) -> Tensor:
        with torch.enable_grad():  # held-out losses need the Jacobian too
            if self._made_with["hidden_layers"]:
                z, norm = _estimated_norm(network, x, step.generator)
            else:
                z, norm = _exact_norm_of_one_layer(network, x)
            return network.reconstruction_loss(z, x, self.loss) + self.contraction * norm

    def jacobian_norm(self, X: Any) -> Array:
        """Frobenius norm of the encoder's Jacobian at each sample, exactly: (n_samples,).

        Of codes by normalised data, as it is penalised: for a sigmoid output those are X
        itself, else X divided by the data's standard deviation.
        """
        return self._infer(_exact_norm, self._check_data(X), gradients=True)

    def augment(self, X: Any, scale: float = 1.0, random_state: Any = None) -> Array:
        """Plausible variations of samples: (n_samples, n_features).

        The codes move by J J' e, e normal with deviation `scale` and J the Jacobian, that
        is, along the directions in which the data vary, and are decoded (Rifai et al., "A
        generative process for sampling contractive auto-encoders", 2012).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        scale : float
            Size of the perturbation; 0 gives the reconstructions.
        random_state : int, RandomState instance or None
        """
        X = self._check_data(X)
        seed = check_random_state(random_state).randint(2**31)
        noise = torch.Generator().manual_seed(int(seed))

        def vary(network: Network, x: Tensor) -> Tensor:
            x = network.normalise(x)
            encode: Any = network.encoder
            codes, backwards, *_ = torch.func.vjp(encode, x)
            e = torch.randn(codes.shape, generator=noise, dtype=x.dtype)
            tangent = backwards(scale * e.to(x.device))[0]
            shift = torch.func.jvp(encode, (x,), (tangent,))[1]
            return network.decode(codes + shift)

        return self._infer(vary, X)


def _exact_norm_of_one_layer(network: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    """Codes, and squared norms of their Jacobians: sum_j f'(a_j)^2 |w_j|^2."""
    layer, activation = linear_layers(network.encoder)[0], network.encoder[1]  # type: ignore[index]
    drive = layer(network.normalise(x))
    if not drive.requires_grad:
        drive.requires_grad_(True)
    z = activation(drive)
    (slope,) = torch.autograd.grad(z.sum(), drive, create_graph=True)
    return z, slope.square() @ layer.weight.square().sum(1)


def _estimated_norm(
    network: Network, x: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Codes, and unbiased estimates of the squared norms: |J'v|^2 with E[v v'] = 1."""
    x = network.normalise(x).requires_grad_(True)
    z = network.encoder(x)
    v = torch.randint(0, 2, z.shape, generator=generator, device=z.device).to(z) * 2 - 1
    (product,) = torch.autograd.grad(z, x, v, create_graph=True)
    return z, product.square().sum(1)


def _exact_norm(network: Network, x: Tensor) -> Tensor:
    """Norms of the Jacobians, one unit of the code after the other."""
    x = network.normalise(x).requires_grad_(True)
    z = network.encoder(x)
    total = torch.zeros(len(x), dtype=x.dtype, device=x.device)
    for unit in range(z.shape[1]):
        (row,) = torch.autograd.grad(z[:, unit].sum(), x, retain_graph=True)
        total += row.square().sum(1)
    return total.sqrt()
