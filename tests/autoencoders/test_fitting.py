"""Fitting, where families share it, on real digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from aecodec.autoencoders import (
    Autoencoder,
    ConcreteAutoencoder,
    ContractiveAutoencoder,
    LinearAutoencoder,
    MDLAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from aecodec.errors import AecodecError
from tests.autoencoders.conftest import Array, pca_error

# ---- optimisers and scales -------------------------------------------------------------


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.03), ("rmsprop", 2e-3)])
def test_other_optimisers_learn_too(optimizer: Any, rate: float, digits: Array) -> None:
    model = Autoencoder(8, optimizer=optimizer, max_epochs=30, learning_rate=rate, random_state=0)
    model.fit(digits)
    assert model.reconstruction_error(digits).mean() < 0.9 * pca_error(digits, digits, 8)


def test_the_scale_of_the_data_makes_no_difference(digits: Array) -> None:
    errors = []
    for factor in (1e-3, 1e3):  # both linear: one bound is outside [0, 1]
        X = factor * (digits - 0.5)
        model = Autoencoder(4, max_epochs=5, random_state=0).fit(X)
        errors.append(model.reconstruction_error(X).mean() / factor**2)
    assert errors[0] == pytest.approx(errors[1], rel=1e-3)


@pytest.mark.parametrize("change", [(1e-24, 0), (1e20, 0), (1, 1e8), (1, 1.7e9)])
@pytest.mark.parametrize(
    "model",
    [
        LinearAutoencoder(4, solver="svd"),
        Autoencoder(4, max_epochs=3, random_state=0),
        ConcreteAutoencoder(4, max_epochs=3, random_state=0),
        MDLAutoencoder(4, hidden_layers=(16,), max_epochs=3, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_not_even_where_float32_would_overflow_or_round(
    model: Any, change: tuple[float, float], digits: Array
) -> None:
    X = 16 * digits[:200]
    factor, shift = change
    expected = ((model.fit(X).reconstruct(X) - X) ** 2).mean()
    moved = factor * X + shift
    found = (model.fit(moved).reconstruct(moved) - shift) / factor
    assert ((found - X) ** 2).mean() == pytest.approx(expected, rel=1e-3)


def test_data_whose_scale_is_no_number_are_refused(digits: Array) -> None:
    with pytest.raises(ValueError, match="too large"):
        Autoencoder(4).fit(1e300 * digits)


# ---- regularisers ----------------------------------------------------------------------


def weights(model: Any) -> Array:
    return np.concatenate([p.numpy().ravel() for p in model.network_.parameters() if p.ndim > 1])


def test_l2_shrinks_weights_and_l1_makes_them_small_or_nothing(digits: Array) -> None:
    plain, ridge, lasso = (
        weights(Autoencoder(8, max_epochs=15, random_state=0, **penalty).fit(digits))
        for penalty in ({}, {"l2": 1e-2}, {"l1": 3e-3})
    )
    assert (ridge**2).sum() < 0.5 * (plain**2).sum()
    assert np.mean(np.abs(lasso) < 1e-3) > 10 * np.mean(np.abs(plain) < 1e-3)


class Watched(Autoencoder):
    """An autoencoder that remembers what it was stopped by."""

    def _split(self, *arguments: Any) -> Any:
        data, self.held_out = super()._split(*arguments)
        return data, self.held_out


def test_early_stopping_keeps_the_best_network(digits: Array) -> None:
    model = Watched(
        32,
        hidden_layers=(256, 256),
        learning_rate=1e-2,
        max_epochs=500,
        early_stopping=True,
        n_iter_no_change=3,
        random_state=0,
        device="cpu",
    ).fit(digits[:150])
    curve = model.validation_loss_curve_
    assert model.n_iter_ == len(curve) < 500
    assert int(np.argmin(curve)) == len(curve) - 1 - 3
    assert model._held_out_loss(model.network_, model.held_out) == min(curve)


def test_early_stopping_waits_for_the_annealing(digits: Array) -> None:
    """All units are active at first, so that early losses are lower than those of k units."""
    settings: dict[str, Any] = {"k": 4, "max_epochs": 20, "random_state": 0}
    model = SparseAutoencoder(64, early_stopping=True, n_iter_no_change=2, **settings).fit(digits)
    assert len(model.validation_loss_curve_) == model.n_iter_ - 10
    whole = SparseAutoencoder(64, **settings).fit(digits)
    error = model.reconstruction_error(digits).mean()
    assert error < 1.2 * whole.reconstruction_error(digits).mean()


def test_early_stopping_of_a_selector_judges_the_decoder_it_refines(digits: Array) -> None:
    settings: dict[str, Any] = {"early_stopping": True, "n_iter_no_change": 2, "random_state": 0}
    short, long = (
        ConcreteAutoencoder(4, max_epochs=epochs, learning_rate=rate, **settings).fit(digits[:100])
        for epochs, rate in ((3, 1e-3), (200, 5e-2))
    )
    assert (short.n_iter_, len(short.validation_loss_curve_)) == (3, 1)
    curve = long.validation_loss_curve_
    assert len(curve) < 40  # a fifth of all
    assert int(np.argmin(curve)) == len(curve) - 1 - 2


def test_a_selector_is_penalised_to_the_end(digits: Array) -> None:
    free, heavy = (
        ConcreteAutoencoder(5, l2=l2, max_epochs=50, learning_rate=1e-2, random_state=0)
        .fit(digits[:200])
        .network_.decoder
        for l2 in (0.0, 50.0)
    )
    squares = [
        sum(float((p**2).sum()) for p in d.parameters() if p.ndim > 1) for d in (free, heavy)
    ]
    assert squares[1] < 0.01 * squares[0]


def test_penalties_are_on_weights_and_not_on_a_prior(digits: Array) -> None:
    model = MDLAutoencoder(2, hidden_layers=(8,), l2=1.0, max_epochs=1).fit(digits[:50])
    linear = [layer.weight for layer in model.network_.modules() if hasattr(layer, "weight")]
    assert float(model._penalty(model.network_)) == pytest.approx(
        sum(float(weight.square().sum()) for weight in linear)
    )


@pytest.mark.parametrize(
    "model",
    [
        SparseAutoencoder(16, k=4),
        ContractiveAutoencoder(16),
        ContractiveAutoencoder(16, hidden_layers=(8,)),
        VariationalAutoencoder(4, hidden_layers=()),
        ConcreteAutoencoder(4, hidden_layers=()),
        MDLAutoencoder(4, hidden_layers=()),
    ],
    ids=repr,
)
def test_dropout_makes_a_difference_with_and_without_hidden_layers(
    model: Any, digits: Array
) -> None:
    X = digits[:100]
    model.set_params(max_epochs=2, random_state=0)
    plain = model.fit(X).reconstruct(X)
    dropped = model.set_params(dropout=0.5).fit(X).reconstruct(X)
    assert not np.allclose(plain, dropped)
    np.testing.assert_array_equal(dropped, model.reconstruct(X))  # in training only


@pytest.mark.parametrize("change", [("adam", "sgd"), ("sgd", "adam"), ("rmsprop", "adam")])
def test_another_optimiser_may_go_on(change: tuple[Any, Any], digits: Array) -> None:
    model = Autoencoder(8, optimizer=change[0], random_state=0).partial_fit(digits)
    before = model.reconstruction_error(digits).mean()
    for _ in range(5):
        model.set_params(optimizer=change[1]).partial_fit(digits)
    assert model.reconstruction_error(digits).mean() < before


def test_a_linear_output_does_not_go_on_with_cross_entropy(digits: Array) -> None:
    model = Autoencoder(4, random_state=0).partial_fit(digits - 0.5)
    with pytest.raises(ValueError, match="needs a sigmoid output"):
        model.set_params(loss="bce").partial_fit(digits - 0.5)


def test_what_makes_a_code_sparse_counts_for_the_next_fit(digits: Array) -> None:
    model = SparseAutoencoder(20, k=5, max_epochs=2, random_state=0).fit(digits)
    codes = model.transform(digits)
    assert (codes != 0).sum(1).max() == 5
    for changed in ({"k": 2}, {"k": 30, "n_components": 40}, {"sparsity": "kl"}):
        assert np.array_equal(model.set_params(**changed).transform(digits), codes)
    model.partial_fit(digits)
    assert (model.transform(digits) != 0).sum(1).max() == 5


def test_the_penalty_of_a_contractive_one_is_of_the_network_it_has(digits: Array) -> None:
    models = [ContractiveAutoencoder(4, hidden_layers=(8,), random_state=0) for _ in range(2)]
    for model in models:
        model.partial_fit(digits[:200])
    models[0].set_params(hidden_layers=())
    ours, theirs = (model.partial_fit(digits[:200]).transform(digits) for model in models)
    assert np.array_equal(ours, theirs)


def test_relative_errors_have_no_unit(digits: Array) -> None:
    found = []
    for factor in (-1.0, -1e-8, -1e15):  # all linear
        X = (factor * digits[:200]).astype(np.float32)
        model = LinearAutoencoder(2, solver="svd").fit(X)
        found.append(model.relative_error(X))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-3)
    assert found[0].dtype == np.float32


def test_divergence_is_an_error_and_not_a_model_of_nans(digits: Array) -> None:
    with pytest.raises(AecodecError, match="learning_rate"):
        Autoencoder(4, optimizer="sgd", learning_rate=1e4, output="linear").fit(digits)
    one_step = Autoencoder(4, optimizer="sgd", learning_rate=1e38, l2=1e3, max_epochs=1)
    with pytest.raises(AecodecError, match="learning_rate"):
        one_step.set_params(batch_size=2000).fit(digits)


def test_verbose_shows_a_progress_bar(digits: Array, capfd: pytest.CaptureFixture[str]) -> None:
    Autoencoder(2, max_epochs=2, verbose=True).fit(digits[:100])
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "2/2" in captured.err
    assert "loss" in captured.err


# ---- pretraining -----------------------------------------------------------------------


@pytest.mark.parametrize("pretraining", ["layerwise", "rbm"])
def test_pretraining_helps_a_deep_saturating_network(pretraining: Any, digits: Array) -> None:
    train, test = train_test_split(digits, random_state=0)
    settings: dict[str, Any] = {
        "hidden_layers": (128, 64, 32),
        "activation": "sigmoid",
        "max_epochs": 30,
        "random_state": 0,
    }
    plain = Autoencoder(8, **settings).fit(train)
    stacked = Autoencoder(8, **settings, pretraining=pretraining, pretraining_epochs=20).fit(train)
    error = stacked.reconstruction_error(test).mean()
    assert error < 0.9 * plain.reconstruction_error(test).mean()


def test_boltzmann_machines_are_of_sigmoid_units(digits: Array) -> None:
    with pytest.raises(ValueError, match="activation='sigmoid', not 'relu'"):
        Autoencoder(8, hidden_layers=(32,), pretraining="rbm").fit(digits)
