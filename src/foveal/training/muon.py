"""Muon: momentum whose steps are made orthogonal. Jordan et al. 2024, "Muon: An optimizer for hidden layers".

For convolutions' kernels as matrices (out, in·k·k); all other parameters take AdamW's step.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the iteration; tuned by its authors to bring every singular value near 1 in few steps."""
ITERATIONS = 5
LEAST_SCALE = 1e-3  # of a step's entries, for kernels that start at zero


class Muon(Optimizer):
    """W -= lr · (s·O + λW), O the orthogonalised momentum g + μv of v = μv + g, s = ‖W‖ / √rank.

    So a step is a share `lr` of the kernel's norm, whatever that is. Differs: the authors scale by the matrix's shape,
    or bring the kernel back to one norm in each step, which comes to the same where a norm follows the convolution.
    Groups whose "orthogonal" is False take AdamW's step at their own lr, with `betas` and `eps`.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        *,
        lr: float,
        momentum: float,
        betas: tuple[float, float],
        eps: float,
        matrix_dtype: torch.dtype,
    ) -> None:
        """matrix_dtype: of the products that orthogonalise; bfloat16 is precise enough."""
        # capturable: loaded state has its counters where the parameters are, as a step's own has.
        super().__init__(groups, {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps, "capturable": True})
        self.matrix_dtype = matrix_dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step; parameters without a gradient stay."""
        for group in self.param_groups:
            parameters = [each for each in group["params"] if each.grad is not None]
            for each in parameters:
                if not self.state[each]:
                    self.state[each] = _fresh(each, orthogonal=group["orthogonal"])
            (self._orthogonal_step if group["orthogonal"] else self._adamw_step)(group, parameters)

    def _orthogonal_step(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        for kernel in parameters:
            assert kernel.grad is not None
            velocity = self.state[kernel]["velocity"]
            velocity.mul_(group["momentum"]).add_(kernel.grad)
            looked_ahead = kernel.grad.add(velocity, alpha=group["momentum"])
            matrix = looked_ahead.reshape(len(kernel), -1)
            step = orthogonalised(matrix, dtype=self.matrix_dtype).reshape(kernel.shape)
            scale = (kernel.norm() / min(matrix.shape) ** 0.5).clamp(min=LEAST_SCALE)
            kernel.mul_(1 - group["lr"] * group["weight_decay"]).sub_(step.mul_(group["lr"] * scale))

    def _adamw_step(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        beta1, beta2 = group["betas"]
        for parameter in parameters:
            state = self.state[parameter]
            state["step"] += 1
            state["exp_avg"].lerp_(parameter.grad, 1 - beta1)
            state["exp_avg_sq"].mul_(beta2).addcmul_(parameter.grad, parameter.grad, value=1 - beta2)
            mean = state["exp_avg"] / _one_less_power(beta1, state["step"])
            root = (state["exp_avg_sq"] / _one_less_power(beta2, state["step"])).sqrt_().add_(group["eps"])
            parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(mean.div_(root).mul_(group["lr"]))


def orthogonalised(matrix: Tensor, *, dtype: torch.dtype) -> Tensor:
    """The nearest matrix with orthonormal rows or columns, about: (M, N) -> (M, N), singular values of 0.7 to 1.2.

    Five steps X <- aX + (bA + cA²)X, A = XXᵀ, from X = matrix / ‖matrix‖: a polynomial on the singular values alone.
    """
    a, b, c = QUINTIC
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = (wide / wide.norm().clamp(min=1e-12)).to(dtype)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if matrix.shape[0] > matrix.shape[1] else x).to(matrix.dtype)


def _one_less_power(beta: float, step: Tensor) -> Tensor:
    """1 - beta^step, to all digits of `step`'s dtype."""
    return -torch.expm1((math.log(beta) if beta else -math.inf) * step)


def _fresh(parameter: Tensor, *, orthogonal: bool) -> dict[str, Tensor]:
    if orthogonal:
        return {"velocity": torch.zeros_like(parameter)}
    return {
        "step": parameter.new_zeros(()),
        "exp_avg": torch.zeros_like(parameter),
        "exp_avg_sq": torch.zeros_like(parameter),
    }
