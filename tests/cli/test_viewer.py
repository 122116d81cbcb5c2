"""`aecodec viewer`; what it writes is run in `tests/web`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from aecodec.weights import shipped_models
from aecodec.workflows.viewer import RUNTIME_FILES
from tests.cli.conftest import Run, refused


def test_without_the_runtime_it_says_how_to_get_it(run: Run, tmp_path: Path) -> None:
    site = tmp_path / "site"
    err = refused(
        run("viewer", "-o", str(site), "--runtime", str(tmp_path / "nowhere")),
        "npm install onnxruntime-web",
    )
    assert len(err.splitlines()) == 1
    assert not site.exists()


@pytest.mark.parametrize("place", ["dist", "."])
def test_the_page_has_all_it_needs(run: Run, tmp_path: Path, place: str) -> None:
    runtime, site = tmp_path / "runtime", tmp_path / "site"
    (runtime / place).mkdir(parents=True)
    for name in RUNTIME_FILES:
        (runtime / place / name).write_text(name)
    arguments = ("viewer", "-o", str(site), "--runtime", str(runtime), "--weights", "codec-psnr")
    assert run(*arguments)[0] == 0
    card = next(card for card in shipped_models() if card["id"] == "codec-psnr")
    (digest,) = json.loads((site / "models.json").read_text())
    assert card["sha256"].startswith(digest)
    assert (site / digest / "synthesis.onnx.z").is_file()
    for script in [*site.glob("*.js"), site / "viewer.html"]:
        text = script.read_text("utf-8")
        assert not re.search(r"https?://", text)  # no other host
        for name in re.findall(r"(?:from|import|src=)\s*\(?\"(?:\./)?([\w./-]+\.m?js)\"", text):
            assert (site / name).is_file(), f"{script.name} wants {name}"
    refused(run(*arguments), "--force")
