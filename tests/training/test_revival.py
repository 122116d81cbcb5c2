"""Hidden channels that never cross zero come to life, and nothing is lost at first."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from aecodec.codec.config import CodecConfig
from aecodec.codec.model import CodecModel
from aecodec.nn.blocks import ResidualBlock
from aecodec.training.recipe import CodecRecipe
from aecodec.training.revival import bend, revive

DEEP = "synthesis.deep_blocks.0"


@pytest.fixture
def crop() -> Tensor:
    return torch.randint(0, 256, (1, 3, 256, 256), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model() -> CodecModel:
    """With one block all of whose hidden channels but the first are far below zero."""
    torch.manual_seed(0)
    model = CodecModel(
        CodecConfig(width=16, blocks=(1, 1), deep_width=16, deep_blocks=(1, 1), modulated=True)
    )
    modulation = deep(model).conv1.modulation
    assert modulation is not None
    with torch.no_grad():
        modulation.values[:, 17:] = -50
    return model.eval()


def deep(model: CodecModel) -> ResidualBlock:
    block = model.get_submodule(DEEP)
    assert isinstance(block, ResidualBlock)
    return block


@torch.no_grad()
def test_a_dead_block_does_the_same_and_then_bends(model: CodecModel, crop: Tensor) -> None:
    block, x = deep(model), torch.randn(1, 16, 16, 16, generator=torch.Generator().manual_seed(1))
    quality = torch.tensor([50.0])
    before = block(x, quality)
    revived = revive(model, [crop])
    assert revived[DEEP].tolist() == [False] + [True] * 15
    bend(model, revived, 1.0)
    inside = (..., slice(1, -1), slice(1, -1))  # the borders' padding is of other values
    same = block(x, quality)
    assert torch.allclose(same[inside], before[inside], atol=1e-3)
    hidden = block.conv1(x, quality)
    assert 0.05 < (hidden[:, 1:] < 0).float().mean() < 0.95
    bend(model, revived, 0.5)
    half = (block(x, quality) - before)[inside].abs().mean()
    bend(model, revived, 0.0)
    assert block.slopes is None
    assert 0 < half < (block(x, quality) - before)[inside].abs().mean()


def test_it_ends_before_the_run_does() -> None:
    with pytest.raises(ValueError, match="revive"):
        CodecRecipe(steps=100, revive=100)
