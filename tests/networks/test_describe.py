"""Descriptions against hand arithmetic, of our networks and of a stranger's."""

import json

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveal.errors import ModelError
from foveal.networks import NETWORKS
from foveal.networks.build import build_backbone, build_network
from foveal.networks.describe import Description, LayerRow, describe_network
from foveal.tasks import make_task


def row(description: Description, name: str) -> LayerRow:
    return next(row for row in description.rows if row.name == name)


def test_lenet5_by_hand() -> None:
    description = describe_network(build_network("lenet5"), (1, 32, 32))
    by_hand = {
        "backbone.c1": 28 * 28 * 6 * 25,
        "backbone.c3": 10 * 10 * 60 * 25,
        "backbone.c5": 120 * 16 * 25,
        "head.f6": 120 * 84,
        "head.rbf": 84 * 10,
    }
    assert {row.name: row.multiply_adds for row in description.rows if row.multiply_adds} == by_hand
    assert description.multiply_adds == sum(by_hand.values()) == 326_520
    assert description.parameters == description.trainable_parameters == 60_000
    fields = {"c1": (5, 1), "s2": (6, 2), "c3": (14, 2), "s4": (16, 4), "c5": (32, 4)}
    for name, (size, stride) in fields.items():
        found = row(description, f"backbone.{name}")
        assert (found.receptive_field_hw, found.stride_hw) == ((size, size), (stride, stride))
    assert row(description, "backbone.c3").operation == "conv 5×5, 60 of 96 pairs of maps"


def test_resnet18_by_hand() -> None:
    description = describe_network(build_network("resnet18"), (3, 224, 224))
    stem = 112 * 112 * 64 * 3 * 49
    stage1 = 4 * 56 * 56 * 64 * 64 * 9
    others = sum(
        side**2 * (c * c // 2 * 9 + 3 * c * c * 9 + c * c // 2) for side, c in ((28, 128), (14, 256), (7, 512))
    )
    assert description.multiply_adds == stem + stage1 + others + 512 * 1000 == 1_814_073_344
    assert description.parameters == sum(row.parameters for row in description.rows) == 11_689_512
    last = row(description, "backbone.stage4.1")
    assert (last.operation, last.output_shape) == ("add", (512, 7, 7))
    assert (last.receptive_field_hw, last.stride_hw) == ((435, 435), (32, 32))


def test_words_say_stride_padding_and_groups() -> None:
    description = describe_network(build_network("alexnet", 2), (3, 224, 224))
    words = [row.operation for row in description.rows]
    assert words[:5] == [
        "conv 11×11 /4 pad 2",
        "ReLU",
        "local response norm over 5 maps",
        "max pool 3×3 /2",
        "conv 5×5 pad 2, groups 2",
    ]
    assert row(description, "head.fc8").operation == "linear 4096 → 2"
    assert row(description, "backbone.convs.conv5.2").receptive_field_hw == (195, 195)


@pytest.mark.parametrize("name", ["googlenet", "resnet20_cifar", "vgg11_bn"])
def test_rows_sum_to_the_totals(name: str) -> None:
    spec = NETWORKS[name]
    with torch.device("meta"):
        network = build_network(name)
    description = describe_network(network, (3, spec.size, spec.size))
    assert description.parameters == spec.parameters + spec.auxiliary_parameters
    assert sum(row.parameters for row in description.rows) == description.parameters
    auxiliary = sum(row.parameters for row in description.rows if row.output_shape is None)
    assert auxiliary == spec.auxiliary_parameters


class Stranger(nn.Module):
    """Functional calls, branches, shared weights, a parameter of its own, and outputs in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, (3, 1), stride=(2, 1), dilation=2)
        self.shared = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.kernel = nn.Parameter(torch.randn(4, 2, 5, 5))
        self.frozen = nn.Linear(8, 2).requires_grad_(False)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        x = F.relu(self.first(images))
        wide = F.conv2d(x, self.kernel, padding=2, groups=2)
        x = self.norm(self.shared(self.shared(x))) + wide
        up = self.up(F.max_pool2d(x, 2))
        both = torch.cat([up[:, :, ::2], up[:, :, 1::2]], dim=1)
        return {"maps": both, "scores": self.frozen(both.mean(dim=(2, 3)))}


def test_any_module_is_followed_through_branches() -> None:
    torch.manual_seed(0)
    description = describe_network(Stranger(), (3, 20, 14))
    assert [(row.name, row.operation) for row in description.rows] == [
        ("first", "conv 3×1 /2×1, dilation 2"),
        ("", "conv 5×5 pad 2, groups 2"),
        ("shared", "conv 3×3 pad 1"),
        ("shared", "conv 3×3 pad 1"),
        ("norm", "batch norm"),
        ("", "add"),
        ("up", "transposed conv 2×2 /2"),
        ("", "concatenate"),
        ("frozen", "linear 8 → 2"),
    ]
    by_row = description.rows
    assert by_row[0].output_shape == (4, 8, 14)
    assert (by_row[0].receptive_field_hw, by_row[0].stride_hw) == ((5, 1), (2, 1))
    assert (by_row[1].parameters, by_row[1].multiply_adds) == (200, 4 * 8 * 14 * 50)
    assert by_row[1].receptive_field_hw == (5 + 4 * 2, 5)
    assert by_row[2].receptive_field_hw == (9, 3)
    assert by_row[3].receptive_field_hw == (13, 5)
    assert by_row[5].receptive_field_hw == (13, 5)
    assert (by_row[2].parameters, by_row[3].parameters) == (148, 0)
    assert (by_row[6].receptive_field_hw, by_row[6].stride_hw) == ((15, 6), (2, 1))
    assert by_row[7].stride_hw == (4, 1)
    assert by_row[8].receptive_field_hw == (15 + 3 * 4, 6 + 13)
    assert sum(row.parameters for row in by_row) == description.parameters
    assert description.trainable_parameters == description.parameters - 18


def test_the_field_is_what_the_gradient_reaches() -> None:
    """With ones for weights, the pixels with a gradient are the receptive field."""
    layers = [
        nn.Conv2d(1, 1, 3, stride=2),
        nn.AvgPool2d(2),
        nn.Conv2d(1, 1, 3, dilation=2),
        nn.Conv2d(1, 1, 2),
    ]
    network = nn.Sequential(*layers)
    for parameter in network.parameters():
        nn.init.ones_(parameter)
    images = torch.ones(1, 1, 47, 59, requires_grad=True)
    network(images)[0, 0, 1, 1].backward()
    touched = images.grad[0, 0].nonzero()
    size_hw = tuple((touched.max(dim=0).values - touched.min(dim=0).values + 1).tolist())
    last = describe_network(network, (1, 47, 59)).rows[-1]
    assert last.receptive_field_hw == size_hw
    first_hw = touched.min(dim=0).values.tolist()
    assert last.stride_hw == tuple(first_hw)  # the cell (1, 1) begins one stride from the corner


def test_the_module_stays_as_it_is() -> None:
    network = build_network("resnet20_cifar", 2).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    description = describe_network(network, (3, 32, 32))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(module.training for module in network.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert description == describe_network(network.eval(), (3, 32, 32))


class ReadsValues(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.conv(images)
        return maps if maps.sum().item() == 0 else 2 * maps


def test_a_module_that_reads_values_runs_on_a_real_copy() -> None:
    description = describe_network(ReadsValues(), (1, 5, 6))
    assert description.rows[0].output_shape == (2, 3, 4)
    assert description.multiply_adds == 3 * 4 * 2 * 9


def test_to_json_is_plain() -> None:
    description = describe_network(build_network("lenet5", 3), (1, 28, 30))
    assert json.loads(json.dumps(description.to_json()))["rows"][0]["output_shape"] == [6, 24, 26]


def test_an_image_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"Conv2d can't process an image of 3×8×8 \(channels×height×width\): "):
        describe_network(nn.Conv2d(1, 2, 3), (3, 8, 8))
    with pytest.raises(ModelError, match="at least 16×16 pixels"):
        describe_network(build_network("lenet5"), (1, 8, 8))


def test_cells_in_a_row_are_no_grid_to_grow_over() -> None:
    """A detector lays the cells of its maps in a row: what follows sees no more than the maps it was made of."""
    network = make_task("detect", ("a", "b"), {"channels": 16}).learning.build(build_backbone("resnet18_d_half"))
    rows = describe_network(network, (3, 320, 416)).rows
    heights = [row.receptive_field_hw[0] for row in rows if row.receptive_field_hw is not None]
    assert max(heights) < 4 * 320
