"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner.

Vyas et al., "SOAP: improving and stabilizing Shampoo using Adam" (2024,
arXiv:2409.11321). Zhang and Zhu found that it suits the opposing gradients of rate and
distortion (2026, arXiv:2601.20769). Written here because on a CPU the optimizer is a
large part of a step: this one treats a kernel's positions as one dimension, keeps its
momentum in the eigenbasis and spreads the refreshes of the bases over the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from aecodec.nn.device import training_dtype

State = dict[str, Any]
SIDES = (0, 2)  # of a kernel seen as (outputs, positions, inputs)


@dataclass(frozen=True)
class SoapConfig:
    """All that decides SOAP's steps but the learning rate; as of `Soap`."""

    betas: tuple[float, float] = (0.95, 0.95)
    eps: float = 1e-8
    max_dim: int = 512
    sample: int = 3
    every: int = 10

    def optimizer(self, params: Iterable[Tensor], learning_rate: float) -> Soap:
        return Soap(
            params,
            lr=learning_rate,
            betas=self.betas,
            eps=self.eps,
            max_dim=self.max_dim,
            sample=self.sample,
            every=self.every,
        )


class Soap(torch.optim.Optimizer):
    """SOAP for convolutions, Adam for parameters of fewer than four dimensions.

    Args:
        params: parameters.
        lr: learning rate, of the size that Adam would take.
        betas: decay of the momentum and of the squared gradients; the second is also
            that of the preconditioner.
        eps: added to the root of the squared gradients.
        max_dim: sides of a kernel longer than this are not rotated.
        sample: steps between updates of a preconditioner.
        every: steps between refreshes of an eigenbasis.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        *,
        lr: float,
        betas: tuple[float, float] = (0.95, 0.95),
        eps: float = 1e-8,
        max_dim: int = 512,
        sample: int = 3,
        every: int = 10,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})
        self.max_dim, self.sample, self.every = max_dim, sample, every

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; as in `torch.optim.Adam`."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for number, p in enumerate(group["params"]):
                if p.grad is not None:
                    # Lightning steps under autocast; the eigenbases need float32.
                    with torch.autocast(p.device.type, enabled=False):
                        self._update(p, self.state[p], group, number)
        return loss

    def _update(self, p: Tensor, state: State, group: dict[str, Any], number: int) -> None:
        grad = _kernel(p.grad)  # type: ignore[arg-type]
        if not state:
            self._start(p, grad, state)
        state["step"] += 1
        beta1, beta2 = group["betas"]
        rotated = _rotate(grad, state, back=False)
        state["momentum"].lerp_(rotated, 1 - beta1)
        state["square"].lerp_(rotated.square(), 1 - beta2)
        direction = state["momentum"] / state["square"].sqrt().add_(group["eps"])
        if p.ndim == 4:
            # Equal betas would bound it so (Cauchy-Schwarz), did a refresh not rotate the
            # momentum under the squares: steps a thousand times too long were seen.
            direction.clamp_(-1, 1)
        correction = (1 - beta2 ** state["step"]) ** 0.5 / (1 - beta1 ** state["step"])
        update = _rotate(direction, state, back=True)
        if p.ndim == 4:
            o, i, height, width = p.shape
            update = update.view(o, height, width, i).permute(0, 3, 1, 2)
        p.add_(update, alpha=-group["lr"] * correction)
        # Spread over the steps, so that each costs about the same.
        turn = state["step"] + number
        if turn % self.sample == 0:
            _accumulate(grad, state, 1 - beta2**self.sample)
        if turn % self.every == 0:
            _refresh(state)

    def _start(self, p: Tensor, grad: Tensor, state: State) -> None:
        state["step"] = 0
        state["momentum"], state["square"] = torch.zeros_like(grad), torch.zeros_like(grad)
        for side in SIDES if p.ndim == 4 else ():
            size = grad.shape[side]
            if size <= self.max_dim:
                state[f"covariance{side}"] = grad.new_zeros(size, size)
        _accumulate(grad, state, 1.0)
        for side in _rotated_sides(state):
            vectors = torch.linalg.eigh(state[f"covariance{side}"])[1]
            state[f"basis{side}"] = vectors.flip(1).contiguous()  # largest first


def _kernel(x: Tensor) -> Tensor:
    """A convolution's (O, I, h, w) as (O, h * w, I); other shapes as they are."""
    return x.permute(0, 2, 3, 1).flatten(1, 2) if x.ndim == 4 else x


def _rotated_sides(state: State) -> list[int]:
    return [side for side in SIDES if f"covariance{side}" in state]


def _multiply(x: Tensor, matrix: Tensor, side: int) -> Tensor:
    """x (O, K, I) with the matrix applied to its first or last side."""
    return x @ matrix if side == 2 else (matrix.t() @ x.flatten(1)).view(x.shape)


def _rotate(x: Tensor, state: State, *, back: bool) -> Tensor:
    sides = _rotated_sides(state)
    # bfloat16 is precise enough for a direction, and three times as fast where it is in hardware.
    dtype = training_dtype(x.device) if sides else x.dtype
    product = x.to(dtype)
    for side in sides:
        basis = state[f"basis{side}"].to(dtype)
        product = _multiply(product, basis.t() if back else basis, side)
    return product.float()


def _accumulate(grad: Tensor, state: State, weight: float) -> None:
    for side in _rotated_sides(state):
        rows = grad.flatten(1) if side == 0 else grad.flatten(0, 1).t()
        state[f"covariance{side}"].lerp_(rows @ rows.t(), weight)


def _refresh(state: State) -> None:
    """One step of power iteration towards the eigenvectors; the moments follow."""
    for side in _rotated_sides(state):
        covariance, basis = state[f"covariance{side}"], state[f"basis{side}"]
        image = covariance @ basis
        order = (basis * image).sum(0).argsort(descending=True)
        state["square"] = state["square"].index_select(side, order)
        fresh = torch.linalg.qr(image[:, order])[0]
        dtype = training_dtype(basis.device)
        turned = _multiply(state["momentum"].to(dtype), (basis.t() @ fresh).to(dtype), side)
        state["momentum"] = turned.float()
        state[f"basis{side}"] = fresh
