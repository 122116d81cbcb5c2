from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.errors import AecodecError, RecipeError, UnsupportedImageError
from aecodec.training.codec import CodecTraining
from aecodec.training.export import export_codec
from aecodec.training.kinds import KINDS
from aecodec.training.recipe import CodecRecipe, load_recipe
from aecodec.training.run import train
from tests.pictures import photograph, to_tensor
from tests.training.conftest import TINY, assert_same_run, load, pixels_of


def test_a_run_in_slices_is_the_uninterrupted_run_even_if_begun_on_a_gpu(
    photos: Path, whole: Path, tmp_path: Path
) -> None:
    for number in range(TINY.steps):  # a slice of no minutes still takes one step
        checkpoint = train(TINY, [photos], tmp_path, resume=number > 0, max_minutes=0, device="cpu")
        if number == 0:
            saved = load(checkpoint)
            with pytest.MonkeyPatch.context() as patch:  # torch writes where each tensor was
                patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
                torch.save(saved, checkpoint)
            if not torch.cuda.is_available():
                with pytest.raises(RuntimeError, match="CUDA"):
                    torch.load(checkpoint)
    sliced = load(checkpoint)
    assert sliced["batches_seen"] == TINY.steps
    assert_same_run(load(whole), sliced)


def test_a_cpu_trains_in_what_it_multiplies_fast(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.dtype] = []

    class Watched(CodecTraining):
        def __init__(self, recipe: CodecRecipe) -> None:
            super().__init__(recipe)
            block = self.model.analysis.blocks[0].conv2
            block.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))

    monkeypatch.setitem(KINDS, "codec", dataclasses.replace(KINDS["codec"], module=Watched))
    for number, has_bfloat16 in enumerate((True, False, True)):  # a run on different machines
        monkeypatch.setattr("aecodec.nn.device.has_bfloat16", lambda has=has_bfloat16: has)
        seen.clear()
        train(TINY, [photos], tmp_path, max_minutes=0, device="cpu", resume=number > 0)
        assert set(seen) == {torch.bfloat16 if has_bfloat16 else torch.float32}
    assert load(tmp_path / "last.ckpt")["batches_seen"] == 3


def test_the_average_is_not_the_last_weights(whole: Path) -> None:
    state = load(whole)
    name = "model.analysis.head.weight"
    assert not torch.equal(state["state_dict"][name], state["current_model_state"][name])


def test_an_exported_checkpoint_is_the_trained_model(
    whole: Path, cat: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Few steps do not teach the prior which symbols are surely zero.
    monkeypatch.setattr("aecodec.codec.inference.LEAST_CODED", 0)
    monkeypatch.setattr("aecodec.codec.choice._is_suspect", lambda *_: False)
    monkeypatch.setattr("aecodec.codec.wiener.Fit.best", lambda *_: None)
    target = tmp_path / "codec-tiny.safetensors"
    export_codec(TINY, whole, target, {"data": "three photos"}, [])
    assert target.with_suffix(".json").exists()
    codec, module = Codec("cpu", target), CodecTraining(TINY).eval()
    module.load_state_dict(load(whole)["state_dict"])
    image = cat.crop((0, 0, 256, 192))
    for quality in (1, 50, 100):
        decoded = codec.decompress(codec.compress(image, quality))
        with torch.no_grad():
            expected = module(pixels_of(image), torch.tensor([float(quality)])).reconstruction
        difference = pixels_of(decoded) - expected.clamp(-0.5, 0.5)
        assert difference.square().mean().sqrt() < 0.01
    assert codec.decompress(codec.compress(cat, 50)).size == cat.size


def test_a_run_is_not_overwritten_and_nothing_is_not_resumed(
    photos: Path, whole: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="--resume"):
        train(TINY, [photos], whole.parent)
    with pytest.raises(RecipeError, match="nothing to resume"):
        train(TINY, [photos], tmp_path, resume=True)


def test_a_run_that_cannot_begin_leaves_nothing(photos: Path, whole: Path, tmp_path: Path) -> None:
    folder, empty, weights = (tmp_path / name for name in ("run", "empty", "no.safetensors"))
    empty.mkdir()
    weights.write_text("no weights")
    with pytest.raises(UnsupportedImageError, match="no photos in"):
        train(TINY, [empty], folder, device="cpu")
    with pytest.raises(AecodecError):
        train(TINY, [photos], folder, start=weights, device="cpu")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{{", "while parsing"),
        ("[1, 2]", "settings should be"),
        ("model: 3", "settings should be"),
        ("foo: 3", "no setting foo"),
        ("model: {widths: 3}", "no setting widths"),
        ("stepz: 3", "stepz"),
        ("learning_rate: 4e-4", "learning_rate must be a number such as 0.0004, not '4e-4'"),
        ("steps: 2.5", "steps must be a number"),
        ("save_every: 0", "save_every must be at least 1"),
    ],
)
def test_a_recipe_that_is_none_says_so_in_a_line(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(RecipeError, match=reason) as caught:
        load_recipe(str(tmp_path / "mine.yaml"))
    assert "\n" not in str(caught.value)


def test_recipes_load_and_others_are_not_known() -> None:
    recipe = load_recipe("codec-psnr")
    assert recipe.model.latent_channels % 4 == 0
    assert recipe.phases()[0].start == 0
    with pytest.raises(RecipeError, match="known: codec-balanced, codec-fast, codec-gpu"):
        load_recipe("codec-none")


def test_neither_warm_up_nor_decay_is_needed() -> None:
    module = CodecTraining(dataclasses.replace(TINY, warmup=0, decay=0.0))
    assert [module._schedule(step) for step in range(TINY.steps)] == [1.0] * TINY.steps


def test_a_step_with_a_gradient_that_is_not_finite_is_skipped(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CodecTraining, "_lambda", lambda self, q: q * float("nan"))
    recipe = dataclasses.replace(TINY, steps=2)
    state = load(train(recipe, [photos], tmp_path, device="cpu"))
    assert state["skipped"] == 2
    weights = state["current_model_state"]
    unbounded = (".low", ".high")  # ranges that nobody has measured
    assert all(torch.isfinite(v).all() for k, v in weights.items() if not k.endswith(unbounded))


def test_what_cannot_be_trained_with_is_said_first(
    photos: Path, whole: Path, tmp_path: Path
) -> None:
    other = dataclasses.replace(TINY, model=dataclasses.replace(TINY.model, width=16))
    with pytest.raises(RecipeError, match="of another model"):
        train(other, [photos], whole.parent, resume=True, device="cpu")
    large = dataclasses.replace(TINY, large_crop=2048)
    with pytest.raises(RecipeError, match="2048 pixels on each side"):
        train(large, [photos], tmp_path / "large", device="cpu")
    if not torch.cuda.is_available():
        with pytest.raises(AecodecError, match="CUDA"):
            train(TINY, [photos], tmp_path / "cuda", device="cuda")
    (tmp_path / "corrupted").mkdir()
    for name in ("a", "b"):
        (tmp_path / "corrupted" / f"{name}.jpg").write_bytes(b"no photo")
    with pytest.raises(UnsupportedImageError, match=r"\.jpg"):
        train(TINY, [tmp_path / "corrupted"], tmp_path / "run", device="cpu")


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("ms-ssim", 0.6, 140.0), ("balanced", 3e-4, 0.1)]
)
def test_a_codec_is_trained_for_another_distortion(
    photos: Path, tmp_path: Path, kind: str, low: float, high: float
) -> None:
    model = dataclasses.replace(TINY.model, distortion=kind, lambda_min=low, lambda_max=high)
    recipe = dataclasses.replace(TINY, model=model, steps=2, crop=192, large_crop=192)
    module = CodecTraining(recipe)
    batch = (255 * to_tensor(photograph("astronaut"))[..., :192, :192]).round().byte()
    figures = module.loss(batch, 0)[1]
    state = load(train(recipe, [photos], tmp_path, device="cpu"))
    assert (state["batches_seen"], state["skipped"]) == (2, 0)
    assert 0 < figures["psnr"] < 60
    assert Codec("cpu", tmp_path / "codec.safetensors").model.config == model
    with pytest.raises(ValueError, match="crops of at least 161"):
        dataclasses.replace(recipe, crop=128)
    with pytest.raises(ValueError, match="crops of at least 161"):
        dataclasses.replace(recipe, large_crop=128)
