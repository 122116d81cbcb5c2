"""What can be known of training on a GPU without one; and with one, what cannot."""

from __future__ import annotations

import copy
import dataclasses
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from aecodec.training.codec import CodecTraining, compile_networks
from aecodec.training.recipe import load_recipe
from aecodec.training.run import train
from aecodec.training.soap import SoapConfig
from tests.training.conftest import TINY, load


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_run_begun_on_a_cpu_goes_on_on_a_gpu_and_back(
    photos: Path, whole: Path, tmp_path: Path
) -> None:
    train(TINY, [photos], tmp_path, max_minutes=0, device="cpu")
    train(TINY, [photos], tmp_path, resume=True, max_minutes=0, device="cuda")
    moved = load(train(TINY, [photos], tmp_path, resume=True, device="cpu"))
    for name, value in load(whole)["state_dict"].items():  # a GPU draws other noise
        assert torch.allclose(value, moved["state_dict"][name].cpu(), atol=0.01), name


def test_a_step_of_the_gpu_recipe_keeps_to_one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device, where tensors have shapes only: operations with others fail there."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # does not know it
    with pytest.raises(RuntimeError):
        torch.zeros(2, device="meta") + torch.zeros(2)
    soap = SoapConfig(sample=2, every=2)
    module = CodecTraining(dataclasses.replace(load_recipe("codec-gpu"), soap=soap)).to("meta")
    optimizer: Any = module.configure_optimizers()
    batch = torch.zeros(2, 3, 256, 256, dtype=torch.uint8, device="meta")
    quality = torch.full((2,), 50.0, device="meta")
    for _ in range(3):  # SOAP refreshes its bases after the first or second
        rate, error, _ = module.train()._measure(batch, quality, None)
        (rate + module._lambda(quality) * error).log().mean().backward()
        optimizer.step()
    assert all(p.grad is not None and p.grad.is_meta for p in module.parameters())
    assert module.eval()._measure(batch, quality, None)[0].shape == (2,)


def test_compiled_networks_learn_the_same_under_the_same_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a GPU runs; here traced but not translated, which would take a minute."""
    plain = nn.Module.compile
    traced: list[nn.Module] = []

    def trace(network: nn.Module, **options: Any) -> None:
        traced.append(network)
        plain(network, backend="aot_eager", fullgraph=True, **options)

    monkeypatch.setattr(nn.Module, "compile", trace)
    module = CodecTraining(dataclasses.replace(TINY, crop=64)).train()
    compiled = copy.deepcopy(module)
    compile_networks(compiled.model)
    convolutions = {id(m) for part in traced for m in part.modules() if hasattr(m, "weight")}
    own = {id(m) for m in compiled.modules() if hasattr(m, "weight")}
    assert convolutions == own  # none is left out
    assert list(compiled.state_dict()) == list(module.state_dict())
    batch = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    found = []
    for each in (module, compiled):
        loss, _ = each.loss(batch, 5)
        loss.backward()
        found.append(loss)
    assert torch.allclose(found[0], found[1], rtol=1e-5)
    for (name, a), b in zip(module.named_parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-5, msg=name)
