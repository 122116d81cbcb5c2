from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from aecodec.codec.steps import STEPS, pack, place, select

sizes = st.integers(1, 5)


def numbered(channels: int, height: int, width: int) -> torch.Tensor:
    count = 2 * channels * height * width
    return torch.arange(count, dtype=torch.float32).view(2, channels, height, width)


def placed(y: torch.Tensor, steps: int) -> torch.Tensor:
    x = torch.zeros_like(y)
    for number, step in enumerate(pack(y)[:steps]):
        x = place(x, step, number)
    return x


@given(groups=sizes, height=sizes, width=sizes)
def test_all_steps_in_place_are_what_was_packed(groups: int, height: int, width: int) -> None:
    y = numbered(4 * groups, 2 * height, 2 * width)
    assert all(step.shape == (2, 4 * groups, height, width) for step in pack(y))
    assert torch.equal(placed(y, STEPS), y)


def test_a_step_is_placed_in_the_last_channels_and_gradients_pass() -> None:
    y = numbered(4, 4, 4)
    before = torch.full((2, 7, 4, 4), -1.0)
    step = pack(y)[1].requires_grad_()
    after = place(before, step, 1)
    assert (before == -1).all()
    assert (after[:, :3] == -1).all()
    assert torch.equal(after[:, 3:][after[:, 3:] >= 0], y[after[:, 3:] >= 0])
    after.sum().backward()
    assert (step.grad == 1).all()
    with torch.no_grad():
        assert place(before, step, 1) is before


@given(groups=sizes, height=sizes, width=sizes, known=st.integers(1, STEPS))
def test_steps_still_to_come_are_zero(groups: int, height: int, width: int, known: int) -> None:
    y = numbered(4 * groups, 2 * height, 2 * width) + 1
    partial = placed(y, known)
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
