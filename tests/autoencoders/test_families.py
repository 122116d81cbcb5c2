"""What makes each family itself, on real digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from aecodec.autoencoders import (
    Autoencoder,
    ConcreteAutoencoder,
    ContractiveAutoencoder,
    ConvAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    MDLAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from tests.autoencoders.conftest import Array, pca_error

# ---- plain and linear ------------------------------------------------------------------


def test_an_autoencoder_beats_pca_on_data_it_has_not_seen(digits: Array) -> None:
    train, test = train_test_split(digits, random_state=0)
    model = Autoencoder(8, max_epochs=60, batch_size=64, random_state=0).fit(train)
    assert model.reconstruction_error(test).mean() < 0.8 * pca_error(train, test, 8)
    assert model.score(test) == pytest.approx(-model.reconstruction_error(test).mean())


@pytest.mark.parametrize("tied", [True, False])
def test_a_linear_autoencoder_spans_the_space_of_pca(tied: bool, digits: Array) -> None:
    size = 6
    components = PCA(size).fit(digits).components_
    model = LinearAutoencoder(size, tied=tied, random_state=0).fit(digits)
    decoded = model.inverse_transform(np.eye(size)) - model.inverse_transform(np.zeros((1, size)))
    angles = np.degrees(scipy.linalg.subspace_angles(decoded.T, components.T))
    assert angles.max() < 1


def test_the_svd_solver_is_pca(digits: Array) -> None:
    model = LinearAutoencoder(10, solver="svd").fit(digits)
    pca = PCA(10).fit(digits)
    np.testing.assert_allclose(
        model.reconstruct(digits), pca.inverse_transform(pca.transform(digits)), atol=1e-5
    )
    assert not hasattr(model, "partial_fit")
    stopped = LinearAutoencoder(10, solver="svd", early_stopping=True).fit(digits)
    np.testing.assert_array_equal(stopped.transform(digits), model.transform(digits))


# ---- convolutional ---------------------------------------------------------------------


def test_convolutions_beat_a_perceptron_at_equal_code_size(digits: Array) -> None:
    train, test = train_test_split(digits, random_state=0)
    settings: dict[str, Any] = {"max_epochs": 25, "batch_size": 64, "random_state": 0}
    perceptron = Autoencoder(8, **settings).fit(train)
    conv = ConvAutoencoder(8, **settings).fit(train)
    error = conv.reconstruction_error(test).mean()
    assert error < 0.9 * perceptron.reconstruction_error(test).mean()


@pytest.mark.parametrize("shape", [(7, 5), (5, 4, 3), (8, 8, 1)])
def test_images_of_any_size_come_back_in_their_size(shape: tuple[int, ...]) -> None:
    X = np.random.default_rng(0).random((20, int(np.prod(shape))))
    model = ConvAutoencoder(3, image_shape=shape, channels=(4, 4, 4), max_epochs=1).fit(X)
    assert model.reconstruct(X).shape == X.shape
    assert model.image_shape_ == (*shape, 1)[:3]


def test_channels_are_not_mixed_up_with_rows(digits: Array) -> None:
    """An image whose second channel is constant comes back so."""
    X = np.stack([digits, np.full_like(digits, 0.25)], axis=-1).reshape(len(digits), -1)
    model = ConvAutoencoder(8, image_shape=(8, 8, 2), max_epochs=5, random_state=0).fit(X)
    second = model.reconstruct(X).reshape(-1, 64, 2)[..., 1]
    assert np.abs(second - 0.25).mean() < 0.03


def test_a_wrong_image_shape_is_an_error(digits: Array) -> None:
    with pytest.raises(ValueError, match="image_shape"):
        ConvAutoencoder(image_shape=(9, 8)).fit(digits)


# ---- sparse ----------------------------------------------------------------------------


def test_exactly_k_units_are_active(digits: Array) -> None:
    model = SparseAutoencoder(100, k=7, max_epochs=5, random_state=0).fit(digits)
    assert set((model.transform(digits) != 0).sum(1)) == {7}
    assert 0 <= model.dead_fraction_ < 0.5
    with pytest.raises(ValueError, match="k=7"):
        SparseAutoencoder(5, k=7).fit(digits)
    chunked = SparseAutoencoder(100, k=7, random_state=0).partial_fit(digits[:500])
    active = (chunked.transform(digits[:500]) != 0).any(0)
    assert chunked.dead_fraction_ == pytest.approx(1 - active.mean())


def test_k_sparse_codes_are_better_to_classify_by_than_pixels_and_pca(
    digits: Array, digit_labels: Array
) -> None:
    split = train_test_split(digits, digit_labels, test_size=0.5, random_state=0)
    train, test, train_labels, test_labels = split
    sparse = SparseAutoencoder(400, k=20, max_epochs=60, random_state=0).fit(train)
    pca = PCA(40).fit(train)

    def accuracy(transform: Any) -> float:
        probe = LogisticRegression(max_iter=2000).fit(transform(train), train_labels)
        return float(probe.score(transform(test), test_labels))

    assert accuracy(sparse.transform) > accuracy(lambda X: X)
    assert accuracy(sparse.transform) > accuracy(pca.transform)


def test_kl_draws_the_mean_activation_to_its_target(digits: Array) -> None:
    model = SparseAutoencoder(
        64, sparsity="kl", target_activation=0.05, sparsity_weight=10, max_epochs=40, random_state=0
    ).fit(digits)
    assert model.transform(digits).mean() == pytest.approx(0.05, abs=0.02)


def test_l1_makes_codes_sparser(digits: Array) -> None:
    shares = [
        (
            SparseAutoencoder(
                64, sparsity="l1", sparsity_weight=weight, max_epochs=15, random_state=0
            )
            .fit(digits)
            .transform(digits)
            != 0
        ).mean()
        for weight in (0.0, 0.3)
    ]
    assert shares[1] < 0.6 * shares[0]


# ---- denoising and contractive ---------------------------------------------------------


@pytest.mark.parametrize(
    ("noise", "level"),
    [("gaussian", 0.3), ("masking", 0.3), ("salt_and_pepper", 0.2), ("dropout", 0.3)],
)
def test_a_denoising_autoencoder_restores_digits(noise: Any, level: float, digits: Array) -> None:
    train, test = train_test_split(digits, random_state=0)
    model = DenoisingAutoencoder(
        32, noise=noise, noise_level=level, max_epochs=40, random_state=0
    ).fit(train)
    generator = torch.Generator().manual_seed(1)
    noisy = model.corrupt(torch.tensor(test), generator).numpy()
    restored = model.reconstruct(noisy)
    assert ((restored - test) ** 2).mean() < 0.5 * ((noisy - test) ** 2).mean()


def test_noise_is_relative_to_the_range_of_the_data(digits: Array) -> None:
    X = 100 * digits - 700
    model = DenoisingAutoencoder(2, noise="salt_and_pepper", noise_level=0.5, max_epochs=1).fit(X)
    noisy = model.corrupt(torch.tensor(X), torch.Generator().manual_seed(0)).numpy()
    hit = ~np.isclose(noisy, X)
    assert set(np.unique(noisy[hit].round(6))) == {-700.0, -600.0}


@pytest.mark.parametrize("hidden_layers", [(), (32,)])
def test_the_jacobian_shrinks_as_lambda_grows(hidden_layers: Any, digits: Array) -> None:
    train, test = train_test_split(digits, random_state=0)
    norms = [
        ContractiveAutoencoder(
            16,
            hidden_layers=hidden_layers,
            contraction=contraction,
            max_epochs=30,
            learning_rate=5e-3,
            random_state=0,
        )
        .fit(train)
        .jacobian_norm(test)
        .mean()
        for contraction in (0.0, 0.1, 1.0)
    ]
    assert norms[0] > 1.1 * norms[1] > 1.1**2 * norms[2]


def test_the_jacobian_norm_is_that_of_finite_differences(digits: Array) -> None:
    model = ContractiveAutoencoder(3, hidden_layers=(5,), max_epochs=2, random_state=0).fit(digits)
    x, h = digits[:1], 1e-5
    moved = model.transform(x + h * np.eye(64)), model.transform(x - h * np.eye(64))
    jacobian = (moved[0] - moved[1]) / (2 * h)
    assert model.jacobian_norm(x)[0] == pytest.approx(np.linalg.norm(jacobian), rel=1e-6)


def test_augmented_samples_are_close_to_reconstructions_but_not_the_same(digits: Array) -> None:
    model = ContractiveAutoencoder(
        32, contraction=0.01, max_epochs=30, learning_rate=1e-2, random_state=0
    ).fit(digits)
    X = digits[:200]
    np.testing.assert_allclose(model.augment(X, scale=0), model.reconstruct(X), atol=1e-12)
    augmented = model.augment(X, scale=0.3, random_state=0)
    change = ((augmented - model.reconstruct(X)) ** 2).mean()
    assert 0 < change < ((X - X.mean(0)) ** 2).mean()
    np.testing.assert_array_equal(augmented, model.augment(X, scale=0.3, random_state=0))


# ---- variational -----------------------------------------------------------------------


def test_elbo_is_below_the_importance_weighted_likelihood_and_grows_with_training(
    digits: Array,
) -> None:
    X = (digits > 0.5).astype(np.float32)
    train, test = train_test_split(X, random_state=0)
    short, long = (
        VariationalAutoencoder(8, max_epochs=epochs, random_state=0).fit(train)
        for epochs in (2, 60)
    )
    assert long.score(test) > short.score(test) + 3
    weighted = [long.log_likelihood(test, n).mean() for n in (1, 10, 200)]
    assert weighted[0] < weighted[1] < weighted[2]
    assert weighted[2] > long.elbo(test, 100).mean()


def test_the_gaussian_elbo_is_a_density(digits: Array) -> None:
    """Of data in other units it differs by the logarithm of the unit, feature by feature."""
    scores = [
        VariationalAutoencoder(2, loss="mse", output="linear", max_epochs=5, random_state=0)
        .fit(unit * digits)
        .score(unit * digits)
        for unit in (1.0, 10.0)
    ]
    assert scores[0] - scores[1] == pytest.approx(64 * np.log(10), rel=1e-3)


def test_samples_and_interpolation(digits: Array) -> None:
    model = VariationalAutoencoder(8, max_epochs=30, random_state=0).fit(digits)
    samples = model.sample(500, random_state=0)
    assert samples.shape == (500, 64)
    np.testing.assert_array_equal(samples, model.sample(500, random_state=0))
    # As varied as digits are, and alike on average.
    assert np.abs(samples.mean(0) - digits.mean(0)).max() < 0.2
    assert samples.std(0).mean() > 0.4 * digits.std(0).mean()
    path = model.interpolate(digits[0], digits[1], 5)
    np.testing.assert_allclose(path[[0, -1]], model.reconstruct(digits[:2]))
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert steps.max() < np.linalg.norm(path[-1] - path[0])


def test_beta_trades_reconstruction_for_a_code_close_to_the_prior(digits: Array) -> None:
    low, high = (
        VariationalAutoencoder(8, beta=beta, max_epochs=20, random_state=0).fit(digits)
        for beta in (0.2, 5.0)
    )
    assert low.reconstruction_error(digits).mean() < high.reconstruction_error(digits).mean()
    assert low.transform(digits).std() > high.transform(digits).std()


# ---- concrete and MDL ------------------------------------------------------------------


def test_selected_pixels_reconstruct_better_than_random_or_most_varied_ones(digits: Array) -> None:
    train, test = train_test_split(digits, random_state=0)
    size = 8
    model = ConcreteAutoencoder(
        size, hidden_layers=(64,), max_epochs=60, batch_size=64, random_state=0
    ).fit(train)
    support = model.get_support(indices=True)
    assert len(set(support)) == size
    np.testing.assert_array_equal(model.transform(test), test[:, support])
    np.testing.assert_allclose(model.inverse_transform(test[:, support]), model.reconstruct(test))

    def linear_error(columns: Array) -> float:
        """By least squares, so that it is the choice that counts and not the decoder."""
        design = [np.c_[X[:, columns], np.ones(len(X))] for X in (train, test)]
        solution = np.linalg.lstsq(design[0], train, rcond=None)[0]
        return float(((design[1] @ solution - test) ** 2).mean())

    rng = np.random.default_rng(0)
    random = np.mean([linear_error(rng.choice(64, size, replace=False)) for _ in range(10)])
    varied = linear_error(np.argsort(train.var(0))[-size:])
    assert linear_error(support) < random
    assert linear_error(support) < varied


def test_more_units_than_features_is_an_error(digits: Array) -> None:
    with pytest.raises(ValueError, match="n_features=64"):
        ConcreteAutoencoder(65).fit(digits)


def test_the_description_is_shorter_than_general_purpose_compression(digits: Array) -> None:
    import bz2
    import lzma
    import zlib

    train, test = train_test_split(digits, random_state=0)
    model = MDLAutoencoder(
        6, resolution=1 / 16, max_epochs=60, hidden_layers=(128,), random_state=0
    ).fit(train)
    raw = np.round(16 * test).astype(np.uint8).tobytes()
    rival = 8 * min(len(c.compress(raw)) for c in (zlib, bz2, lzma))
    length = model.description_length(test)
    assert length.sum() < rival
    np.testing.assert_allclose(length, model.code_bits(test) + model.error_bits(test))
    assert (model.code_bits(test) > 0).all()
    codes = model.transform(test)
    np.testing.assert_array_equal(codes, codes.round())


def test_the_lengths_are_those_of_a_code(digits: Array) -> None:
    """The probabilities of all values of a pixel add up to one, and so do those of codes."""
    pixel = digits[:, 20:21]
    model = MDLAutoencoder(1, resolution=1 / 16, max_epochs=3, random_state=0).fit(pixel)
    network: Any = model.network_.double()
    values = torch.arange(17, dtype=torch.float64)[:, None] / 16
    for code in model.transform(pixel[:5]):
        lengths = network.error_nats(torch.tensor(code).expand(17, 1), values)
        assert float(torch.exp(-lengths).sum()) == pytest.approx(1)
    codes = torch.arange(-500, 501, dtype=torch.float64)[:, None]
    assert float(torch.exp(-network.code_nats(codes)).sum()) == pytest.approx(1)
