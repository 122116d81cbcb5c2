"""The classic autoencoders as scikit-learn estimators.

    from aecodec.autoencoders import Autoencoder
    codes = Autoencoder(n_components=16).fit_transform(X)

All have `fit`, `partial_fit`, `transform`, `inverse_transform`, `reconstruct`,
`score_samples` and `save`; `load` reads what `save` wrote.
"""

from aecodec.errors import require

require("this", "autoencoders", "torch", "sklearn", "scipy", "matplotlib")

# ruff: noqa: E402
from aecodec.autoencoders.anomaly import AnomalyDetector
from aecodec.autoencoders.concrete import ConcreteAutoencoder
from aecodec.autoencoders.contractive import ContractiveAutoencoder
from aecodec.autoencoders.convolutional import ConvAutoencoder
from aecodec.autoencoders.denoising import DenoisingAutoencoder
from aecodec.autoencoders.files import load
from aecodec.autoencoders.linear import LinearAutoencoder
from aecodec.autoencoders.mdl import MDLAutoencoder
from aecodec.autoencoders.mlp import Autoencoder
from aecodec.autoencoders.plots import embed_plot
from aecodec.autoencoders.sparse import SparseAutoencoder
from aecodec.autoencoders.variational import VariationalAutoencoder

__all__ = [
    "AnomalyDetector",
    "Autoencoder",
    "ConcreteAutoencoder",
    "ContractiveAutoencoder",
    "ConvAutoencoder",
    "DenoisingAutoencoder",
    "LinearAutoencoder",
    "MDLAutoencoder",
    "SparseAutoencoder",
    "VariationalAutoencoder",
    "embed_plot",
    "load",
]
