"""A convolution whose output maps each read some of the input maps: LeNet-5's layer C3."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveal.layers.initialisation import lecun_uniform_

# LeCun et al. 1998, Table I: the S2 maps that each of the 16 maps of C3 reads.
LENET5_C3_MAPS: tuple[tuple[int, ...], ...] = (
    (0, 1, 2),  # six read three contiguous maps
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),  # six read four contiguous maps
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),  # three read four discontinuous maps
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),  # one reads all
)


class PartialConv2d(nn.Module):
    """A valid convolution of stride 1 whose output map o reads only the input maps `reads[o]`.

    (B, C, H, W) -> (B, O, H - k + 1, W - k + 1). `weight` holds one k×k kernel for each connection, output
    map by output map in the order of `reads`, so there is no parameter that does nothing: Table I of LeCun
    et al. 1998 gives 60 kernels and 16 biases, 1,516 parameters. Computed as one dense convolution in which
    the missing kernels are zero.
    """

    kernel_of: Tensor

    def __init__(self, in_channels: int, reads: Sequence[Sequence[int]], *, kernel_size: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = len(reads)
        self.connections = sum(map(len, reads))
        self.kernel_size = kernel_size
        self.weight = nn.Parameter(torch.empty(self.connections, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(self.out_channels))
        self.register_buffer("kernel_of", _kernel_of(in_channels, reads))
        first = 0
        for out_map, maps in enumerate(reads):
            fan_in = len(maps) * kernel_size**2
            lecun_uniform_(self.weight[first : first + len(maps)], fan_in=fan_in)
            lecun_uniform_(self.bias[out_map], fan_in=fan_in)
            first += len(maps)

    def dense_weight(self) -> Tensor:
        """The kernels of all pairs of maps, zero where a pair is not connected: (O, C, k, k)."""
        return F.pad(self.weight, (0, 0, 0, 0, 0, 1))[self.kernel_of]

    def forward(self, maps: Tensor) -> Tensor:
        return F.conv2d(maps, self.dense_weight(), self.bias)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, connections={self.connections}"
        )


def _kernel_of(in_channels: int, reads: Sequence[Sequence[int]]) -> Tensor:
    """(O, C): the row of `weight` that a pair of maps uses; one past the last where it has none."""
    none = sum(map(len, reads))
    table = [[none] * in_channels for _ in reads]
    row = 0
    for out_map, maps in enumerate(reads):
        for in_map in maps:
            table[out_map][in_map] = row
            row += 1
    return torch.tensor(table)
