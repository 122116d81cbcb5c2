"""Begin a run with weights that were trained before: shipped ones, or one's own."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import EIGHT_BITS
from aecodec.codec.model import CodecModel
from aecodec.codec.rounding import table_symbol_bits
from aecodec.errors import RecipeError
from aecodec.nn.blocks import ModulatedConv2d, QualityTable, ResidualBlock
from aecodec.nn.bounded import BoundedConv2d
from aecodec.nn.integer import QuantAwareConv2d


def start_from(model: nn.Module, path: Path) -> None:
    """Put the weights of an exported file into a model that is to be trained.

    A codec of another range of lambda has at each lambda what the file has there, and beyond the
    file's range what its last two anchors extrapolate to. What an export rounds stays rounded:
    matrices to float16, the integer networks of a codec to what they are when it runs. Residual
    blocks and modulations that the file lacks, of a model made larger, begin as the identity.

    Raises:
        RecipeError: not a weight file, or of another model.
    """
    try:
        tensors = load_file(path)
        if isinstance(model, CodecModel):
            tensors = _floats_of_codec(model, tensors)
        tensors |= _further_parts(model, tensors)
        model.load_state_dict({name: t.to(_dtype(model, name)) for name, t in tensors.items()})
        if isinstance(model, CodecModel):
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
            if "config" in metadata:
                _move_qualities(model, CodecConfig.from_json(metadata["config"]))
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RecipeError(f"{path}: not weights of the recipe's model ({reason})") from None


def _dtype(model: nn.Module, name: str) -> torch.dtype:
    found = model.state_dict().get(name)
    return torch.float32 if found is None else found.dtype


def _further_parts(model: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Residual blocks, modulations and ranges that the file lacks: those that change nothing."""
    further: dict[str, Tensor] = {}
    for name, module in model.named_modules():
        if isinstance(module, ResidualBlock) and f"{name}.conv1.weight" not in tensors:
            nn.init.zeros_(module.conv2.weight)
            nn.init.zeros_(module.conv2.bias)  # type: ignore[arg-type]
            further |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
        if isinstance(module, BoundedConv2d) and f"{name}.low" not in tensors:
            further |= {f"{name}.low": module.low, f"{name}.high": module.high}
        table = f"{name}.modulation.values"
        if isinstance(module, ModulatedConv2d) and module.modulation and table not in tensors:
            further[table] = module.modulation.values
    return further


def _floats_of_codec(model: CodecModel, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `inference_tensors` was made of."""
    floats = {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(("tables.", "hyper_index", "hyper_prior.", EIGHT_BITS))
    }
    for name, module in model.named_modules():
        if isinstance(module, QuantAwareConv2d):
            weight, bias = floats.pop(f"{name}.weight"), floats.pop(f"{name}.bias")
            scale = floats.pop(f"{name}.multiplier") * (module.out_step / module.in_step)
            floats[f"{name}.weight"] = weight * scale[:, None, None, None]
            biases = bias * (scale * module.in_step)
            floats[f"{name}.bias.values"] = _anchors(biases, len(module.bias.values))
    indices = tensors["hyper_index"].float() / 8
    floats["hyper_scale.values"] = _anchors(indices, len(model.hyper_scale.values))
    floats["symbol_bits"] = table_symbol_bits(tensors["tables.lengths"], tensors["tables.counts"])
    return floats


def _move_qualities(model: CodecModel, old: CodecConfig) -> None:
    """Give the qualities of a model what another range of lambda had at the same lambdas."""
    new = model.config
    if (old.lambda_min, old.lambda_max) == (new.lambda_min, new.lambda_max):
        return
    octaves = math.log(old.lambda_max / old.lambda_min)
    for table in model.modules():
        if isinstance(table, QualityTable):
            last = len(table.values) - 1
            lambdas = [new.rd_lambda(1 + 99 * k / last) for k in range(last + 1)]
            position = torch.tensor(
                [math.log(x / old.lambda_min) / octaves * last for x in lambdas]
            )
            low = position.floor().clamp(0, last - 1).long()
            weight = (position - low)[:, None]
            with torch.no_grad():
                values = torch.lerp(table.values[low], table.values[low + 1], weight)
                table.values.copy_(values)


def _anchors(values: Tensor, anchors: int) -> Tensor:
    """The table (anchors, C) that gives values (100, C) of all qualities most nearly."""
    table = QualityTable(anchors, anchors)
    with torch.no_grad():
        table.values.copy_(torch.eye(anchors))
        weights = table(torch.arange(1, 101))
    return torch.linalg.lstsq(weights.double(), values.double()).solution.float()
