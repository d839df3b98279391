"""The mask head: its small networks against plain loops, where they look, and every backbone that a detector takes."""

import numpy as np
import pytest
import torch
from torch import nn

from foveal.errors import ModelError
from foveal.networks import NETWORKS
from foveal.networks.build import build_backbone
from foveal.networks.detector import Detector, InstanceDetector
from foveal.networks.mask_head import WEIGHTS, box_grid, dynamic, mask_logits, to_pixels
from foveal.ops.mask_points import HIDDEN, MAPS, STRIDE


def by_loops(weights: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """One object and one point at a time, one weight after the other."""
    made = np.zeros((len(weights), inputs.shape[2]))
    for k, row in enumerate(weights):
        for s in range(inputs.shape[2]):
            values, rest = list(inputs[k, :, s]), list(row)
            for width, last in ((HIDDEN, False), (HIDDEN, False), (1, True)):
                kernel = [[rest.pop(0) for _ in values] for _ in range(width)]
                sums = [sum(w * v for w, v in zip(line, values, strict=True)) + rest.pop(0) for line in kernel]
                values = sums if last else [max(0.0, each) for each in sums]
            assert not rest
            made[k, s] = values[0]
    return made


def test_each_object_has_a_network_of_its_own() -> None:
    torch.manual_seed(0)
    weights, inputs = torch.randn(3, WEIGHTS).double(), torch.randn(3, MAPS + 2, 5).double()
    np.testing.assert_allclose(dynamic(weights, inputs).numpy(), by_loops(weights.numpy(), inputs.numpy()), rtol=1e-9)
    assert WEIGHTS == 169  # the paper's, section 3.1


def test_an_object_alone_is_what_it_is_among_others() -> None:
    torch.manual_seed(0)
    weights, maps = torch.randn(4, WEIGHTS), torch.randn(MAPS, 10, 16)
    boxes = torch.tensor([[0.0, 0, 64, 40], [3, 5, 9, 8], [50, 30, 63, 39], [20, 20, 21, 21]])
    points = box_grid(6, reach=1.2, device=maps.device)
    together = mask_logits(weights, maps, boxes, points)
    for row in range(4):
        alone = mask_logits(weights[row, None], maps, boxes[row, None], points)
        torch.testing.assert_close(alone[0], together[row])


def test_points_read_the_maps_where_they_lie() -> None:
    """A network that passes the first map on, of which each cell says its column: bilinear between their centres."""
    weights = torch.zeros(1, WEIGHTS)
    weights[0, 0] = 1  # of the first hidden unit: the first map
    weights[0, (MAPS + 2) * HIDDEN + HIDDEN] = 1
    weights[0, (MAPS + 2) * HIDDEN + HIDDEN + HIDDEN * HIDDEN + HIDDEN] = 1
    maps = torch.zeros(MAPS, 6, 9)
    maps[0] = torch.arange(9.0)
    boxes = torch.tensor([[4.0, 4, 28, 20]])
    points = box_grid(3, reach=1.0, device=maps.device)
    where = to_pixels(boxes, points)[0]
    assert where[:3].tolist() == [[8, pytest.approx(4 + 8 / 3)], [16, where[0, 1]], [24, where[0, 1]]]
    torch.testing.assert_close(mask_logits(weights, maps, boxes, points)[0], where[:, 0] / STRIDE - 0.5)


def test_points_know_their_place_in_the_box() -> None:
    points = box_grid(2, reach=1.2, device=torch.device("cpu"))
    torch.testing.assert_close(points, torch.tensor([[-0.6, -0.6], [0.6, -0.6], [-0.6, 0.6], [0.6, 0.6]]))
    weights = torch.zeros(1, WEIGHTS)
    weights[0, MAPS] = 1  # the first hidden unit: x
    weights[0, (MAPS + 2) * HIDDEN + HIDDEN] = 1
    weights[0, -1 - HIDDEN] = 1
    boxes = torch.tensor([[8.0, 8, 16, 24]])
    logits = mask_logits(weights, torch.randn(MAPS, 8, 8), boxes, points)
    torch.testing.assert_close(logits[0], points[:, 0].clamp(min=0))


@pytest.mark.parametrize("name", ["resnet18", "resnet18_d", "resnet50", "vgg16_bn", "googlenet_bn"])
def test_every_backbone_of_a_detector_takes_masks(name: str) -> None:
    with torch.device("meta"):
        network = InstanceDetector(build_backbone(name, 3), 2, channels=32).eval()
        outputs = network(torch.zeros(2, 3, 64, 96))
    assert outputs["mask_maps"].shape == (2, MAPS, 64 // STRIDE, 96 // STRIDE)
    assert outputs["mask_weights"].shape == (*outputs["logits"].shape[:2], WEIGHTS)


def test_whoever_carries_a_detector_has_the_stage() -> None:
    carry = [spec for spec in NETWORKS.values() if {8, 16, 32} <= {stage.stride for stage in spec.stages}]
    assert carry
    assert all(STRIDE in {stage.stride for stage in spec.stages} for spec in carry)
    backbone = build_backbone("resnet18")
    backbone.stages = tuple(stage for stage in backbone.stages if stage.stride != STRIDE)
    with pytest.raises(ModelError, match="ResNet can't carry masks: it has no stage with a cell of 4 pixels"):
        InstanceDetector(backbone, 2, channels=32)


def test_the_detector_is_the_same_with_and_without() -> None:
    torch.manual_seed(0)
    with_masks = InstanceDetector(build_backbone("resnet18_d", 3), 2, channels=32).eval()
    plain = Detector(build_backbone("resnet18_d", 3), 2, channels=32).eval()
    plain.load_state_dict({name: value for name, value in with_masks.state_dict().items() if "masks." not in name})
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        ours, theirs = with_masks(images), plain(images)
    assert set(ours) - set(theirs) == {"mask_maps", "mask_weights"}
    assert all(ours[name].equal(value) for name, value in theirs.items())
    assert isinstance(with_masks, nn.Module)
