"""Weight files of codecs, and the digest that ties an .aec file to one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from aecodec.codec import fast
from aecodec.codec.config import CodecConfig
from aecodec.codec.container import DIGEST_BYTES
from aecodec.codec.eight_bits.layers import has_synthesis
from aecodec.codec.inference import InferenceModel
from aecodec.codec.networks import Networks, OnnxCodec
from aecodec.codec.preview import PreviewMap
from aecodec.codec.preview import load as load_preview
from aecodec.errors import WeightsMismatchError
from aecodec.nn.arrays import AnyArray
from aecodec.weights import loading, shipped_name, weight_file
from aecodec.weights.loading import WeightFile

DEFAULT_MODEL = "codec-balanced"


def digest(path: Path) -> bytes:
    """The 8 bytes that name a weight file inside an .aec header."""
    return hashlib.sha256(path.read_bytes()).digest()[:DIGEST_BYTES]


def load_shipped(wanted: bytes, runtime: str) -> InferenceModel:
    """The model that ships with these weights, on a runtime as `load` has it.

    Raises:
        WeightsMismatchError: none does.
    """
    name = shipped_name(wanted.hex())
    if name is not None:
        return load(weight_file(name), runtime)[0]
    raise WeightsMismatchError(
        f"the file was written with weights {wanted.hex()}, which neither are the ones given nor"
        " ship with this aecodec; decompress it with --weights, or with the aecodec that wrote it"
    )


def load(path: Path, runtime: str) -> tuple[InferenceModel, bytes]:
    """The model of a weight file, and the file's digest. Kept until the file changes.

    Args:
        path: of the file.
        runtime: "onnx", or the device where torch is to run, "cpu" or "cuda".

    Raises:
        AecodecError: the file is missing or not a codec's weights.
    """
    return loading.load(path, runtime, "codec", _build)


def _build(file: WeightFile, runtime: str) -> tuple[InferenceModel, bytes]:
    config, name = CodecConfig.from_json(file.metadata["config"]), digest(file.path)
    preview = load_preview(file.path, name)
    tensors = file.tensors | fast.load(file.path, name)
    return inference_model(config, tensors, runtime, preview), name


def inference_model(
    config: CodecConfig,
    tensors: Mapping[str, AnyArray],
    runtime: str,
    preview: PreviewMap | None = None,
) -> InferenceModel:
    """The model that a weight file's tensors make, on a runtime as `load` has it.

    Raises:
        KeyError: a tensor is missing.
        RuntimeError: the tensors are another model's.
    """
    networks: Networks
    if runtime == "onnx":
        networks = OnnxCodec(config, tensors)
    else:
        from aecodec.codec.torch_networks import CodecNetwork, TorchCodec

        fast = runtime == "cpu" and has_synthesis(tensors)
        in_8_bits = OnnxCodec(config, tensors) if fast else None
        networks = TorchCodec(CodecNetwork.load(config, tensors, runtime), in_8_bits)
    return InferenceModel(config, tensors, networks, preview)
