"""`benchmarks.studies.eight_bits`: means in 8 bits are the same to the bit from all that computes
them; on a small model.
"""

from __future__ import annotations

import numpy as np
import pytest

from aecodec.codec.torch_networks import CodecNetwork
from aecodec.nn.arrays import AnyArray
from benchmarks.studies.eight_bits import means
from benchmarks.studies.eight_bits.exactness import Case, same_everywhere
from benchmarks.studies.eight_bits.means import Known, MeanQuantiser, network_inputs
from benchmarks.studies.eight_bits.onnx_network import means_graph
from tests.eight_bits import float_tensors, latents, small_config


@pytest.mark.parametrize("deep", [True, False])
def test_means_are_the_same_to_the_bit(deep: bool) -> None:
    config = small_config(deep=deep)
    tensors: dict[str, AnyArray] = float_tensors(config)
    network, rng = CodecNetwork.load(config, tensors, "cpu"), np.random.default_rng(2)
    for step in (0, 2):
        asked = []
        for one in latents(config)[::3]:
            shape = one.latents.shape[:3]
            psi = rng.integers(0, 256, (*shape, config.hyper_channels)).astype(np.float32)
            asked.append(Known(one.quality, psi, one.latents / 64))
        made = MeanQuantiser(tensors, step, means.float_samples(network, step, asked)).tensors()
        graph = means_graph(config, made, step)
        cases = []
        for known in asked:
            given = network_inputs(known, tensors["gain.log_inverse.values"])
            if step == 0:
                del given["decoded"]
            cases.append(Case(f"step{step}", graph, known.quality, given, "mean", step))
        assert same_everywhere(config, cases, made) == len(cases)
