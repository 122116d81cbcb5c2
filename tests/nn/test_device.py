from __future__ import annotations

import os

import pytest

from tests.processes import run_python

_FORKED = """
import multiprocessing
import torch
torch.set_num_threads(2)
import aecodec
from PIL import Image
image = Image.effect_mandelbrot((256, 192), (-2, -1.5, 1, 1.5), 60).convert("RGB")
def work(_):
    return aecodec.compress(image)
expected = work(0)
with multiprocessing.get_context("fork").Pool(2) as pool:
    files = pool.map_async(work, range(2)).get(timeout=90)
print(all(len(file) == len(expected) for file in files))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_workers_do_not_wait_for_their_parents_threads() -> None:
    done = run_python(_FORKED, timeout=150)
    assert done.stdout.strip() == "True", done.stderr
