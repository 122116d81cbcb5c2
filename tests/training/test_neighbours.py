from __future__ import annotations

import torch

from aecodec.training.neighbours import NeighbourQueue


def test_the_queue_keeps_the_latest_and_finds_the_nearest() -> None:
    queue = NeighbourQueue(4, projection=2, bits=3)
    east, north, west, south = torch.tensor([[2.0, 0], [0, 3], [-1, 0], [0, -1]])
    codes = torch.eye(6)[:, :3] * 2 - 1
    queue.add(torch.stack([east, north, west]), codes[:3])
    assert not queue.full
    queue.add(torch.stack([south, west]), codes[3:5])  # the second takes the place of east
    assert queue.full
    found, found_codes = queue.nearest(torch.stack([south + 0.1 * east, north + 0.1 * east]))
    assert torch.equal(found, torch.stack([south, north / 3]))
    assert torch.equal(found_codes, codes[[3, 1]])
    assert not (queue.projections == torch.tensor([1.0, 0])).all(1).any()
    assert not queue.nearest(torch.ones(1, 2, requires_grad=True))[0].requires_grad
