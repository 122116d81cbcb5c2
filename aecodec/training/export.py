"""From a training checkpoint to a weight file that ships."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from aecodec.codec import fast
from aecodec.codec.container import DIGEST_BYTES
from aecodec.codec.eight_bits.layers import SYNTHESIS
from aecodec.codec.inference import InferenceModel
from aecodec.codec.model import CodecModel
from aecodec.codec.scales import SCALE_LEVELS
from aecodec.codec.weights import digest, inference_model
from aecodec.denoising.model import DenoiserModel
from aecodec.hashing.calibration import Calibration
from aecodec.hashing.model import HashModel
from aecodec.nn.arrays import AnyArray
from aecodec.nn.integer import QuantAwareConv2d
from aecodec.storage.atomic import write_atomically
from aecodec.training.codec_calibration import assumed_tables, calibrate_ranges, calibrated_tables
from aecodec.training.denoise import calibrate_denoiser
from aecodec.training.eight_bits.twin import ByteSynthesis
from aecodec.training.hyper_prior import (
    fitted_hyper_prior,
    hyper_prior_tensors,
    untrained_hyper_prior,
)
from aecodec.training.preview import fit_preview
from aecodec.training.recipe import CodecRecipe, DecoderRecipe, DenoiserRecipe, HashRecipe

_HYPER_PRIOR_STEPS = 2000


def inference_tensors(model: CodecModel) -> dict[str, Tensor]:
    """Tensors of an `InferenceModel` but its tables: float16 transforms, integer scale networks."""
    tensors: dict[str, Tensor] = {}
    integer = {n: m for n, m in model.named_modules() if isinstance(m, QuantAwareConv2d)}
    for name, module in integer.items():
        tensors.update({f"{name}.{key}": value for key, value in module.export().items()})
    for name, value in model.state_dict().items():
        exported = any(name.startswith(prefix + ".") for prefix in integer)
        if not exported and not name.startswith(("hyper_scale.", "symbol_bits")):
            tensors[name] = short_half(value)
    with torch.no_grad():
        index = model.hyper_index(torch.arange(1, 101))
    tensors["hyper_index"] = torch.round(index).clamp(0, SCALE_LEVELS - 1).to(torch.uint8)
    tensors |= hyper_prior_tensors(untrained_hyper_prior(model.config, index))
    return {name: value.contiguous() for name, value in tensors.items()}


def short_half(x: Tensor) -> Tensor:
    """float16 whose last bit is zero: deflated, as a page in a browser gets it, it is smaller."""
    bits = x.half().view(torch.int16).int()
    return ((bits + (bits >> 1 & 1)) & ~1).to(torch.int16).view(torch.float16)


def table_tensors(tables: list[list[int]]) -> dict[str, Tensor]:
    """Entropy tables, one for each scale index, as a weight file has them."""
    lengths, counts = [len(t) for t in tables], [c for t in tables for c in t]
    return {
        "tables.lengths": torch.tensor(lengths, dtype=torch.int32),
        "tables.counts": torch.tensor(counts, dtype=torch.int32),
    }


def hardware() -> str:
    """The machine this runs on, in a few words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def export_codec(
    recipe: CodecRecipe,
    checkpoint: Path,
    target: Path,
    card: dict[str, Any],
    crops: Sequence[Tensor],
    more: Sequence[Tensor] = (),
) -> None:
    """Write `target` (.safetensors), its card (.json) and its map for previews, atomically.

    Args:
        recipe: the one that was trained.
        checkpoint: of the run.
        card: what the checkpoint cannot know, such as data and figures.
        crops: uint8 (1, 3, H, W), on which the ranges of activations are measured and whose
            symbols the entropy tables, and pixels the map for previews, are fitted to.
        more: from which the network for hyper-latents learns; these if there are none.

    Of a leaner analysis (`recipe.fast`), only that, for beside the weights that it began with.
    """
    config = fast.with_fast_analysis(recipe.model) if recipe.fast else recipe.model
    model = CodecModel(config).eval()
    card = {**_load(model, checkpoint), **card}
    calibrate_ranges(model, crops)
    if recipe.fast:
        tensors = inference_tensors(model)
        analysis = {n: tensor for n, tensor in tensors.items() if n.startswith("analysis.")}
        _write_fast({f"fast_{n}": t.numpy() for n, t in analysis.items()}, recipe, target, card)
        return
    write_codec(recipe, model, target, card, crops, more)


def write_codec(
    recipe: CodecRecipe,
    model: CodecModel,
    target: Path,
    card: dict[str, Any],
    crops: Sequence[Tensor],
    more: Sequence[Tensor] = (),
) -> None:
    """As `export_codec`, of a model in memory, with the ranges that it has."""
    tensors = inference_tensors(model)
    tensors |= table_tensors(assumed_tables())
    steps = min(recipe.steps, _HYPER_PRIOR_STEPS)
    prior = fitted_hyper_prior(_on_cpu(recipe, tensors), more or crops, steps)
    tensors |= hyper_prior_tensors(prior)
    tensors |= table_tensors(calibrated_tables(_on_cpu(recipe, tensors), crops))
    _write(tensors, "codec", recipe, target, card)
    fit_preview(_on_cpu(recipe, tensors), crops).save(target, digest(target))


def _on_cpu(recipe: CodecRecipe | DecoderRecipe, tensors: dict[str, Tensor]) -> InferenceModel:
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    return inference_model(recipe.model, arrays, "cpu")


def export_decoder(
    recipe: DecoderRecipe,
    checkpoint: Path,
    target: Path,
    card: dict[str, Any],
    crops: Sequence[Tensor],
) -> None:
    """As `export_codec`: the codec that the run began with, and its decoder in 8 bits.

    Of a leaner one (`recipe.fast`), only that, for beside those weights.
    """
    config = fast.fast_config(recipe.model) if recipe.fast else recipe.model
    synthesis = ByteSynthesis(config)
    card = {**_load(synthesis, checkpoint, "synthesis."), **card}
    if recipe.fast:
        tensors = {fast.SYNTHESIS + name: t for name, t in synthesis.tensors().items()}
        _write_fast(tensors, recipe, target, card)
        return
    # Of the codec, which has the same layers in floats.
    card["parameters"] = sum(p.numel() for p in CodecModel(recipe.model).parameters())
    state = torch.load(checkpoint, map_location="cpu", mmap=True)
    of_synthesis = {SYNTHESIS + n: torch.from_numpy(t) for n, t in synthesis.tensors().items()}
    everything = state["codec"] | of_synthesis | state["means"]
    _write(everything, "codec", recipe, target, card, {"config": state["config"]})
    fit_preview(_on_cpu(recipe, everything), crops).save(target, digest(target))


def export_denoiser(
    recipe: DenoiserRecipe,
    checkpoint: Path,
    target: Path,
    card: dict[str, Any],
    crops: Sequence[Tensor],
) -> None:
    """As `export_codec`, for a denoiser: all weights in float16.

    Args:
        recipe, checkpoint, target, card: as of `export_codec`.
        crops: uint8 (1, 3, H, W), on which the ranges of activations are measured.
    """
    model = DenoiserModel(recipe.model)
    card = {**_load(model, checkpoint), **card}
    calibrate_denoiser(model, crops, recipe.mixture)
    tensors = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    _write(tensors, "denoiser", recipe, target, card)


def export_hash(
    recipe: HashRecipe,
    checkpoint: Path,
    target: Path,
    card: dict[str, Any],
    finish: Callable[[HashModel], Calibration],
) -> None:
    """As `export_codec`, for a hash model: matrices in float16, the rest in float32.

    Args:
        finish: makes the averaged weights fit for use, and measures their distances.
    """
    model = HashModel(recipe.model)
    card = {**_load(model, checkpoint), **card}
    calibration = finish(model)
    lengths = recipe.model.lengths
    card["calibration"] = {bits: asdict(calibration.threshold(bits)) for bits in lengths}
    card["calibration_data"] = calibration.data
    tensors = {
        name: (value.half() if value.ndim > 1 else value).contiguous()
        for name, value in model.state_dict().items()
    }
    metadata = {"calibration": calibration.to_json()}
    _write(tensors, "hash", recipe, target, card, metadata)


def _load(model: nn.Module, checkpoint: Path, prefix: str = "model.") -> dict[str, Any]:
    """Put a checkpoint's averaged weights into a model; what a card says of them."""
    state = torch.load(checkpoint, map_location="cpu")
    ours = {k: v for k, v in state["state_dict"].items() if k.startswith(prefix)}
    model.load_state_dict({k.removeprefix(prefix): v for k, v in ours.items()})
    start = {"start": state["start"]} if state.get("start") else {}
    return {
        **start,
        "steps": state["batches_seen"],
        "hours": round(state["seconds"] / 3600, 2),
        "hardware": hardware(),
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def _write_fast(
    tensors: dict[str, AnyArray],
    recipe: CodecRecipe | DecoderRecipe,
    target: Path,
    card: dict[str, Any],
) -> None:
    """Write a leaner transform beside `target`, the place of the weights that it is for."""
    weights = bytes.fromhex(card["start"].rpartition(" ")[2])[:DIGEST_BYTES]
    fast.save(tensors, target, weights)
    text = json.dumps({"recipe": asdict(recipe), **card}, indent=2) + "\n"
    write_atomically(fast.fast_file(target).with_suffix(".json"), text.encode(), overwrite=True)


def _write(
    tensors: dict[str, Tensor],
    task: str,
    recipe: CodecRecipe | DecoderRecipe | DenoiserRecipe | HashRecipe,
    target: Path,
    card: dict[str, Any],
    metadata: dict[str, str] | None = None,
) -> None:
    data = save(tensors, metadata={"config": recipe.model.to_json(), **(metadata or {})})
    sha256 = hashlib.sha256(data).hexdigest()
    card = {"task": task, "recipe": asdict(recipe), "sha256": sha256, **card}
    write_atomically(target, data, overwrite=True)
    text = json.dumps(card, indent=2) + "\n"
    write_atomically(target.with_suffix(".json"), text.encode(), overwrite=True)
