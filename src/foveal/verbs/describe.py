"""`foveal describe`: a network layer by layer."""

from pathlib import Path

from torch import nn

from foveal.bundle import load_bundle
from foveal.networks.build import build_network, network_spec
from foveal.networks.describe import Description, describe_network
from foveal.verbs.evaluate import model_path


def describe(
    model: str | Path | nn.Module,
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    classes: int | None = None,
) -> Description:
    """Operation, output shape, parameters, multiply-adds, receptive field and stride of each layer, and the totals.

    model: a network's name (`foveal models`), a model file, a run folder, or any `nn.Module`. size: side or (height,
    width) in pixels; None takes the network's or the model file's own. channels, classes: for a name.
    Raises ModelError.
    """
    if isinstance(model, nn.Module):
        return describe_network(model, (channels or 3, *_size_hw(size or 224)))
    path = model_path(model)
    if path.is_file():
        bundle = load_bundle(path)
        preprocess = bundle.contract.preprocess
        return describe_network(bundle.network, (preprocess.channels, *_size_hw(size or preprocess.size_hw)))
    spec = network_spec(str(model))
    network = build_network(spec.name, classes, channels)
    return describe_network(network, (channels or spec.in_channels, *_size_hw(size or spec.size)))


def _size_hw(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size
