from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecodec.autoencoders import Autoencoder, VariationalAutoencoder
from aecodec.errors import AecodecError
from aecodec.workflows.explore import explore_file
from tests.pictures import save_pieces


def fitted(kind: type, path: Path) -> Path:
    data = np.random.default_rng(0).random((40, 64), dtype=np.float32)
    model = kind(n_components=2, hidden_layers=(16,), max_epochs=1, random_state=0).fit(data)
    model.image_shape_ = (8, 8, 1)
    model.save(path)
    return path


def test_a_saved_model_draws_samples_ways_and_codes(tmp_path: Path, cat: Image.Image) -> None:
    model = fitted(VariationalAutoencoder, tmp_path / "model.safetensors")
    photos = save_pieces(cat, tmp_path / "photos", grid=(4, 1), step=(90, 0), size=(90, 90))
    explorer = explore_file(model, photos, at_most=3)
    assert (explorer.data.shape, explorer.shape) == ((3, 64), (8, 8, 1))
    samples = explorer.samples(64, seed=0)
    assert samples.size == (5 * (8 * 9 - 1),) * 2
    assert samples.tobytes() == explorer.samples(64, seed=0).tobytes()
    assert samples.tobytes() != explorer.samples(64, seed=1).tobytes()
    assert explorer.between(0, 99).size == (5 * (10 * 9 - 1), 5 * 8)
    assert len(explorer.codes().axes[0].collections[0].get_offsets()) == 3


def test_samples_need_no_data_but_the_right_kind_of_model(tmp_path: Path) -> None:
    explorer = explore_file(fitted(VariationalAutoencoder, tmp_path / "v.safetensors"))
    assert len(explorer.data) == 0
    assert explorer.samples(1, seed=0).size == (40, 40)
    with pytest.raises(AecodecError, match="only a variational autoencoder"):
        explore_file(fitted(Autoencoder, tmp_path / "a.safetensors"))
    np.save(tmp_path / "wide.npy", np.zeros((3, 128), np.float32))
    with pytest.raises(AecodecError, match="128 features"):
        explore_file(tmp_path / "v.safetensors", tmp_path / "wide.npy")
