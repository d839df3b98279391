"""Lion: the sign of a momentum. Chen et al. 2023, arXiv:2302.06675, algorithm 2."""

from typing import Any

import torch
from torch.optim import Optimizer

BETAS = (0.9, 0.99)
"""Of the step's own mean with the gradient, and of the momentum that is kept; the paper's."""


class Lion(Optimizer):
    """w -= η(sign(β1·m + (1 - β1)g) + λw), then m = β2·m + (1 - β2)g.

    Every value moves by η, so η is a third to a tenth of AdamW's, and λ as many times larger (section 5).
    """

    def __init__(self, groups: list[dict[str, Any]], *, lr: float) -> None:
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step; parameters without a gradient stay."""
        for group in self.param_groups:
            parameters = [each for each in group["params"] if each.grad is not None]
            if not parameters:
                continue
            for each in parameters:
                self.state[each].setdefault("momentum", torch.zeros_like(each))
            gradients = [each.grad for each in parameters]
            momenta = [self.state[each]["momentum"] for each in parameters]
            steps = torch._foreach_lerp(momenta, gradients, 1 - BETAS[0])
            torch._foreach_sign_(steps)
            torch._foreach_mul_(steps, group["lr"])
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_sub_(parameters, steps)
            torch._foreach_lerp_(momenta, gradients, 1 - BETAS[1])
