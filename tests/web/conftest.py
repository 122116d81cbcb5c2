"""The page that the decoder in JavaScript is tested in."""

from __future__ import annotations

from pathlib import Path

import pytest

from aecodec.storage.atomic import write_atomically
from aecodec.weights import shipped_codecs
from aecodec.workflows.viewer import viewer_files

PACKAGES = Path(__file__).parent / "node_modules"


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `aecodec viewer` writes."""
    if not PACKAGES.is_dir():  # they take minutes
        pytest.skip("tests in browsers and Node: make test-web")
    folder = tmp_path_factory.mktemp("viewer")
    for name, data in viewer_files(shipped_codecs()):
        write_atomically(folder / name, data, overwrite=False)
    return folder
