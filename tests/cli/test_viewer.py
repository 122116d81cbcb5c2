"""`aecodec viewer`; what it writes is run in `tests/web`."""

from __future__ import annotations

import json
import re
from pathlib import Path

from aecodec.weights import shipped_models
from tests.cli.conftest import Run, refused


def test_the_page_has_all_it_needs(run: Run, tmp_path: Path) -> None:
    site = tmp_path / "site"
    arguments = ("viewer", "-o", str(site), "--weights", "codec-psnr")
    assert run(*arguments)[0] == 0
    assert (site / "runtime/ort-wasm-simd-threaded.wasm").read_bytes().startswith(b"\0asm")
    assert "Microsoft" in (site / "runtime/LICENSE").read_text("utf-8")
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
