"""Where the time goes: every operation below autograd timed as it runs, with its arithmetic and its memory."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from foveal.speed.clock import synchronise

KINDS: dict[str, tuple[str, ...]] = {
    "convolutions": ("conv",),
    "matrix products": ("mm", "scaled_dot_product"),
    "norms": ("batch_norm", "layer_norm", "group_norm"),
    "activations": ("relu", "threshold", "tanh", "sigmoid", "gelu", "silu", "hardswish", "clamp_min"),
    "pooling": ("max_pool", "avg_pool", "mean"),
    "sums and joins": ("add", "cat", "sum"),
    "precision and layout": ("copy", "clone"),
}
"""The kinds of a network's operations, by parts of their names in PyTorch; the first that fits."""
OTHER = "other operations"
ARITHMETIC = ("convolutions", "matrix products")
"""The kinds whose rate is that of arithmetic; the others' is that of memory."""


@dataclass(kw_only=True)
class Spent:
    """What operations of one kind took, in sum."""

    seconds: float = 0.0
    flop: int = 0
    """A multiply-add is 2."""
    size_bytes: int = 0
    """Of all tensors read and written, each operation's counted once."""


class OperationTimer(TorchDispatchMode):
    """Times every operation that runs inside `part(...)`; `spent[part, kind]` holds the sums."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device
        self.spent: defaultdict[tuple[str, str], Spent] = defaultdict(Spent)
        self._part = ""

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Operations in the block count under this part of the work."""
        self._part = name
        with self:
            yield

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        with self:  # one that is written in terms of others, which then pass here
            out = func.decompose(*args, **kwargs)
        if out is not NotImplemented:
            return out
        synchronise(self.device)
        start = time.perf_counter()
        out = func(*args, **kwargs)
        synchronise(self.device)
        seconds = time.perf_counter() - start
        if func.is_view:
            return out
        spent = self.spent[self._part, kind_of(func.overloadpacket.__name__)]
        spent.seconds += seconds
        count = flop_registry.get(func.overloadpacket)
        spent.flop += count(*args, **kwargs, out_val=out) if count else 0
        tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, Tensor)]
        spent.size_bytes += sum(each.numel() * each.element_size() for each in tensors)
        return out


def kind_of(operation: str) -> str:
    """The kind of an operation by its name in PyTorch, such as "convolution_backward"."""
    for kind, names in KINDS.items():
        if any(name in operation for name in names):
            return kind
    return OTHER
