"""torchvision's names and ours, network by network: the same layers under other names.

ResNet in its common variant (v1.5), VGG with and without batch norm, AlexNet of one tower. tests/weights holds names,
shapes and logits against torchvision's own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from foveal.errors import ModelError

T = TypeVar("T")

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pixels, in 0..1, that its published weights were trained on."""
_HEADS = ("fc", "classifier")


def _resnet(depths: Sequence[int], convs: int) -> dict[str, str]:
    """depths: blocks of each stage; convs: convolutions of a block."""
    names = {"conv1": "backbone.stem.0", "bn1": "backbone.stem.1"}
    for stage, depth in enumerate(depths, start=1):
        for block in range(depth):
            theirs, ours = f"layer{stage}.{block}", f"backbone.stage{stage}.{block}"
            for conv in range(convs):
                names[f"{theirs}.conv{conv + 1}"] = f"{ours}.residual.{3 * conv}"
                names[f"{theirs}.bn{conv + 1}"] = f"{ours}.residual.{3 * conv + 1}"
            if block == 0 and (stage > 1 or convs == 3):  # where it changes the channels
                names[f"{theirs}.downsample.0"] = f"{ours}.shortcut.0"
                names[f"{theirs}.downsample.1"] = f"{ours}.shortcut.1"
    return {**names, "fc": "head.fc"}


def _vgg(depths: Sequence[int], unit: int) -> dict[str, str]:
    """depths: convolutions of each stage; unit: layers of one, the ReLU among them."""
    names, first = {}, 0
    for stage, depth in enumerate(depths, start=1):
        for place in range(unit * depth):
            if place % unit < unit - 1:
                names[f"features.{first + place}"] = f"backbone.blocks.stage{stage}.{place}"
        first += unit * depth + 1  # and the pooling
    return {**names, "classifier.0": "head.fc6", "classifier.3": "head.fc7", "classifier.6": "head.fc8"}


def _alexnet() -> dict[str, str]:
    convs = {f"features.{place}": f"backbone.convs.conv{n}.0" for n, place in enumerate((0, 3, 6, 8, 10), start=1)}
    return {**convs, "classifier.1": "head.fc6", "classifier.4": "head.fc7", "classifier.6": "head.fc8"}


_VGG_DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}

TABLES: dict[str, Callable[[], dict[str, str]]] = {
    "resnet18": partial(_resnet, (2, 2, 2, 2), 2),
    "resnet34": partial(_resnet, (3, 4, 6, 3), 2),
    "resnet50": partial(_resnet, (3, 4, 6, 3), 3),
    "resnet101": partial(_resnet, (3, 4, 23, 3), 3),
    "resnet152": partial(_resnet, (3, 8, 36, 3), 3),
    **{f"vgg{depth}": partial(_vgg, depths, 2) for depth, depths in _VGG_DEPTHS.items()},
    **{f"vgg{depth}_bn": partial(_vgg, depths, 3) for depth, depths in _VGG_DEPTHS.items()},
    "alexnet_one_tower": _alexnet,
}
"""By our name of a network: our name of each module with weights, by torchvision's."""


def from_torchvision(network: str, tensors: Mapping[str, T]) -> dict[str, T]:
    """What stands under torchvision's names, under ours; a name that the network does not have stays as it is.

    Raises ModelError for a network that torchvision has not.
    """
    return _renamed(_table(network), tensors)


def to_torchvision(network: str, tensors: Mapping[str, T]) -> dict[str, T]:
    """The inverse of `from_torchvision`."""
    return _renamed({ours: theirs for theirs, ours in _table(network).items()}, tensors)


def network_of(names: Iterable[str]) -> str | None:
    """Our name of the network whose backbone has exactly torchvision's tensors of these names; None where none has."""
    modules = {_split(name)[0] for name in names}
    found = {module for module in modules if module.partition(".")[0] not in _HEADS}
    for network, table in TABLES.items():
        if found == {theirs for theirs, ours in table().items() if ours.startswith("backbone.")}:
            return network
    return None


def _table(network: str) -> dict[str, str]:
    if network not in TABLES:
        raise ModelError(f"torchvision has no {network} of this layout; it has {', '.join(TABLES)}")
    return TABLES[network]()


def _renamed(table: Mapping[str, str], tensors: Mapping[str, T]) -> dict[str, T]:
    found = {}
    for name, value in tensors.items():
        module, leaf = _split(name)
        found[f"{table[module]}.{leaf}" if module in table else name] = value
    return found


def _split(name: str) -> tuple[str, str]:
    """ "layer1.0.conv1.weight" -> ("layer1.0.conv1", "weight")."""
    module, _, leaf = name.rpartition(".")
    return module, leaf
