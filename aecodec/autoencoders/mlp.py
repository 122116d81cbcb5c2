"""The plain autoencoder, shallow or deep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from aecodec.autoencoders.base import MLPAutoencoder
from aecodec.autoencoders.checks import check_choice, check_count
from aecodec.autoencoders.family import Step, estimator
from aecodec.autoencoders.networks import Network
from aecodec.autoencoders.pretraining import pretrain


@estimator("autoencoder")
@dataclass(kw_only=True, eq=False, repr=False)
class Autoencoder(MLPAutoencoder):
    """Multilayer perceptron trained to give back its input through a code.

    Undercomplete where the code is smaller than the data, else overcomplete (which wants a
    regulariser); `hidden_layers` make it deep.

    Parameters
    ----------
    pretraining : {None, "layerwise", "rbm"}
        What `fit` does before it trains all layers jointly. "layerwise" trains each pair of
        an encoder's and a decoder's layer as an autoencoder of its own on the codes of the
        layers before (Bengio et al., "Greedy layer-wise training of deep networks", 2007);
        "rbm" trains it as a restricted Boltzmann machine by contrastive divergence (Hinton
        and Salakhutdinov, "Reducing the dimensionality of data with neural networks", 2006),
        whose units are sigmoids: it needs `activation="sigmoid"`.
    pretraining_epochs : int
        Passes through the data for each pair.

    The rest are those of `Family` and `MLPAutoencoder`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from aecodec.autoencoders import Autoencoder
    >>> X = load_digits().data / 16
    >>> codes = Autoencoder(8, random_state=0, max_epochs=5).fit_transform(X)
    >>> codes.shape
    (1797, 8)
    """

    pretraining: Literal["layerwise", "rbm"] | None = None
    pretraining_epochs: int = 10

    def check_parameters(self, n_features: int) -> None:
        super().check_parameters(n_features)
        check_choice("pretraining", self.pretraining, (None, "layerwise", "rbm"))
        check_count("pretraining_epochs", self.pretraining_epochs)
        if self.pretraining == "rbm" and self.activation != "sigmoid":
            raise ValueError(
                f"pretraining='rbm' needs activation='sigmoid', not {self.activation!r}:"
                " a restricted Boltzmann machine has no other units"
            )

    def _prepare(self, network: Network, data: Tensor, step: Step) -> None:
        if self.pretraining:
            pretrain(
                network,
                data,
                self.pretraining,
                activation=self.activation,
                epochs=self.pretraining_epochs,
                batch_size=self.batch_size,
                generator=step.generator,
            )
