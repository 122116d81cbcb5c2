"""Several processes do what one does with a batch that is so many times as large."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecodec.training.recipe import DenoiserRecipe, load_recipe
from aecodec.training.run import train
from tests.pictures import save_pieces

RECIPE = """
model: {{widths: [8, 8, 8], blocks: [1, 1, 1]}}
steps: 6
batch: {batch}
crop: 64
large_crop: 64
drawn_pictures: 4
scales: [1.0]
learning_rate: 1.0e-3
warmup: 1
held_out: 1
validate_every: 2
save_every: 6
"""


def recipe_of(batch: int, folder: Path) -> Path:
    path = folder / f"{batch}.yaml"
    path.write_text(RECIPE.format(batch=batch))
    return path


def losses(out: Path) -> list[float]:
    """Validation losses of a run."""
    (table,) = (out / "logs").rglob("metrics.csv")
    with open(table, newline="") as file:
        return [float(row["val/loss"]) for row in csv.DictReader(file) if row.get("val/loss")]


@pytest.mark.skipif(sys.platform != "linux", reason="gloo over the loopback interface")
def test_two_processes_learn_what_one_does_with_twice_the_batch(
    cat: Image.Image, tmp_path: Path
) -> None:
    photos = save_pieces(cat, tmp_path / "photos", grid=(3, 1), step=(100, 0), size=(200, 250))
    recipe = load_recipe(str(recipe_of(4, tmp_path)), DenoiserRecipe)
    train(recipe, [photos], tmp_path / "one", device="cpu", devices=1)
    command = [sys.executable, "-m", "aecodec_cli", "train", "denoise", "--device", "cpu"]
    places = ["--data", photos, "--recipe", recipe_of(2, tmp_path), "--out", tmp_path / "two"]
    done = subprocess.run(
        [str(part) for part in [*command, *places, "--devices", 2]],
        capture_output=True,
        text=True,
        timeout=900,  # on a busy machine
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("last.ckpt") == 1
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == 3
    assert one[0] > one[-1]
    assert np.allclose(one, two, rtol=2e-3)
