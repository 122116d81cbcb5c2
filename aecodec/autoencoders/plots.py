"""Pictures of codes and of image data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from aecodec.autoencoders.checks import check_choice
from aecodec.autoencoders.fitting import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def embed_plot(
    autoencoder: Any,
    X: Any,
    labels: Any = None,
    *,
    method: Literal["pca", "tsne"] = "pca",
    ax: Axes | None = None,
    random_state: Any = None,
) -> Axes:
    """Draw a 2-D map of the codes of data.

    Parameters
    ----------
    autoencoder : estimator
        Fitted, with `transform`.
    X : array-like of shape (n_samples, n_features)
    labels : array-like of shape (n_samples,), or None
        Classes, a colour each.
    method : {"pca", "tsne"}
        How codes of more than two numbers become two; codes of two are drawn as they are.
    ax : matplotlib Axes or None
        Where to draw; None makes a new figure.
    random_state : int, RandomState instance or None
        Of t-SNE.

    Returns
    -------
    ax : matplotlib Axes
    """
    check_choice("method", method, ("pca", "tsne"))
    codes = np.asarray(autoencoder.transform(X))
    names = ["code 1", "code 2"]
    if codes.shape[1] == 1:
        codes, names = np.hstack([codes, np.zeros_like(codes)]), ["code", ""]
    elif codes.shape[1] > 2:
        label = {"pca": "principal component", "tsne": "t-SNE"}[method]
        names = [f"{label} {n} of codes" for n in (1, 2)]
        if len(codes) < 3:
            raise ValueError("a map needs three samples at least")
        perplexity = min(30.0, (len(codes) - 1) / 3)  # scikit-learn's own for 91 samples and more
        tsne = TSNE(2, perplexity=perplexity, random_state=random_state)
        reducer = PCA(2) if method == "pca" else tsne
        codes = reducer.fit_transform(codes)
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7, 6), layout="constrained").add_subplot()
    classes: list[Any] = [None] if labels is None else list(np.unique(labels))
    for number, name in enumerate(classes):
        rows = slice(None) if name is None else np.asarray(labels) == name
        colour = f"C{number % 10}"
        ax.scatter(
            codes[rows, 0],
            codes[rows, 1],
            s=6,
            alpha=0.6,
            linewidths=0,
            color=colour,
            label=None if name is None else str(name).replace("$", r"\$"),  # which is no formula
        )
    ax.set(xlabel=names[0], ylabel=names[1])
    if labels is not None:
        ax.legend(markerscale=3, fontsize="small")
    return ax


def image_grid(X: Any, image_shape: tuple[int, int, int], columns: int | None = None) -> Array:
    """Lay out images side by side.

    Parameters
    ----------
    X : array-like of shape (n_images, height * width * channels)
        Values in [0, 1]; those outside are clipped.
    image_shape : tuple of int
        (height, width, channels).
    columns : int or None
        None makes the grid about square.

    Returns
    -------
    picture : uint8 ndarray of shape (H, W) or (H, W, channels)
        With a grey line of one pixel between images.
    """
    height, width, channels = image_shape
    images = np.clip(np.asarray(X, dtype=np.float32).reshape(-1, *image_shape), 0, 1)
    if not len(images):
        raise ValueError("there are no images to lay out")
    across = columns or int(np.ceil(np.sqrt(len(images))))
    down = -(-len(images) // across)
    picture = np.full((down * (height + 1) - 1, across * (width + 1) - 1, channels), 0.5)
    for number, image in enumerate(images):
        top, left = number // across * (height + 1), number % across * (width + 1)
        picture[top : top + height, left : left + width] = image
    picture = np.round(255 * picture).astype(np.uint8)
    return picture[..., 0] if channels == 1 else picture
