"""The decoder in JavaScript: in Node and, where there is one, in a headless Chromium.

Needs Node and `npm install` in this folder; `make test-web` does both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
NODE = shutil.which("node")
_SECONDS = 900  # of one test file, on a busy machine

if NODE is None or not (FOLDER / "node_modules" / "sharp").is_dir():
    pytest.skip("no Node with what these tests need: make test-web", allow_module_level=True)


@pytest.mark.parametrize("name", ["conformance", "damage", "fuzz", "png"])
def test_in_node(page: Path, name: str) -> None:
    run_in_node(name, page)


def run_in_node(name: str, models: Path) -> None:
    done = subprocess.run(
        [NODE or "", "--test", f"{name}.test.mjs"],
        cwd=FOLDER,
        env=os.environ | {"AECODEC_MODELS": str(models)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_runtime_is_that_of_npm(page: Path) -> None:
    for file in (page / "runtime").glob("ort*"):
        own = FOLDER / "node_modules" / "onnxruntime-web" / "dist" / file.name
        assert file.read_bytes() == own.read_bytes()


def test_a_model_takes_at_most_8_megabytes(page: Path) -> None:
    for folder in page.iterdir():
        if (folder / "synthesis.onnx.z").is_file():
            assert sum(file.stat().st_size for file in folder.iterdir()) <= 8_000_000
