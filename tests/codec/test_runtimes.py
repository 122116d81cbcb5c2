"""ONNX Runtime and torch do the same; that the first needs no other is in tests/cli."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aecodec.codec.codec import Codec
from aecodec.codec.weights import inference_model
from aecodec.errors import AecodecError
from aecodec.nn.runtime import choose_runtime, import_torch_if_it_pays
from tests.codec.foreign import decode
from tests.pictures import photograph
from tests.threads import one_and_two_threads

CODECS = ("codec-psnr", "codec-balanced")


def drawn() -> Image.Image:
    """Text and shapes on a photo, which no cell of it keeps exactly."""
    image = photograph("coffee").crop((60, 40, 357, 263))
    pen = ImageDraw.Draw(image)
    for line in range(6):
        pen.text((8 + 3 * line, 30 * line), "lorem ipsum dolor sit amet", fill=(0, 40 * line, 255))
    pen.ellipse((150, 90, 280, 200), outline="white", width=4)
    return image


@pytest.fixture(scope="module", params=CODECS)
def both(request: pytest.FixtureRequest) -> tuple[Codec, Codec]:
    """The same weights on ONNX Runtime and in torch, in float32 on any CPU."""
    return Codec("cpu", request.param, "onnx"), Codec("cpu", request.param, "torch")


@pytest.fixture(autouse=True)
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecodec.codec.torch_networks.has_bfloat16", lambda: False)


@pytest.mark.parametrize("quality", [1, 50, 97])
@pytest.mark.parametrize("picture", ["photo", "drawn"])
def test_files_of_either_decode_alike(
    both: tuple[Codec, Codec], cat: Image.Image, picture: str, quality: int
) -> None:
    image = cat.crop((0, 0, 311, 209)) if picture == "photo" else drawn()
    for writer in both:
        data = writer.compress(image, quality)
        symbols, pixels = decode(both[0], data)
        others, expected = decode(both[1], data)
        assert len(symbols) == len(others)
        assert all(np.array_equal(a, b) for a, b in zip(symbols, others, strict=True))
        assert np.abs(pixels - expected).max() <= 1
        assert (pixels != expected).mean() < 1e-3
        small, wanted = (np.asarray(codec.preview(data)).astype(int) for codec in both)
        assert np.abs(small - wanted).max() <= 1


def test_scale_indices_are_the_same_integers(both: tuple[Codec, Codec]) -> None:
    """From any psi and any symbols: of noise, of extremes, of nothing."""
    config, generator = both[0].model.config, np.random.default_rng(0)
    size = (1, 12, 16)
    for quality in (1, 23, 50, 77, 100):
        for most in (1, 30, 127):
            z = generator.integers(-most, most + 1, (1, 3, 4, config.hyper_channels))
            z = z.astype(np.float32).transpose(0, 3, 1, 2)
            psi, expected = (codec.model.networks.psi(z, quality) for codec in both)
            assert np.array_equal(psi, expected)
            magnitudes = generator.integers(0, 2 * most + 1, (*size, config.latent_channels))
            magnitudes = magnitudes.astype(np.float32).transpose(0, 3, 1, 2)
            if most == 127:
                psi = np.full_like(psi, 255)
                magnitudes = np.where(magnitudes > 99, 255, 0).astype(np.float32)
            for step in range(4):
                known = (step, psi, magnitudes / 32, magnitudes, quality)
                (mean, index), (other, wanted) = (c.model.networks.predict(*known) for c in both)
                assert np.array_equal(index, wanted)
                assert np.abs(mean - other).max() <= 3e-5 * np.abs(other).max() + 1e-4


def test_files_made_by_either_are_nearly_the_same(
    both: tuple[Codec, Codec], cat: Image.Image
) -> None:
    sizes = [len(codec.compress(cat.crop((0, 0, 256, 192)), 60)) for codec in both]
    assert abs(sizes[0] - sizes[1]) < 0.002 * sizes[0] + 8


def test_one_thread_or_two_make_the_same(cat: Image.Image) -> None:
    codec, made = Codec("cpu", runtime="onnx"), []
    for _ in one_and_two_threads():
        data = codec.compress(cat.crop((0, 0, 256, 192)), 70)
        made.append((data, codec.decompress(data).tobytes()))
    assert made[0] == made[1]


def test_which_runtime_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_runtime("cpu") == "onnx"
    assert choose_runtime("cpu", "torch") == "cpu"
    monkeypatch.setattr("aecodec.nn.runtime.torch_is_faster", lambda: True)
    assert choose_runtime("cpu") == "cpu"
    assert choose_runtime("cpu", "onnx") == "onnx"
    with pytest.raises(AecodecError, match="unknown runtime 'abacus'"):
        Codec("cpu", runtime="abacus")
    with pytest.raises(AecodecError, match="for CPUs"):
        Codec("cuda", runtime="onnx")


def test_torch_is_imported_where_it_saves_more_than_its_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imported: list[str] = []
    monkeypatch.setattr("aecodec.nn.runtime.import_module", imported.append)
    for bfloat16, seconds in ((False, 1e3), (True, 1e-3), (True, 1e3)):
        monkeypatch.setattr("aecodec.nn.runtime._says_bfloat16", lambda yes=bfloat16: yes)
        import_torch_if_it_pays(seconds)
        assert imported == (["torch"] if bfloat16 and seconds > 1 else [])


def test_tensors_of_other_shapes_are_refused(codec: Codec) -> None:
    wrong = {
        "analysis.tail": np.zeros((1, 2, 3, 3), np.float16),
        "eight_bits.synthesis.up": np.zeros((1, 2, 3, 3), np.int8),
    }
    analysis, synthesis = (
        inference_model(
            codec.model.config, {**codec.model.tensors, f"{name}.weight": weight}, "onnx"
        )
        for name, weight in wrong.items()
    )
    with pytest.raises(AecodecError, match="not those of"):
        analysis.analyse(np.zeros((1, 3, 64, 64), np.float32), 50)
    with pytest.raises(AecodecError, match="not those of"):
        synthesis.synthesise(np.zeros((1, 320, 4, 4), np.float32), 50)
