"""Weight files of codecs, and the digest that ties an .aec file to one."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from aecodec.codec.container import DIGEST_BYTES
from aecodec.errors import AecodecError, WeightsMismatchError
from aecodec.weights import shipped_name, weight_file

if TYPE_CHECKING:
    import torch

    from aecodec.codec.config import CodecConfig
    from aecodec.codec.inference import InferenceModel

DEFAULT_MODEL = "codec-cpu"


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
    import torch

    # Refinement has gradients go through it, whatever the mode it was first used in.
    with torch.inference_mode(False):
        return _load(path, device, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=2)
def _load(path: Path, device: torch.device, _changed: int) -> tuple[InferenceModel, bytes]:
    import torch
    from safetensors import SafetensorError, safe_open

    from aecodec.codec.config import CodecConfig
    from aecodec.codec.preview import load as load_preview

    try:
        with safe_open(path, framework="pt") as file:
            config = CodecConfig.from_json(file.metadata()["config"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        model = inference_model(config, tensors)
    except RuntimeError:  # tells of every tensor, in as many lines
        reason = "its tensors are not those of a codec of this version"
        raise AecodecError(f"{path}: not a codec weight file ({reason})") from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise AecodecError(f"{path}: not a codec weight file ({reason})") from None
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    name = digest(path)
    model.preview = load_preview(path, name)
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
