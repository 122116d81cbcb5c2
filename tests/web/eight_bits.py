"""A small codec whose decoder is in 8 bits, with what its pixels should be, for Node."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from aecodec.codec.networks import OnnxCodec
from aecodec.codec.weights import digest
from aecodec.storage.atomic import write_atomically
from aecodec.training.codec_calibration import assumed_tables
from aecodec.training.eight_bits.quantise import SynthesisQuantiser
from aecodec.training.eight_bits.samples import float_samples
from aecodec.training.export import table_tensors
from aecodec.workflows.viewer import model_files
from tests.eight_bits import float_tensors, latents, small_config


def write_cases(folder: Path) -> None:
    """Into an empty folder."""
    config = small_config(deep=True)
    tensors, coded = float_tensors(config), latents(config)
    tensors |= {n: t.numpy() for n, t in table_tensors(assumed_tables()).items()}
    tensors |= SynthesisQuantiser(config, tensors, float_samples(config, tensors, coded)).tensors()
    weights = folder / "small.safetensors"
    save_file(tensors, weights, {"config": config.to_json()})
    for name, data in model_files([weights]):
        write_atomically(folder / name, data, overwrite=False)
    networks, cases = OnnxCodec(config, tensors), []
    for one in coded:
        x = np.ascontiguousarray(
            networks.synthesise(one.latents.transpose(0, 3, 1, 2), one.quality)
        )
        cases.append(
            {
                "weights": digest(weights).hex(),
                "quality": one.quality,
                "shape": one.latents.shape,
                "latents": base64.b64encode(one.latents.tobytes()).decode(),
                "sha256": sha256(x.tobytes()).hexdigest(),
            }
        )
    (folder / "cases.json").write_text(json.dumps(cases))
