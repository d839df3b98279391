"""Initial weights that `torch.nn.init` lacks."""

import torch
from torch import Tensor, nn


def lecun_uniform_(weights: Tensor, *, fan_in: int) -> Tensor:
    """`weights`, filled in place from the uniform distribution on ±2.4 / fan_in.

    LeCun et al. 1998, "Gradient-based learning applied to document recognition", appendix A. Biases are
    weights there, drawn like the others of their unit.
    """
    bound = 2.4 / fan_in
    with torch.no_grad():
        return nn.init.uniform_(weights, -bound, bound)


def kaiming(module: nn.Module) -> None:
    """Kaiming normal weights over the fan-in and zero biases in a convolution or linear; for `Module.apply`.

    He et al. 2015, arXiv:1502.01852, equation 10. Other modules are left as they are.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
