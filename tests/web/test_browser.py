"""The decoder in browsers without a window against Python's; -s prints how much they differ."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from queue import Empty

import numpy as np
import pytest

from aecodec.codec.codec import Codec
from aecodec.codec.container import NO_WEIGHTS, ChunkType, read_file
from benchmarks import browsers
from tests.codec.foreign import digest, recorded_symbols
from tests.web import pictures

NAMES = [
    pytest.param(name, marks=pytest.mark.skipif(executable is None, reason=f"no {name} here"))
    for name, executable in (("chromium", browsers.CHROMIUM), ("firefox", browsers.FIREFOX))
]

_SECONDS = 900  # for one file, on a busy machine


def shown(
    name: str, page: Path, files: dict[str, bytes], script: str, *, isolated: bool, last: str
) -> dict[str, bytes]:
    """What a script posts from the page, by path, until `last` comes."""
    html = f'<!doctype html><body><script type="module">{script}</script>'
    own = {"test.html": html.encode()}
    own["shown.js"] = Path(__file__).with_name("shown.js").read_bytes()
    own |= {f"files/{name}.aec": data for name, data in files.items()}
    found: dict[str, bytes] = {}
    site = browsers.Site(page, own, isolated=isolated)
    profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with profile, site, browsers.browser(name, f"{site.address}/test.html", Path(profile.name)):
        while last not in found:
            try:
                path, body = site.posted.get(timeout=_SECONDS)
            except Empty:
                pytest.fail(f"the page posts nothing more; there are {list(found)}")
            found[path] = body
    return found


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return dict(pictures.files())


@pytest.mark.parametrize("browser", NAMES)
def test_pictures_of_all_kinds_are_those_of_python(
    browser: str, page: Path, files: dict[str, bytes]
) -> None:
    assert len(files) >= 30
    types = {chunk.type for data in files.values() for chunk in read_file(data)[1]}
    assert {ChunkType.EXACT, ChunkType.FEW_COLOURS, ChunkType.ALPHA, ChunkType.ICC} <= types
    script = f'import {{ postAll }} from "./shown.js"; await postAll({json.dumps(list(files))})'
    last = f"{list(files)[-1]}/pixels"
    found = shown(browser, page, files, script, isolated=True, last=last)
    assert found["isolated"] == b"true"  # so that there are threads

    of_floats = Codec("cpu", "codec-psnr", "onnx").digest
    for name, data in files.items():
        assert f"{name}/error" not in found, found[f"{name}/error"].decode()
        with recorded_symbols() as symbols:
            image = Codec("cpu", runtime="onnx").decompress(data)
        there = np.concatenate([np.zeros(0, "<i4"), np.frombuffer(found[f"{name}/symbols"], "<i4")])
        assert digest([there]) == digest(symbols), name
        expected = np.asarray(image).astype(int)
        if image.mode.startswith("I;16"):
            pixels = np.frombuffer(found[f"{name}/pixels"], "<u2").reshape(expected.shape)
        else:
            rgba = np.frombuffer(found[f"{name}/pixels"], "u1").reshape(*expected.shape[:2], 4)
            bands = {"RGB": [0, 1, 2], "RGBA": [0, 1, 2, 3], "L": [0], "LA": [0, 3]}[image.mode]
            pixels = rgba[..., bands].reshape(expected.shape)
        difference = np.abs(pixels.astype(int) - expected)
        if read_file(data)[0].weights == of_floats:
            one_level = 1 + int(np.ptp(expected)) // 256 if expected.ndim == 2 else 1
            assert difference.max() <= one_level, name
        else:
            assert not difference.any(), name
        width, height = image.size
        preview = [width, height, -(-width // 8), -(-height // 8), width, height]
        learned = read_file(data)[0].weights != NO_WEIGHTS
        assert found[f"{name}/preview"].decode() == (
            ",".join(map(str, preview)) if learned else "none"
        )


@pytest.mark.parametrize("browser", NAMES)
def test_the_page_tells_of_a_file_and_of_damage(browser: str, page: Path) -> None:
    files = {"rgba": pictures.rgba()}
    damaged = bytearray(files["rgba"])
    damaged[len(damaged) // 2] ^= 1
    files["damaged"] = bytes(damaged)
    script = (
        'import { postAll, postViewer } from "./shown.js";'
        'await postAll(["damaged", "missing"]);'
        'await postViewer("files/damaged.aec", "damage");'
        'await postViewer("files/rgba.aec", "page");'
    )
    found = {
        path: body.decode()
        for path, body in shown(browser, page, files, script, isolated=False, last="page").items()
    }
    assert found["isolated"] == "false"
    assert "checksum does not match" in found["damaged/error"]
    assert "404" in found["missing/error"]
    assert "damaged.aec: " in found["damage"]
    assert "checksum does not match" in found["damage"]
    assert "120 x 90" in found["page"]
    assert "RGBA" in found["page"]
