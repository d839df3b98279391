"""What is computed in NumPy against PyTorch's own, and our batched functions on it: random inputs, ties, nothing."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.ops.test_boxes import drawn

from foveal.networks.detector_head import expected_distances
from foveal.networks.mask_head import WEIGHTS, box_grid, mask_logits
from foveal.ops import bilinear, box_arrays, boxes, mask_points, suppression, suppression_arrays
from foveal.ops.masks import rasterised
from foveal.ops.probabilities import logit, sigmoid, softmax


def test_probabilities() -> None:
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)).double() * 20
    logits[0, :3] = torch.tensor([800.0, -800.0, 0.0])
    near = {"rtol": 1e-14, "atol": 1e-300}
    np.testing.assert_allclose(softmax(logits.numpy(), axis=1), logits.softmax(dim=1).numpy(), **near)
    np.testing.assert_allclose(softmax(logits.numpy(), axis=0), logits.softmax(dim=0).numpy(), **near)
    np.testing.assert_allclose(sigmoid(logits.numpy()), logits.sigmoid().numpy(), **near)
    probs = np.array([0.0, 1e-9, 0.25, 0.5, 0.9, 1.0])
    np.testing.assert_allclose(logit(probs), torch.from_numpy(probs).logit().numpy(), rtol=1e-12, atol=1e-15)
    expected = torch.from_numpy(probs).logit(eps=1e-6).numpy()
    np.testing.assert_allclose(logit(probs, eps=1e-6), expected, rtol=1e-9, atol=1e-15)
    assert sigmoid(np.float32([1, -1])).dtype == np.float64
    assert softmax(np.float32([1, -1])).dtype == np.float32


@pytest.mark.parametrize(("first", "second"), [(40, 30), (1, 5), (0, 4), (3, 0)])
def test_boxes(first: int, second: int) -> None:
    ours, theirs = drawn(first, 1), drawn(second, 2)
    for dtype in (torch.float32, torch.float64):
        pair = (ours.to(dtype), theirs.to(dtype))
        arrays = [each.numpy() for each in pair]
        assert np.array_equal(box_arrays.pairwise_common(*arrays), boxes.pairwise_common(*pair).numpy())
        assert np.array_equal(box_arrays.pairwise_iou(*arrays), boxes.pairwise_iou(*pair).numpy())
        assert np.array_equal(box_arrays.box_areas(arrays[0]), boxes.box_areas(pair[0]).numpy())


def test_boxes_that_are_inverted_or_nothing_have_no_area() -> None:
    odd = torch.tensor([[5.0, 5, 3, 9], [2, 2, 2, 8], [0, 0, 4, 4]])
    assert box_arrays.box_areas(odd.numpy()).tolist() == [0, 0, 16]
    assert np.array_equal(box_arrays.pairwise_iou(odd.numpy(), odd.numpy()), boxes.pairwise_iou(odd, odd).numpy())


@pytest.mark.parametrize("shape", [(6, 4, 16), (2, 3, 4, 5), (0, 4, 16)])
def test_distances(shape: tuple[int, ...]) -> None:
    distances = torch.randn(*shape, generator=torch.Generator().manual_seed(0)) * 5
    found = box_arrays.expected_distances(distances.numpy())
    np.testing.assert_allclose(found, expected_distances(distances).numpy(), rtol=1e-5, atol=1e-5)
    points, sides = torch.rand(7, 2) * 50, torch.rand(7, 4) * 9
    expected = boxes.from_distances(points, sides).numpy()
    assert np.array_equal(box_arrays.from_distances(points.numpy(), sides.numpy()), expected)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6])
@pytest.mark.parametrize(("count", "classes"), [(150, 3), (150, 1), (150, 80), (1, 1), (0, 1)])
def test_suppression(threshold: float, count: int, classes: int) -> None:
    found = drawn(count, classes)
    found[count // 2 :] = found[: count - count // 2]  # each box twice
    labels = torch.randint(0, classes, (count,), generator=torch.Generator().manual_seed(0))
    expected = suppression.suppress(found, labels, threshold=threshold)
    kept = suppression_arrays.suppress(found.numpy(), labels.numpy(), threshold=threshold)
    assert np.array_equal(kept, expected.numpy())


SIZES = [
    ((6, 9), (20, 13)),
    ((20, 13), (6, 9)),
    ((5, 5), (5, 5)),
    ((1, 4), (7, 1)),
    ((3, 2), (90, 400)),
    ((8, 8), (1, 1)),
]


@pytest.mark.parametrize(("size_hw", "wanted_hw"), SIZES)
def test_maps_are_resized(size_hw: tuple[int, int], wanted_hw: tuple[int, int]) -> None:
    maps = torch.randn(4, *size_hw, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(maps[None], size=wanted_hw, mode="bilinear", align_corners=False)[0].numpy()
    np.testing.assert_allclose(bilinear.resized(maps.numpy(), wanted_hw), expected, rtol=1e-4, atol=1e-5)
    labels = bilinear.highest(maps.numpy(), wanted_hw)
    first, second = np.sort(expected, axis=0)[[-1, -2]]
    sure = first - second > 1e-4
    assert sure.mean() > 0.95 or wanted_hw == (1, 1)
    assert np.array_equal(labels[sure], expected.argmax(axis=0)[sure])
    assert (labels.dtype, labels.shape) == (np.uint8, wanted_hw)


def test_of_equal_maps_the_first_is_highest() -> None:
    maps = np.random.default_rng(0).integers(0, 2, (5, 400, 300)).astype(np.float32)  # in several blocks of rows
    assert np.array_equal(bilinear.highest(maps, (400, 300)), maps.argmax(axis=0))
    large = np.zeros((3, 2, 2), np.float32)
    assert not bilinear.highest(large, (500, 300)).any()
    assert np.array_equal(bilinear.highest(np.stack([large[0], large[0] + 1]), (500, 300)), np.ones((500, 300)))


@pytest.mark.parametrize("count", [5, 1, 0])
def test_masks_at_the_points_of_their_boxes(count: int) -> None:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(count, WEIGHTS, generator=generator)
    maps = torch.randn(mask_points.MAPS, 12, 20, generator=generator)  # of an input of 48×80 pixels
    found = drawn(count, 3) * 1.5 - 20  # some of them outside
    expected = mask_logits(weights, maps, found, box_grid(14, reach=1.0, device=maps.device))
    logits = mask_points.mask_logits(weights.numpy(), maps.numpy(), found.numpy(), 14)
    assert logits.shape == (count, 14, 14)
    np.testing.assert_allclose(logits.reshape(count, 14 * 14), expected.numpy(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "box", [[3.2, 4.9, 40.0, 21.3], [0.0, 0.0, 60.0, 30.0], [10.1, 5.2, 10.3, 5.4], [59.0, 29, 60, 30]]
)
def test_a_mask_at_the_images_pixels(box: list[float]) -> None:
    logits = torch.randn(7, 7, generator=torch.Generator().manual_seed(0))
    mask = mask_points.mask_in_image(logits.numpy(), box, (30, 60))
    pixels = np.asarray(rasterised(mask, (30, 60)))
    starts = [min(int(low), length - 1) for low, length in zip(box[:2], (60, 30), strict=True)]
    ends = [max(start + 1, int(np.ceil(high))) for start, high in zip(starts, box[2:], strict=True)]
    x, y = (
        (torch.arange(start, end) + 0.5 - low) / max(high - low, 1e-6) * 2 - 1
        for start, end, low, high in zip(starts, ends, box[:2], box[2:], strict=True)
    )
    grid = torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))], dim=2)
    read = F.grid_sample(logits[None, None], grid[None], padding_mode="border", align_corners=False)[0, 0]
    inside = np.zeros((30, 60), bool)
    inside[starts[1] : ends[1], starts[0] : ends[0]] = (read >= read.max().clamp(max=0)).numpy()
    assert pixels.any()
    assert np.array_equal(pixels, inside)
