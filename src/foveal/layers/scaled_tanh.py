"""LeNet-5's squashing function."""

import torch
from torch import Tensor, nn

AMPLITUDE = 1.7159  # so that f(1) = 1 and f(-1) = -1 (LeCun et al. 1998, appendix A)
SLOPE = 2 / 3


def scaled_tanh(x: Tensor) -> Tensor:
    """1.7159 tanh(2x/3), of any shape: LeCun et al. 1998, equation 6 and appendix A."""
    return AMPLITUDE * torch.tanh(SLOPE * x)


class ScaledTanh(nn.Module):
    """`scaled_tanh` as a module."""

    def forward(self, x: Tensor) -> Tensor:
        return scaled_tanh(x)
