"""Operations and modules in words, such as "conv 3×3 /2 pad 1, groups 2"."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from foveal.layers import (
    EuclideanRBF,
    LocalResponseNorm,
    PadShortcut,
    PartialConv2d,
    ScaledTanh,
    Subsampling,
)
from foveal.networks.receptive_field import pool_stride_hw, two

aten = torch.ops.aten


def module_words(module: nn.Module) -> str | None:
    """The words for a module that its operations don't say well; None for any other."""
    words = MODULES.get(type(module))
    return None if words is None else words(module)


def operation_words(func: Any, args: tuple[Any, ...]) -> str | None:
    """The words for an operation that deserves some; None for any other."""
    words = OPERATIONS.get(func.overloadpacket)
    return None if words is None else words(args)


def _by(pair: tuple[int, int]) -> str:
    return f"{pair[0]}×{pair[1]}"


def _steps(stride_hw: tuple[int, int], padding_hw: tuple[int, int]) -> str:
    """ " /2 pad 1", without what is 1 or 0; both axes where they differ."""
    stride, padding = (str(p[0]) if p[0] == p[1] else _by(p) for p in (stride_hw, padding_hw))
    return (f" /{stride}" if stride_hw != (1, 1) else "") + (f" pad {padding}" if padding_hw != (0, 0) else "")


def _convolution(args: tuple[Any, ...]) -> str:
    stride_hw, padding_hw, dilation_hw = two(args[3]), two(args[4]), two(args[5])
    words = "transposed conv" if args[6] else "conv"
    words += f" {_by(two(args[1].shape[2:]))}{_steps(stride_hw, padding_hw)}"
    words += f", dilation {dilation_hw[0]}" if dilation_hw != (1, 1) else ""
    return words + (f", groups {args[8]}" if args[8] > 1 else "")


def _pool(kind: str) -> Callable[[tuple[Any, ...]], str]:
    def words(args: tuple[Any, ...]) -> str:
        padding_hw = two(args[3]) if len(args) > 3 and args[3] else (0, 0)
        return f"{kind} {_by(two(args[1]))}{_steps(pool_stride_hw(args), padding_hw)}"

    return words


def _always(words: str) -> Callable[[Any], str]:
    return lambda _: words


OPERATIONS: dict[Any, Callable[[tuple[Any, ...]], str]] = {
    aten.convolution: _convolution,
    aten.max_pool2d_with_indices: _pool("max pool"),
    aten.avg_pool2d: _pool("average pool"),
    aten.add: _always("add"),
    aten.add_: _always("add"),
    aten.mul: _always("multiply"),
    aten.mul_: _always("multiply"),
    aten.cat: _always("concatenate"),
    aten.mm: _always("matrix product"),
    aten.addmm: _always("matrix product"),
    aten.bmm: _always("matrix product"),
    aten.baddbmm: _always("matrix product"),
}


def _adaptive_pool(kind: str) -> Callable[[Any], str]:
    def words(module: Any) -> str:
        size = module.output_size
        height, width = size if isinstance(size, tuple) else (size, size)
        return f"{kind} to {height}×{width}"

    return words


MODULES: dict[type[nn.Module], Callable[[Any], str]] = {
    nn.Linear: lambda m: f"linear {m.in_features} → {m.out_features}",
    nn.BatchNorm2d: _always("batch norm"),
    nn.ReLU: _always("ReLU"),
    nn.GELU: _always("GELU"),
    nn.Dropout: lambda m: f"dropout {m.p:g}",
    nn.Flatten: _always("flatten"),
    nn.Identity: _always("identity"),
    nn.AdaptiveAvgPool2d: _adaptive_pool("average pool"),
    nn.AdaptiveMaxPool2d: _adaptive_pool("max pool"),
    EuclideanRBF: lambda m: f"squared distance to {m.codes.shape[0]} fixed codes of ±1",
    LocalResponseNorm: lambda m: f"local response norm over {m.size} maps",
    PadShortcut: lambda m: f"identity /{m.stride}, zeros for new maps",
    PartialConv2d: lambda m: (
        f"conv {m.kernel_size}×{m.kernel_size}, {m.connections} of {m.in_channels * m.out_channels} pairs of maps"
    ),
    ScaledTanh: _always("1.7159 tanh(2x/3)"),
    Subsampling: _always("sum of 2×2 /2, times a coefficient, plus a bias"),
}
