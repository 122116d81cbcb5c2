"""Weight files of codecs, and the digest that ties an .aec file to one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from aecodec.codec.container import DIGEST_BYTES
from aecodec.errors import WeightsMismatchError
from aecodec.weights import shipped_name, weight_file

if TYPE_CHECKING:
    import torch

    from aecodec.codec.config import CodecConfig
    from aecodec.codec.inference import InferenceModel
    from aecodec.weights.loading import WeightFile

DEFAULT_MODEL = "codec-balanced"


def digest(path: Path) -> bytes:
    """The 8 bytes that name a weight file inside an .aec header."""
    return hashlib.sha256(path.read_bytes()).digest()[:DIGEST_BYTES]


def load_shipped(wanted: bytes, device: torch.device) -> InferenceModel:
    """The model that ships with these weights.

    Raises:
        WeightsMismatchError: none does.
    """
    name = shipped_name(wanted.hex())
    if name is not None:
        return load(weight_file(name), device)[0]
    raise WeightsMismatchError(
        f"the file was written with weights {wanted.hex()}, which neither are the ones given nor"
        " ship with this aecodec; decompress it with --weights, or with the aecodec that wrote it"
    )


def load(path: Path, device: torch.device) -> tuple[InferenceModel, bytes]:
    """The model of a weight file on a device, and the file's digest. Kept until the file changes.

    Raises:
        AecodecError: the file is missing or not a codec's weights.
    """
    from aecodec.weights import loading

    return loading.load(path, device, "codec", _build)


def _build(file: WeightFile) -> tuple[InferenceModel, bytes]:
    from aecodec.codec.config import CodecConfig
    from aecodec.codec.preview import load as load_preview

    config, name = CodecConfig.from_json(file.metadata["config"]), digest(file.path)
    model = inference_model(config, file.tensors)
    model.preview = load_preview(file.path, name)
    return model, name


def inference_model(config: CodecConfig, tensors: dict[str, torch.Tensor]) -> InferenceModel:
    """The model that a weight file's tensors make.

    Raises:
        KeyError: a table is missing.
        RuntimeError: the tensors are another model's.
    """
    from aecodec.codec.entropy import SymbolTables
    from aecodec.codec.inference import InferenceModel

    model = InferenceModel(config)
    counts, lengths = (tensors[f"tables.{name}"].numpy() for name in ("counts", "lengths"))
    state = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
        if not name.startswith("tables.")
    }
    model.load_state_dict(state, assign=True)
    model.tables = SymbolTables(counts, lengths)
    return model.eval().requires_grad_(False)
