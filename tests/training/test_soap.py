from __future__ import annotations

import copy

import torch

from aecodec.training.soap import Soap


def fitted_loss(optimizer: type[torch.optim.Optimizer], lr: float, steps: int) -> float:
    """Loss after fitting a convolution to another one on ill-conditioned inputs."""
    torch.manual_seed(0)
    mixing = torch.randn(16, 16) @ torch.diag(torch.logspace(-2, 0, 16)) @ torch.randn(16, 16)
    target, layer = (torch.nn.Conv2d(16, 12, 3, padding=1) for _ in range(2))
    chosen = optimizer(layer.parameters(), lr=lr)  # type: ignore[call-arg]
    loss = torch.zeros(())
    for _ in range(steps):
        x = torch.einsum("ij,bjhw->bihw", mixing, torch.randn(4, 16, 8, 8))
        loss = (layer(x) - target(x).detach()).square().mean()
        chosen.zero_grad()
        loss.backward()
        chosen.step()
    return loss.item()


def test_ill_conditioned_problems_are_solved_faster_than_by_adam() -> None:
    best = min(fitted_loss(torch.optim.Adam, lr, 400) for lr in (3e-3, 1e-2, 3e-2))
    assert fitted_loss(Soap, 1e-3, 400) < 0.2 * best


def test_vectors_and_tables_are_left_to_adam() -> None:
    torch.manual_seed(0)
    ours = torch.nn.ParameterList([torch.randn(5), torch.randn(3, 4)])
    theirs = copy.deepcopy(ours)
    soap = Soap(ours, lr=0.1, betas=(0.9, 0.99))
    adam = torch.optim.Adam(theirs, lr=0.1, betas=(0.9, 0.99), eps=1e-12)
    for _ in range(5):
        for parameters, optimizer in ((ours, soap), (theirs, adam)):
            optimizer.zero_grad()
            sum((p**4).sum() for p in parameters).backward()  # type: ignore[union-attr]
            optimizer.step()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_bases_stay_orthonormal() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(6, 10, 3)
    optimizer = Soap(layer.parameters(), lr=1e-2)
    for _ in range(40):
        optimizer.zero_grad()
        layer(torch.randn(2, 6, 9, 9)).square().mean().backward()
        optimizer.step()
    state = optimizer.state[layer.weight]
    for side, size in ((0, 10), (2, 6)):
        basis = state[f"basis{side}"]
        torch.testing.assert_close(basis.t() @ basis, torch.eye(size), atol=1e-5, rtol=0)


def test_a_refreshed_basis_makes_no_long_step() -> None:
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(16, 16, 3, 3))
    optimizer = Soap([weight], lr=1.0, betas=(0.95, 0.95))
    longest = 0.0
    for step in range(120):
        strong = torch.randn(16, 1, 1, 1) * torch.randn(1, 16, 3, 3)
        # Hardly any gradient outside one direction; now and then a lot.
        weight.grad = strong * (100.0 if step % 40 == 35 else 1e-3)
        before = weight.detach().clone()
        optimizer.step()
        longest = max(longest, (weight - before).square().mean().sqrt().item())
    # Adam with these betas moves no weight by more than the rate.
    assert longest <= 1.1, longest
