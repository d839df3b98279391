"""A network's name → a module. The caller seeds torch's global generator, from which weights are drawn."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from foveal.errors import ModelError
from foveal.networks.backbone import Backbone
from foveal.networks.lookup import network_spec

MAX_CHANNELS = 16


class Network(nn.Module):
    """A backbone and a head: images (B, C, H, W) -> {"logits": (B, K)}, and what else the head returns."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return self.head(self.backbone(images))


def build_backbone(name: str, in_channels: int | None = None) -> Backbone:
    """A freshly initialised backbone; `in_channels` from 1 to 16, the paper's own where it is None."""
    spec = network_spec(name)
    channels = spec.in_channels if in_channels is None else in_channels
    if not 1 <= channels <= MAX_CHANNELS:
        raise ModelError(f"{name} takes images of 1 to {MAX_CHANNELS} channels; got in_channels={channels}")
    module, function = spec.builder.split(":")
    backbone: Backbone = getattr(import_module(module), function)(*spec.builder_arguments, channels)
    return backbone


def build_network(name: str, num_classes: int | None = None, in_channels: int | None = None) -> Network:
    """A freshly initialised network with the paper's head; the paper's own counts where they are None."""
    spec = network_spec(name)
    classes = spec.num_classes if num_classes is None else num_classes
    if classes < 1:
        raise ModelError(f"{name} needs at least one class; got num_classes={classes}")
    backbone = build_backbone(name, in_channels)
    return Network(backbone, backbone.head(classes))


@contextmanager
def without_weights() -> Iterator[None]:
    """Modules made in the block have parameters of the right shapes and no memory: they wait to be loaded."""
    with torch.device("meta"), _Unfilled():
        yield


class _Unfilled(TorchFunctionMode):
    """Leaves out normal draws: tensors on the meta device hold no values, and to find the shape of such a draw torch
    imports its whole compiler, which takes longer than all else that loading a model does."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if func in (Tensor.normal_, nn.init.normal_):
            return args[0] if args else given["tensor"]
        return func(*args, **given)
