"""Pictures hold what they should."""

from __future__ import annotations

import numpy as np

from aecodec.autoencoders import LinearAutoencoder, embed_plot
from aecodec.autoencoders.plots import image_grid
from tests.autoencoders.conftest import Array


def test_a_map_has_a_point_for_each_sample_and_a_colour_for_each_class(
    digits: Array, digit_labels: Array
) -> None:
    X, labels = digits[:300], digit_labels[:300]
    flat = LinearAutoencoder(2, solver="svd").fit(X)
    ax = embed_plot(flat, X, labels)
    drawn = np.concatenate([points.get_offsets() for points in ax.collections])
    assert len(ax.collections) == 10
    codes = flat.transform(X)
    np.testing.assert_allclose(
        drawn, np.concatenate([codes[labels == n] for n in range(10)]), atol=1e-12
    )
    deep = LinearAutoencoder(5, solver="svd").fit(X)
    ax = embed_plot(deep, X)
    assert len(ax.collections[0].get_offsets()) == 300
    assert "principal component" in ax.get_xlabel()
    one = LinearAutoencoder(1, solver="svd").fit(X)
    assert len(embed_plot(one, X).collections[0].get_offsets()) == 300


def test_a_grid_shows_images_in_reading_order() -> None:
    X = np.array([0.0, 0.2, 1.4])[:, None] * np.ones((3, 6))
    picture = image_grid(X, (2, 3, 1), columns=2)
    assert picture.shape == (5, 7)
    assert picture.dtype == np.uint8
    assert (picture[:2, :3] == 0).all()
    assert (picture[:2, 4:] == 51).all()
    assert (picture[3:, :3] == 255).all()
    assert image_grid(np.zeros((1, 12)), (2, 2, 3)).shape == (2, 2, 3)
