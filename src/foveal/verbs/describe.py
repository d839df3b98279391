"""Show a network layer by layer: output shape, parameters, multiply-adds, receptive field, stride."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from foveal.errors import UsageError
from foveal.networks import network_spec
from foveal.options import Option
from foveal.runs import model_path
from foveal.types import Module

if TYPE_CHECKING:
    from foveal.networks.describe import Description


def describe(
    model: Annotated[
        str | Path | Module, Option("A network's name (see models), a model file or a run folder.", typed=str)
    ],
    *,
    size: Annotated[
        int | tuple[int, int] | None,
        Option("Side of the input in pixels [default: the network's own].", typed=int),
    ] = None,
    channels: Annotated[int | None, Option("Channels of the input [default: the network's own].")] = None,
    classes: Annotated[int | None, Option("Classes of the head [default: the paper's].")] = None,
) -> "Description":
    """Operation, output shape, parameters, multiply-adds, receptive field and stride of each layer, and the totals.

    model: a network's name (`foveal models`), a model file, a run folder, or any `nn.Module`. size: side or (height,
    width) in pixels; None takes the network's or the model file's own. channels, classes: for a name.
    Raises ModelError and UsageError.
    """
    from torch import nn

    from foveal.bundle import load_bundle
    from foveal.networks.build import build_network
    from foveal.networks.describe import describe_network

    if isinstance(model, nn.Module):
        return describe_network(model, (3 if channels is None else channels, *_size_hw(size, 224)))
    path = model_path(model)
    if path.is_file():
        if channels is not None or classes is not None:
            raise UsageError(
                f"{path}: a model file has its own channels and classes; leave --channels and --classes out"
            )
        bundle = load_bundle(path)
        preprocess = bundle.contract.preprocess
        return describe_network(bundle.network, (preprocess.channels, *_size_hw(size, preprocess.size_hw)))
    spec = network_spec(str(model))
    network = build_network(spec.name, classes, channels)
    return describe_network(network, (spec.in_channels if channels is None else channels, *_size_hw(size, spec.size)))


def _size_hw(size: int | tuple[int, int] | None, default: int | tuple[int, int]) -> tuple[int, int]:
    chosen = default if size is None else size
    size_hw = (chosen, chosen) if isinstance(chosen, int) else chosen
    if min(size_hw) < 1:
        raise UsageError(f"--size {min(size_hw)}: expected at least 1 pixel")
    return size_hw
