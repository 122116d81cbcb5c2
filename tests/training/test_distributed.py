"""Several processes do what one does with a batch that is so many times as large."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


def losses(folder: Path, photos: Path, batch: int, processes: int) -> list[float]:
    """Validation losses of a run of the command line."""
    recipe = folder / f"{processes}.yaml"
    recipe.write_text(RECIPE.format(batch=batch))
    out = folder / str(processes)
    command = [sys.executable, "-m", "aecodec_cli", "train", "denoise", "--device", "cpu"]
    places = ["--data", photos, "--recipe", recipe, "--out", out, "--devices", processes]
    done = subprocess.run(
        [str(part) for part in [*command, *places]], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("last.ckpt") == 1
    (table,) = (out / "logs").rglob("metrics.csv")
    with open(table, newline="") as file:
        return [float(row["val/loss"]) for row in csv.DictReader(file) if row.get("val/loss")]


@pytest.mark.skipif(sys.platform != "linux", reason="gloo over the loopback interface")
def test_two_processes_learn_what_one_does_with_twice_the_batch(
    cat: Image.Image, tmp_path: Path
) -> None:
    photos = save_pieces(cat, tmp_path / "photos", grid=(3, 1), step=(100, 0), size=(200, 250))
    one, two = (losses(tmp_path, photos, 4 // n, n) for n in (1, 2))
    assert len(one) == 3
    assert one[0] > one[-1]
    assert np.allclose(one, two, rtol=2e-3)
