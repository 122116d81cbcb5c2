from __future__ import annotations

import math

import skimage.data
import torch
from hypothesis import given
from hypothesis import strategies as st

from aecodec.training.mixing import hue_rotations, mix
from aecodec.training.pictures import Batches, build_bank
from aecodec.training.recipe import HashRecipe


def square(name: str) -> torch.Tensor:
    """uint8 (1, 3, 64, 64) of one of scikit-image's photos."""
    pixels = torch.from_numpy(getattr(skimage.data, name)()[:256:4, :256:4].copy())
    return pixels.permute(2, 0, 1)[None]


def test_a_mix_has_parts_of_both_and_is_a_function_of_the_seed() -> None:
    cat, coffee = (square(name).expand(8, -1, -1, -1) for name in ("chelsea", "coffee"))
    mixed = mix(cat, coffee, 1)
    assert torch.equal(mixed, mix(cat, coffee, 1))
    assert not torch.equal(mixed, mix(cat, coffee, 2))
    # The mean of the channels does not turn with the hue, but where colours are cut off.
    grey, one, other = (x.float().mean(1) for x in (mixed, cat, coffee))
    of_cat, of_coffee = ((grey - x).abs().less(3).float().mean((1, 2)) for x in (one, other))
    assert of_cat.min() > 0.05
    assert of_coffee.min() > 0.05
    assert (of_cat + of_coffee).mean() > 0.4


@given(angle=st.floats(0, 2 * math.pi))
def test_turning_the_hue_keeps_greys_and_lengths(angle: float) -> None:
    (matrix,) = hue_rotations(torch.tensor([angle]))
    assert torch.allclose(matrix @ torch.ones(3), torch.ones(3), atol=1e-5)
    assert torch.allclose(matrix @ matrix.T, torch.eye(3), atol=1e-5)
    assert matrix.det() > 0


def test_what_is_mixed_in_is_not_in_the_batch_itself() -> None:
    flat = [torch.full((3, 8, 8), 10 * n, dtype=torch.uint8) for n in range(12)]
    bank = build_bank([], flat)
    plain = Batches(bank, HashRecipe(batch=6))
    batches = Batches(bank, HashRecipe(batch=6, mixup=0.5))
    for step in range(10):
        before, after = plain.at(step), batches.at(step)
        changed = [n for n in range(6) if not torch.equal(before[n], after[n])]
        assert len(changed) == 3
        # Greys stay grey: each change is towards a level that no picture of the batch has.
        for n in changed:
            level = int(before[n, 0, 0, 0])
            ends = {int(after[n].min()), int(after[n].max())} - {level}
            present = {int(x[0, 0, 0]) for x in before}
            assert any(end % 10 or end not in present for end in ends)
