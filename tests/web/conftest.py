"""The page that the decoder in JavaScript is tested in."""

from __future__ import annotations

from pathlib import Path

import pytest

from aecodec.storage.atomic import write_atomically
from aecodec.weights import shipped_codecs
from aecodec.workflows.viewer import viewer_files

RUNTIME = Path(__file__).parent / "node_modules" / "onnxruntime-web"


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `aecodec viewer` writes."""
    if not RUNTIME.is_dir():
        pytest.skip("no ONNX Runtime for browsers here: make test-web")
    folder = tmp_path_factory.mktemp("viewer")
    for name, data in viewer_files(shipped_codecs(), RUNTIME):
        write_atomically(folder / name, data, overwrite=False)
    return folder
