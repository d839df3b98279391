"""What of a file's weights a new network takes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from foveal.errors import ModelError
from foveal.networks import NETWORKS
from foveal.networks.build import build_backbone
from foveal.tasks import make_task
from foveal.tasks.task import Task
from foveal.weights.files import Weights
from foveal.weights.fitting import Origin, Start, fit, with_channels

CLASSES = ("a", "b", "c")


def built(network: str, task: Task, channels: int = 3, *, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return task.learning.build(build_backbone(network, channels))


def task_of(classes: tuple[str, ...] = CLASSES, name: str = "classify", **settings: Any) -> Task:
    return make_task(name, classes, settings)


def weights_of(network: str, task: Task, channels: int = 3) -> Weights:
    """Of a network with random weights, as its model file would have them."""
    with torch.no_grad():
        tensors = {
            name: 0.2 * torch.rand_like(value) + 0.01 for name, value in _floats(built(network, task, channels)).items()
        }
    return Weights(
        network=network,
        task=task.name,
        classes=task.classes,
        tensors={**tensors, "counter": torch.tensor(7)},
        mean=tuple(0.1 * (index + 1) for index in range(channels)),
        std=(0.2,) * channels,
        seen_hashes=np.array([5], np.uint64),
    )


def start_of(weights: Weights, task: Task, *, network: str | None = None, channels: int = 3) -> Start:
    name = network or weights.network
    return fit(weights, task, network=name, channels=channels, source="there.pth", sha256="0" * 64, licence="")


def _floats(network: nn.Module) -> dict[str, Tensor]:
    return {name: value for name, value in network.state_dict().items() if value.is_floating_point()}


@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_network_takes_all(network: str) -> None:
    if NETWORKS[network].parameters > 30e6:
        pytest.skip("a large one of a family whose others are tested")
    channels = NETWORKS[network].in_channels
    weights = weights_of(network, task_of(), channels)
    start = start_of(weights, task_of(), channels=channels)
    fresh = built(network, task_of(), channels, seed=1)
    start.put_into(fresh)
    found = _floats(fresh)
    assert start.origin.taken == len(found)
    assert (start.origin.adapted, start.origin.left_out, start.origin.new) == ((), (), ())
    assert start.origin.classes == "by name"
    for name, value in found.items():
        assert torch.equal(value, weights.tensors[name]), name


@pytest.mark.parametrize("network", ["resnet20_cifar", "lenet5", "googlenet", "fastnet"])
def test_classes_of_the_same_names_are_taken_by_name(network: str) -> None:
    """In another order of the classes the logits are in that order, and otherwise the same."""
    before, after = task_of(("a", "b", "c")), task_of(("c", "a", "b"))
    weights, channels = weights_of(network, before), 3
    first, second = built(network, before, channels), built(network, after, channels, seed=1)
    start_of(weights, before).put_into(first)
    start = start_of(weights, after)
    start.put_into(second)
    images = torch.rand(2, channels, 40, 48)
    with torch.inference_mode():
        logits = [each.eval()(images)["logits"] for each in (first, second)]
    torch.testing.assert_close(logits[1], logits[0][:, [2, 0, 1]])
    assert len(logits[0][0].unique()) == 3
    assert start.origin.classes == "by name"


@pytest.mark.parametrize("classes", [("a", "b", "d"), ("a", "b"), ("a", "b", "c", "d")])
def test_other_classes_are_new(classes: tuple[str, ...]) -> None:
    start = start_of(weights_of("resnet20_cifar", task_of()), task_of(classes))
    assert start.origin.classes == "new"
    assert start.origin.new == start.origin.left_out == ("head.fc.weight", "head.fc.bias")
    assert "head.fc.weight" not in start.tensors


def test_hidden_layers_of_a_head_are_taken_whatever_the_classes() -> None:
    start = start_of(weights_of("lenet5", task_of(), 1), task_of(("x", "y")), channels=1)
    assert "head.f6.weight" in start.tensors
    assert start.origin.new == ("head.rbf.codes",)


def test_without_names_classes_are_taken_by_their_order() -> None:
    weights = replace(weights_of("resnet20_cifar", task_of()), classes=None)
    start = start_of(weights, task_of(("x", "y", "z")))
    assert start.origin.classes == "by their order"
    assert torch.equal(start.tensors["head.fc.weight"], weights.tensors["head.fc.weight"])
    assert start_of(weights, task_of(("x", "y"))).origin.classes == "new"


@pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3), (3, 4), (4, 3), (5, 2), (2, 5)])
def test_an_image_of_equal_channels_gives_what_it_gave(before: int, after: int) -> None:
    kernel = torch.randn(8, before, 3, 3, dtype=torch.float64)
    grey = torch.randn(2, 1, 9, 7, dtype=torch.float64)
    expected = nn.functional.conv2d(grey.expand(-1, before, -1, -1), kernel)
    found = nn.functional.conv2d(grey.expand(-1, after, -1, -1), with_channels(kernel, after))
    torch.testing.assert_close(found, expected)


def test_the_first_convolution_is_adapted_to_the_channels() -> None:
    weights = weights_of("resnet20_cifar", task_of())
    start = start_of(weights, task_of(), channels=1)
    kernel = weights.tensors["backbone.stem.0.weight"]
    torch.testing.assert_close(start.tensors["backbone.stem.0.weight"], kernel.sum(dim=1, keepdim=True))
    assert start.origin.adapted == ("backbone.stem.0.weight",)
    assert start.origin.taken == len(start.tensors) - 1
    assert (start.origin.mean, start.origin.std) == ((0.2,), (0.2,))
    back = start_of(weights_of("resnet20_cifar", task_of(), 1), task_of(), channels=3)
    assert back.tensors["backbone.stem.0.weight"].shape == (16, 3, 3, 3)
    assert back.origin.mean == (0.1, 0.1, 0.1)
    assert "1 adapted to the channels (backbone.stem.0.weight)" in back.origin.words()


@pytest.mark.parametrize(
    "task",
    [
        task_of(name="detect"),
        task_of(name="detect", masks=True),
        task_of(name="segment", class_weights=(1.0, 2.0, 3.0)),
        task_of(name="segment", decoder="deeplabv3plus"),
        task_of(class_weights=(1.0, 2.0, 3.0)),
    ],
    ids=["detect", "masks", "segment", "deeplab", "classify"],
)
def test_every_task_takes_a_classifiers_backbone_and_its_own_file(task: Task) -> None:
    classifier = weights_of("resnet18_d_half", task_of())
    start = start_of(classifier, task)
    backbone = [name for name in classifier.tensors if name.startswith("backbone.")]
    assert set(backbone) <= set(start.tensors)
    own = weights_of("resnet18_d_half", task)
    again = start_of(own, task)
    assert again.origin.new == again.origin.left_out == ()
    other = make_task(
        task.name, ("x", "y"), {**task.settings, "class_weights": None} if task.name != "detect" else task.settings
    )
    fewer = start_of(own, other).origin
    assert fewer.classes == "new"
    assert fewer.new == fewer.left_out != ()
    assert all(name.startswith("head.") for name in fewer.new)


def test_many_names_are_counted() -> None:
    words = start_of(weights_of("resnet18_d_half", task_of()), task_of(name="detect")).origin.words()
    assert "of the file 2 left out (head.fc.weight, head.fc.bias)" in words
    assert "(head " in words
    assert "pyramid " in words


def test_another_network_is_named() -> None:
    with pytest.raises(ModelError, match="weights are of resnet20_cifar, not of resnet32_cifar: give --model resnet20"):
        start_of(weights_of("resnet20_cifar", task_of()), task_of(), network="resnet32_cifar")


def test_other_widths_do_not_fit() -> None:
    weights = weights_of("resnet20_cifar", task_of())
    wider = {name: torch.cat([value, value]) for name, value in weights.tensors.items() if value.ndim}
    with pytest.raises(ModelError, match="0 of the 95 tensors of resnet20_cifar's backbone fit, and 90 % are needed"):
        start_of(replace(weights, tensors=wider), task_of())


def test_the_origin_comes_back_from_json() -> None:
    origin = start_of(weights_of("resnet20_cifar", task_of()), task_of(), channels=1).origin
    assert Origin.from_json({**origin.to_json(), "mean": [0.2]}) == origin
