"""Suppression against the greedy loop that defines it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.ops.test_boxes import drawn

from foveal.annotations import Objects
from foveal.ops.boxes import box_areas, pairwise_iou
from foveal.ops.suppression import suppress
from foveal.ops.suppression_arrays import suppress_tiles
from foveal.ops.tiles import tile_corners
from foveal.read.dataset import read_dataset


def greedy(boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor, threshold: float) -> list[int]:
    waiting = sorted(range(len(boxes)), key=lambda index: (-float(scores[index]), index))
    kept: list[int] = []
    while waiting:
        best = waiting.pop(0)
        kept.append(best)
        waiting = [
            other
            for other in waiting
            if labels[other] != labels[best] or float(pairwise_iou(boxes[best][None], boxes[other][None])) <= threshold
        ]
    return kept


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_greedy_loop(threshold: float, seed: int) -> None:
    boxes = drawn(150, seed)
    generator = torch.Generator().manual_seed(seed)
    scores = (torch.rand(150, generator=generator) * 20).round() / 20  # with ties
    labels = torch.randint(0, 3, (150,), generator=generator)
    assert by_score(boxes, scores, labels, threshold=threshold).tolist() == greedy(boxes, scores, labels, threshold)


def by_score(boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor, *, threshold: float) -> torch.Tensor:
    """The kept ones' indices, the best first."""
    order = scores.argsort(descending=True, stable=True)
    return order[suppress(boxes[order], labels[order], threshold=threshold)]


def test_each_image_of_a_batch_is_on_its_own() -> None:
    boxes, labels = drawn(240, seed=5).unflatten(0, (4, 60)), torch.arange(240).unflatten(0, (4, 60)) % 3
    kept = suppress(boxes, labels, threshold=0.3)
    assert kept.shape == (4, 60)
    for row in range(4):
        assert kept[row].tolist() == suppress(boxes[row], labels[row], threshold=0.3).tolist()


def test_a_chain_of_neighbours_keeps_every_other() -> None:
    boxes = torch.tensor([[float(x), 0, x + 10.0, 10] for x in range(0, 60, 4)])
    kept = suppress(boxes, torch.zeros(len(boxes), dtype=torch.long), threshold=0.4)
    assert kept.nonzero()[:, 0].tolist() == list(range(0, len(boxes), 2))


def test_nothing_is_kept_of_nothing() -> None:
    kept = suppress(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), threshold=0.5)
    assert kept.tolist() == []


TILES = ((0, 0, 100, 100), (80, 0, 180, 100), (160, 0, 260, 100))


def joined(*rows: tuple[tuple[float, ...], float, int, int]) -> list[int]:
    """The kept ones of (box, score, label, tile), in an image of 260×100 pixels."""
    boxes, scores, labels, tiles = zip(*rows, strict=True)
    kept = suppress_tiles(
        np.array(boxes, np.float64),
        np.array(scores, np.float64),
        np.array(labels),
        np.array([TILES[tile] for tile in tiles], np.float64),
        image_hw=(100, 260),
        threshold=0.6,
    )
    found: list[int] = kept.tolist()
    return found


def test_of_an_object_cut_by_a_tile_the_whole_stays() -> None:
    whole, part = (85.0, 20.0, 125.0, 60.0), (85.0, 20.0, 99.5, 60.0)
    assert joined((part, 0.9, 0, 0), (whole, 0.5, 0, 1)) == [1]  # whatever the scores
    assert joined((part, 0.9, 1, 0), (whole, 0.5, 0, 1)) == [0, 1]  # another class
    assert joined((part, 0.9, 0, 0), (whole, 0.5, 0, 0)) == [0, 1]  # the same tile, which distinguished them
    assert joined((part, 0.9, 0, 0)) == [0]  # nobody saw more of it
    nearly = (85.0, 20.0, 95.0, 60.0)  # ends within the tile: an object of its own
    assert joined((nearly, 0.4, 0, 0), (whole, 0.5, 0, 1)) == [1, 0]
    at_the_edge = (200.0, 40.0, 240.0, 100.0)  # of the image: not cut
    assert joined((at_the_edge, 0.4, 0, 2), ((190.0, 30.0, 250.0, 100.0), 0.5, 0, 1)) == [1, 0]


def test_of_two_parts_the_larger_stays_and_of_two_whole_ones_the_better() -> None:
    large, small = (80.0, 20.0, 140.0, 60.0), (80.0, 25.0, 100.0, 55.0)
    assert joined((small, 0.9, 0, 0), (large, 0.5, 0, 1)) == [1]
    whole, again = (85.0, 20.0, 97.0, 60.0), (84.0, 20.0, 97.5, 60.0)
    assert joined((whole, 0.8, 0, 0), (again, 0.9, 0, 1)) == [1]
    left, right = (20.0, 20.0, 100.0, 60.0), (80.0, 20.0, 150.0, 60.0)
    assert joined((left, 0.8, 0, 0), (right, 0.9, 0, 1)) == [1, 0]  # larger than the overlap: given in two parts


def test_without_borders_it_is_suppression() -> None:
    random = np.random.default_rng(0)
    corners = random.uniform(0, 60, (200, 2))
    boxes = np.concatenate([corners, corners + random.uniform(5, 30, (200, 2))], axis=1)
    scores, labels = random.random(200), random.integers(0, 2, 200)
    whole = np.tile([0.0, 0, 100, 100], (200, 1))
    kept = suppress_tiles(boxes, scores, labels, whole, image_hw=(100, 100), threshold=0.5)
    assert kept.tolist() == by_score(*map(torch.from_numpy, (boxes, scores, labels)), threshold=0.5).tolist()
    none = suppress_tiles(boxes[:0], scores[:0], labels[:0], whole[:0], image_hw=(100, 100), threshold=0.5)
    assert none.tolist() == []


def test_cells_of_a_mosaic_are_given_once(real_data: Callable[[str], Path]) -> None:
    """Every tile finds what it sees of the true boxes of nine real images side by side, with a score of its own."""
    dataset = read_dataset(real_data("bccd"))
    rows = [
        [*np.add(each.box_xyxy, np.tile([index % 3 * 640, index // 3 * 480], 2)), each.label]
        for index, sample in enumerate(dataset.of_split("test")[:9])
        for each in sample.known(Objects).instances
    ]
    truth = torch.tensor(rows, dtype=torch.float64)
    truth = truth[suppress(truth[:, :4], truth[:, 4], threshold=0.6)]
    found = []
    for left, top in tile_corners((1440, 1920), (480, 640), overlap=0.5):
        tile = torch.tensor([left, top, left + 640, top + 480], dtype=torch.float64)
        seen = torch.minimum(torch.maximum(truth[:, :4], tile[[0, 1, 0, 1]]), tile[[2, 3, 2, 3]])
        enough = box_areas(seen) > 0.2 * box_areas(truth[:, :4])
        found.append(torch.cat([seen, truth[:, 4:], tile.expand(len(seen), 4)], dim=1)[enough])
    boxes, labels, tiles = torch.cat(found).split([4, 1, 4], dim=1)
    scores = torch.rand(len(boxes), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    given = (each.numpy() for each in (boxes, scores, labels[:, 0], tiles))
    kept = torch.from_numpy(suppress_tiles(*given, image_hw=(1440, 1920), threshold=0.6))
    assert len(boxes) > 2 * len(truth)
    ious = pairwise_iou(truth[:, :4], boxes[kept]) * (truth[:, 4:] == labels[kept].T)
    assert (ious.amax(dim=1) > 0.9).double().mean() > 0.97
    assert len(kept) < 1.03 * len(truth)
