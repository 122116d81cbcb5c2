from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from aecodec.codec.steps import STEPS, pack, select, unpack

sizes = st.integers(1, 5)


def numbered(channels: int, height: int, width: int) -> torch.Tensor:
    count = 2 * channels * height * width
    return torch.arange(count, dtype=torch.float32).view(2, channels, height, width)


@given(groups=sizes, height=sizes, width=sizes)
def test_unpack_undoes_pack(groups: int, height: int, width: int) -> None:
    y = numbered(4 * groups, 2 * height, 2 * width)
    steps = pack(y)
    assert all(step.shape == (2, 4 * groups, height, width) for step in steps)
    assert torch.equal(unpack(steps), y)


@given(groups=sizes, height=sizes, width=sizes, known=st.integers(1, STEPS))
def test_steps_still_to_come_are_zero(groups: int, height: int, width: int, known: int) -> None:
    y = numbered(4 * groups, 2 * height, 2 * width) + 1
    partial = unpack(pack(y)[:known])
    assert torch.equal(partial[partial != 0], y[partial != 0])
    assert int((partial != 0).sum()) * STEPS == known * y.numel()


def test_every_step_has_one_latent_of_each_group_in_every_cell() -> None:
    for step in pack(numbered(8, 4, 4)):
        place = step.long() % (8 * 16)
        assert torch.equal(place[0] // 16, torch.arange(8)[:, None, None].expand(8, 2, 2))


@given(height=sizes, width=sizes, step=st.integers(0, STEPS - 1))
def test_features_are_selected_where_the_step_has_its_latents(
    height: int, width: int, step: int
) -> None:
    position = numbered(1, 2 * height, 2 * width)  # one feature: where it is
    found = select(position, step)
    y = position.expand(-1, 4, -1, -1)  # one channel in each group, saying where it is
    assert torch.equal(found, pack(y)[step])
