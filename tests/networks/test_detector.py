"""The pyramid and the head: shapes, places, and that together they learn where things are."""

import pytest
import torch
from torch import nn

from foveal.losses.assignment import Objects, assign
from foveal.losses.detection import box_loss, distribution_loss, quality_loss
from foveal.networks.build import build_backbone
from foveal.networks.detector_head import BINS, PRIOR, DetectorHead, cell_centres, expected_distances
from foveal.networks.pyramid import Pyramid
from foveal.ops.boxes import from_distances, pairwise_iou, to_distances


class Detector(nn.Module):
    def __init__(self, backbone: str, *, channels: int = 32, num_classes: int = 2) -> None:
        super().__init__()
        self.backbone = build_backbone(backbone)
        stages = [stage for stage in self.backbone.stages if stage.stride in (8, 16, 32)]
        self.pyramid = Pyramid(stages, channels)
        self.head = DetectorHead(self.pyramid.strides, channels, num_classes)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        outputs: dict[str, torch.Tensor] = self.head(self.pyramid(self.backbone(images)))
        return outputs


@pytest.mark.parametrize("backbone", ["vgg16_bn", "googlenet_bn", "resnet18", "resnet50_d"])
def test_every_backbone_with_stages_carries_it(backbone: str) -> None:
    with torch.device("meta"):
        outputs = Detector(backbone)(torch.zeros(2, 3, 96, 160))
    cells = 12 * 20 + 6 * 10 + 3 * 5
    assert outputs["logits"].shape == (2, cells, 2)
    assert outputs["distances"].shape == (2, cells, 4, BINS)
    assert outputs["points"].shape == (cells, 2)


def test_odd_sides_keep_their_cells() -> None:
    outputs = Detector("resnet18_d").eval()(torch.zeros(1, 3, 75, 101))
    assert len(outputs["points"]) == 10 * 13 + 5 * 7 + 3 * 4
    assert outputs["strides"].tolist() == [8.0] * 130 + [16.0] * 35 + [32.0] * 12
    assert torch.allclose(outputs["logits"].sigmoid(), torch.tensor(PRIOR), atol=0.005)


@pytest.mark.parametrize("backbone", ["vgg16_bn", "googlenet_bn", "resnet18"])
@pytest.mark.parametrize("size_hw", [(96, 144), (112, 176), (75, 101)])
def test_growing_images_have_odd_sides_too(backbone: str, size_hw: tuple[int, int]) -> None:
    """Half a cell at the border is left out by pooling, and counted by convolutions."""
    with torch.device("meta"):
        outputs = Detector(backbone)(torch.zeros(1, 3, *size_hw))
    assert outputs["logits"].shape[1] == len(outputs["points"]) == outputs["distances"].shape[1]


def test_points_are_the_centres_of_cells() -> None:
    points, strides = cell_centres((2, 3), 8, torch.zeros(1))
    assert points.tolist() == [[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]
    assert strides.tolist() == [8.0] * 6


def test_a_distance_is_the_mean_of_its_distribution() -> None:
    logits = torch.full((1, 4, BINS), -100.0)
    logits[..., 3] = logits[..., 4] = 0
    torch.testing.assert_close(expected_distances(logits), torch.full((1, 4), 3.5))


def test_it_learns_where_two_squares_are() -> None:
    torch.manual_seed(0)
    images = torch.zeros(2, 3, 64, 64)
    images[0, :, 8:40, 8:40] = 2.0
    images[1, 0, 24:56, 16:64] = 2.0
    truth = torch.tensor([[[8.0, 8, 40, 40]], [[16.0, 24, 64, 56]]])
    objects = Objects(truth, torch.tensor([[0], [1]]), torch.ones(2, 1, dtype=torch.bool))
    network = Detector("resnet18_d")
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3)
    for _ in range(60):
        outputs = network(images)
        boxes = _boxes(outputs)
        found = assign(outputs["logits"].sigmoid(), boxes, outputs["points"], outputs["strides"], objects)
        taken = found.has_object
        points = outputs["points"].expand(2, -1, 2)[taken]
        strides = outputs["strides"].expand(2, -1)[taken][:, None]
        fits = found.quality.sum(dim=2)[taken]
        distances = to_distances(points, found.boxes_xyxy[taken]) / strides
        loss = (
            quality_loss(outputs["logits"], found.quality)
            + 2 * box_loss(boxes[taken], found.boxes_xyxy[taken], fits)
            + 0.5 * distribution_loss(outputs["distances"][taken], distances, fits)
        )
        optimiser.zero_grad()
        (loss / fits.sum().clamp(min=1)).backward()
        optimiser.step()
    outputs = network(images)
    best = outputs["logits"].flatten(1).argmax(dim=1)
    assert (best % 2).tolist() == [0, 1]
    for image, cell in enumerate((best // 2).tolist()):
        assert pairwise_iou(_boxes(outputs)[image, cell][None], truth[image]).item() > 0.75


def _boxes(outputs: dict[str, torch.Tensor]) -> torch.Tensor:
    return from_distances(outputs["points"], expected_distances(outputs["distances"]) * outputs["strides"][:, None])
