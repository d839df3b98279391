"""Receptive fields, followed through whatever operations run between an input and an output."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

Pair = tuple[Fraction, Fraction]
ONE: Pair = (Fraction(1), Fraction(1))
aten = torch.ops.aten


@dataclass(frozen=True)
class Field:
    """What one cell of a map sees: input pixels (height, width), and pixels from a cell to its neighbour."""

    size_hw: Pair = ONE
    stride_hw: Pair = ONE
    gridless: bool = False
    """The last two axes of what has it are no longer an image's."""

    def window(self, cells_hw: Pair, stride_hw: Pair = ONE) -> "Field":
        """The field of a cell that reads `cells_hw` neighbours, at every `stride_hw`-th of them."""
        return Field(
            _pair(s + (c - 1) * j for s, c, j in zip(self.size_hw, cells_hw, self.stride_hw, strict=True)),
            _pair(j * s for j, s in zip(self.stride_hw, stride_hw, strict=True)),
        )

    def whole(self, grid_hw: tuple[int, int]) -> "Field":
        """The field of a value made from all cells of a grid."""
        cells = _pair(grid_hw)
        return self.window(cells, cells)


def joined(fields: list[Field]) -> Field:
    """The larger size and stride of each axis: of what a sum, product or concatenation reads."""
    return Field(
        _pair(max(field.size_hw[axis] for field in fields) for axis in (0, 1)),
        _pair(max(field.stride_hw[axis] for field in fields) for axis in (0, 1)),
        gridless=all(field.gridless for field in fields),
    )


class FieldMap:
    """The fields of all tensors that were made from the images so far."""

    def __init__(self, images: Tensor) -> None:
        self._fields = WeakIdKeyDictionary()
        self._fields[images] = Field()

    def of(self, tensor: Tensor) -> Field | None:
        """The field of `tensor`; None where it doesn't depend on the images."""
        found: Field | None = self._fields.get(tensor)
        return found

    def follow(self, func: Any, args: tuple[Any, ...], out: Any) -> list[Tensor]:
        """Gives the outputs of one operation their field; returns the inputs that have one."""
        inputs = [tensor for tensor in tensors_in(args) if tensor in self._fields]
        if inputs:
            fields = [_field_after(func, self._fields[tensor], tensor, args, out) for tensor in inputs]
            for tensor in tensors_in(out):
                self._fields[tensor] = joined(fields)
        return inputs


def tensors_in(value: Any) -> Iterator[Tensor]:
    """All tensors in nested tuples, lists and dicts."""
    return (leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor))


def two(values: Any) -> tuple[int, int]:
    """The height's and the width's of a list of one value for all axes, or one for each."""
    listed = [int(value) for value in values]
    return (listed[-2], listed[-1]) if len(listed) > 1 else (listed[0], listed[0])


def pool_stride_hw(args: tuple[Any, ...]) -> tuple[int, int]:
    """The stride among the arguments of a pooling: its kernel where none is given."""
    return two(args[2]) if len(args) > 2 and args[2] else two(args[1])


def _pair(values: Any) -> Pair:
    height, width = values
    return Fraction(height), Fraction(width)


def _grid(tensor: Tensor) -> tuple[int, int] | None:
    """Height and width of a map; None where the last two axes are not an image's."""
    return (tensor.shape[-2], tensor.shape[-1]) if tensor.ndim >= 4 else None


def _field_after(func: Any, field: Field, tensor: Tensor, args: tuple[Any, ...], out: Any) -> Field:
    """The field of `out`, of which `tensor` with `field` is one input."""
    before, after = _grid(tensor), _grid(next(tensors_in(out), tensor))
    if before is None or field.gridless:
        return field
    rule = RULES.get(func.overloadpacket)
    if rule is not None:
        return rule(field, before, after or (1, 1), args)
    in_place = after == before and func.overloadpacket not in MOVING
    return field if in_place else replace(field.whole(before), gridless=True)


Rule = Callable[[Field, tuple[int, int], tuple[int, int], tuple[Any, ...]], Field]
"""(field before, grid before, grid after, arguments of the operation) -> field after."""


def _after_convolution(field: Field, before: Any, after: Any, args: tuple[Any, ...]) -> Field:
    stride_hw, dilation_hw, transposed = two(args[3]), two(args[5]), args[6]
    reach = [(k - 1) * d + 1 for k, d in zip(two(args[1].shape[2:]), dilation_hw, strict=True)]
    if not transposed:
        return field.window(_pair(reach), _pair(stride_hw))
    cells = [ceil(Fraction(r, s)) for r, s in zip(reach, stride_hw, strict=True)]
    return field.window(_pair(cells), _pair(Fraction(1, s) for s in stride_hw))


def _after_average_pool(field: Field, before: Any, after: Any, args: tuple[Any, ...]) -> Field:
    return field.window(_pair(two(args[1])), _pair(pool_stride_hw(args)))


def _after_max_pool(field: Field, before: Any, after: Any, args: tuple[Any, ...]) -> Field:
    dilation_hw = two(args[4]) if len(args) > 4 else (1, 1)
    reach = [(k - 1) * d + 1 for k, d in zip(two(args[1]), dilation_hw, strict=True)]
    return field.window(_pair(reach), _pair(pool_stride_hw(args)))


def _after_adaptive_pool(field: Field, before: Any, after: Any, args: tuple[Any, ...]) -> Field:
    cells = [
        max(ceil(Fraction((i + 1) * n, m)) - i * n // m for i in range(m)) for n, m in zip(before, after, strict=True)
    ]
    return field.window(_pair(cells), _scale(before, after))


def _after_mean(field: Field, before: Any, after: Any, args: tuple[Any, ...]) -> Field:
    ndim = args[0].ndim
    axes = {axis % ndim for axis in args[1]} if len(args) > 1 and args[1] else set(range(ndim))
    cells = tuple(n if ndim - 2 + i in axes else 1 for i, n in enumerate(before))
    return field.whole((cells[0], cells[1]))


def _after_slice(field: Field, before: Any, after: Any, args: tuple[Any, ...]) -> Field:
    axis = args[1] % args[0].ndim - (args[0].ndim - 2) if len(args) > 1 else -1
    step = args[4] if len(args) > 4 else 1
    return field.window(ONE, _pair(step if axis == i else 1 for i in (0, 1)))


def _after_resize(reach: int) -> Rule:
    """The rule of an interpolation that reads `reach` neighbouring cells."""

    def rule(field: Field, before: Any, after: Any, args: tuple[Any, ...]) -> Field:
        return field.window(_pair((reach, reach)), _scale(before, after))

    return rule


def _after_pixel_shuffle(field: Field, before: Any, after: Any, args: tuple[Any, ...]) -> Field:
    return field.window(ONE, _scale(before, after))


def _after_pixel_unshuffle(field: Field, before: Any, after: Any, args: tuple[Any, ...]) -> Field:
    return field.window(_pair((args[1], args[1])), _scale(before, after))


def _unchanged(field: Field, before: Any, after: Any, args: tuple[Any, ...]) -> Field:
    return field


def _scale(before: Any, after: Any) -> Pair:
    return _pair(Fraction(n, m) for n, m in zip(before, after, strict=True))


RULES: dict[Any, Rule] = {
    aten.convolution: _after_convolution,
    aten.max_pool2d_with_indices: _after_max_pool,
    aten.avg_pool2d: _after_average_pool,
    aten.avg_pool3d: _after_average_pool,
    aten._adaptive_avg_pool2d: _after_adaptive_pool,
    aten.adaptive_max_pool2d: _after_adaptive_pool,
    aten.mean: _after_mean,
    aten.sum: _after_mean,
    aten.amax: _after_mean,
    aten.slice: _after_slice,
    aten.constant_pad_nd: _unchanged,
    aten.reflection_pad2d: _unchanged,
    aten.replication_pad2d: _unchanged,
    aten.upsample_nearest2d: _after_resize(1),
    aten.upsample_bilinear2d: _after_resize(2),
    aten.upsample_bicubic2d: _after_resize(4),
    aten.pixel_shuffle: _after_pixel_shuffle,
    aten.pixel_unshuffle: _after_pixel_unshuffle,
}
# These may exchange axes of equal length, which the shapes alone don't show.
MOVING = {aten.permute, aten.transpose, aten.t, aten.mm, aten.bmm, aten._softmax}
