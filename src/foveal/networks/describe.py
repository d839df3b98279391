"""A network layer by layer: operation, output, parameters, multiply-adds and receptive field."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from foveal.errors import ModelError
from foveal.layers import EuclideanRBF, PartialConv2d, Subsampling
from foveal.networks.operation_words import module_words, operation_words
from foveal.networks.receptive_field import FieldMap, tensors_in

Number = int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One layer as it ran."""

    name: str
    """As in `named_modules`; of the module around it for an operation that is no module."""
    operation: str
    output_shape: tuple[int, ...] | None
    """Without the batch axis; None for a module that was not called (training only, or by its weights alone)."""
    parameters: int
    """Not counted in an earlier row."""
    multiply_adds: int
    receptive_field_hw: tuple[Number, Number] | None
    """Input pixels that one value can depend on, padding included; None where it depends on none."""
    stride_hw: tuple[Number, Number] | None
    """Input pixels from one value to its neighbour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A network's layers in the order they ran, and their sums."""

    image_shape: tuple[int, int, int]
    rows: tuple[LayerRow, ...]
    parameters: int
    """Each shared one counted once."""
    trainable_parameters: int
    multiply_adds: int

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers for `json.dumps`."""
        return asdict(self)


def describe_network(module: nn.Module, image_shape: tuple[int, int, int]) -> Description:
    """What `module` does with one image of `image_shape` (C, H, W), in evaluation mode.

    It runs on a copy without weights, or with them where an operation needs values; `module` stays as it is.
    There is a row for each module without children, for each other operation that multiplies or joins
    branches (functional convolutions, sums, concatenations), and for parameters that didn't run.

    Multiply-adds are those of convolutions, matrix products and attention, for one image, without biases,
    norms, activations and pooling. Receptive fields follow the operations themselves, so skips, branches and
    functional calls count: what has several inputs gets the largest field and the largest stride among them;
    what mixes or moves the image axes (flatten, permute, a mean) sees the whole grid before it. So the field
    is exact for convolutional networks and an upper bound elsewhere. ModelError where the image doesn't fit.
    """
    memo: dict[int, Tensor] = {id(parameter): _on_meta(parameter) for parameter in module.parameters()}
    memo |= {id(buffer): buffer.to("meta") for buffer in module.buffers()}
    try:
        return _described(copy.deepcopy(module, memo), image_shape, device="meta")
    except (NotImplementedError, RuntimeError):
        pass  # an operation reads values, which a tensor on "meta" lacks
    try:
        return _described(copy.deepcopy(module).cpu(), image_shape, device="cpu")
    except (RuntimeError, ValueError) as error:
        shape = "×".join(map(str, image_shape))
        raise ModelError(
            f"{type(module).__name__} can't process an image of {shape} (channels×height×width): {error}"
        ) from error


def _on_meta(parameter: Tensor) -> nn.Parameter:
    return nn.Parameter(parameter.detach().to("meta"), requires_grad=parameter.requires_grad)


def _described(network: nn.Module, image_shape: tuple[int, int, int], *, device: str) -> Description:
    network.eval()
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)
    images = torch.zeros(1, *image_shape, dtype=dtype, device=device)
    recorder = _Recorder(network, images)
    with torch.no_grad(), torch.device(device), recorder.hooks(), recorder:
        network(images)
    rows = (*recorder.rows, *recorder.unseen_rows())
    parameters = list(network.parameters())
    return Description(
        image_shape=image_shape,
        rows=rows,
        parameters=sum(p.numel() for p in parameters),
        trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        multiply_adds=sum(row.multiply_adds for row in rows),
    )


@dataclass
class _Call:
    """A module that is running now, and what ran in it so far."""

    name: str
    module: nn.Module
    is_leaf: bool
    words: list[str] = field(default_factory=list)
    multiply_adds: int = 0


class _Recorder(TorchDispatchMode):
    """Sees each operation below autograd, and by hooks the module it belongs to; fills `rows`."""

    def __init__(self, network: nn.Module, images: Tensor) -> None:
        super().__init__()
        self.network = network
        self.fields = FieldMap(images)
        self.rows: list[LayerRow] = []
        self.calls = [_Call("", network, is_leaf=False)]
        self.counted: set[int] = set()

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """While open, modules report when they start and end."""
        with ExitStack() as handles:
            for name, module in self.network.named_modules():
                before = module.register_forward_pre_hook(self._starter(name))
                handles.callback(before.remove)
                handles.callback(module.register_forward_hook(self._end).remove)
            yield

    def _starter(self, name: str) -> Callable[[nn.Module, Any], None]:
        def start(module: nn.Module, inputs: Any) -> None:
            self.calls.append(_Call(name, module, is_leaf=next(module.children(), None) is None))

        return start

    def _end(self, module: nn.Module, inputs: Any, output: Any) -> None:
        call = self.calls.pop()
        if call.is_leaf:
            words = module_words(module) or ", ".join(call.words) or _split_name(type(module).__name__)
            share = MULTIPLY_ADDS.get(type(module))
            multiply_adds = call.multiply_adds if share is None else share(module, call.multiply_adds)
            self._add_row(call, words, output, multiply_adds)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        inputs = self.fields.follow(func, args, out)
        call = self.calls[-1]
        count = flop_registry.get(func.overloadpacket)
        multiply_adds = count(*args, **kwargs, out_val=out) // 2 if count and inputs else 0
        words = operation_words(func, args)
        if call.is_leaf:
            call.multiply_adds += multiply_adds
            call.words += [words] if words else []
        elif words and (multiply_adds or len(inputs) > 1):
            self._add_row(call, words, out, multiply_adds)
        return out

    def _add_row(self, call: _Call, words: str, output: Any, multiply_adds: int) -> None:
        first = next(tensors_in(output), None)
        seen = None if first is None else self.fields.of(first)
        self.rows.append(
            LayerRow(
                name=call.name,
                operation=words,
                output_shape=None if first is None else tuple(first.shape[1:]),
                parameters=self._count(call.module),
                multiply_adds=multiply_adds,
                receptive_field_hw=None if seen is None else _numbers(seen.size_hw),
                stride_hw=None if seen is None else _numbers(seen.stride_hw),
            )
        )

    def _count(self, module: nn.Module) -> int:
        """The module's own parameters that no row has counted yet."""
        new = [p for p in module.parameters(recurse=False) if id(p) not in self.counted]
        self.counted |= {id(p) for p in new}
        return sum(p.numel() for p in new)

    def unseen_rows(self) -> Iterator[LayerRow]:
        """A row for each module whose own parameters no row has counted."""
        for name, module in self.network.named_modules():
            parameters = self._count(module)
            if parameters:
                leaf = next(module.children(), None) is None
                words = (leaf and module_words(module)) or _split_name(type(module).__name__)
                yield LayerRow(
                    name=name,
                    operation=f"{words} (not called)" if leaf else f"{words}, its own parameters",
                    output_shape=None,
                    parameters=parameters,
                    multiply_adds=0,
                    receptive_field_hw=None,
                    stride_hw=None,
                )


def _partial_multiply_adds(module: nn.Module, dense: int) -> int:
    """Those of the connections that exist, of a convolution computed densely."""
    assert isinstance(module, PartialConv2d)
    return dense * module.connections // (module.in_channels * module.out_channels)


def _rbf_multiply_adds(module: nn.Module, dense: int) -> int:
    """One for each input of each unit: the square of a difference, added."""
    assert isinstance(module, EuclideanRBF)
    return module.codes.numel()


def _no_multiply_adds(module: nn.Module, dense: int) -> int:
    """A pooling, for which none are counted, though it is computed as a convolution."""
    return 0


MULTIPLY_ADDS: dict[type[nn.Module], Callable[[nn.Module, int], int]] = {
    PartialConv2d: _partial_multiply_adds,
    EuclideanRBF: _rbf_multiply_adds,
    Subsampling: _no_multiply_adds,
}


def _numbers(pair: tuple[Any, Any]) -> tuple[Number, Number]:
    height, width = (int(value) if value == int(value) else round(float(value), 3) for value in pair)
    return height, width


def _split_name(name: str) -> str:
    """ "LayerNorm" -> "layer norm"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
