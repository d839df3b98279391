"""What is learned of instance masks and what is told of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.made import answers_of, targets_of

from foveal.annotations import Instance, Objects, Polygons, RunLengths
from foveal.answers.detect import Decision
from foveal.augment.draws import Draws
from foveal.augment.pipeline import AugmentParams, augment_masks, draw
from foveal.augment.settings import AugmentSettings
from foveal.images.sources import FileImage
from foveal.losses.assignment import Assigned
from foveal.networks.build import build_backbone
from foveal.networks.mask_head import WEIGHTS, box_grid, to_pixels
from foveal.ops.mask_points import HIDDEN, MAPS, STRIDE
from foveal.ops.masks import pixels_of, rasterised, run_lengths
from foveal.preprocess import Preprocess
from foveal.tasks.detect import Settings, make
from foveal.tasks.instance_masks import LEARNED_SIDE, MOST_CELLS, REACH, Outlines, mask_loss
from foveal.tasks.truths import Truths
from foveal.types import Sample

PREPROCESS = Preprocess(size_hw=(64, 96), channels=3, fit="squash", mean=(0.5,) * 3, std=(0.25,) * 3)
TASK = make(("cat", "dog"), Settings(channels=16, masks=True), Decision(score_threshold=0.0))
IMAGE_HW = (128, 144)
TRIANGLE = (20.0, 10.0, 120.0, 40.0, 40.0, 110.0)


def sample(*masks: Polygons | RunLengths | None, size_hw: tuple[int, int] = IMAGE_HW) -> Sample:
    found = tuple(Instance(label=0, box_xyxy=(20, 10, 120, 110), mask=mask) for mask in masks)
    return Sample(id="x", image=FileImage(Path("x.png")), annotation=Objects(found), size_hw=size_hw)


def as_pixels() -> RunLengths:
    return run_lengths(rasterised(Polygons((TRIANGLE,)), IMAGE_HW))


def iou(mask: np.ndarray, other: np.ndarray) -> float:
    return float((mask & other).sum() / (mask | other).sum())


def params_of(settings: AugmentSettings, *, out_size_hw: tuple[int, int] = (64, 96), seed: int = 0) -> AugmentParams:
    draws = Draws(seed, 0, torch.tensor([0]))
    return draw(settings, draws, in_size_hw=(64, 96), out_size_hw=out_size_hw, channels=3)


AUGMENTATIONS = {
    "unmoved": AugmentSettings(),
    "mirrored": AugmentSettings(hflip=1.0),
    "turned": AugmentSettings(rotate_deg=30, scale=(0.6, 0.7)),
    "zoomed": AugmentSettings(scale=(1.5, 1.6), translate=0.1),
    "sheared": AugmentSettings(shear_deg=20, scale=(0.6, 0.6), vflip=1.0),
}


@pytest.mark.parametrize("kind", ["outline", "run lengths"])
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_masks_move_as_augmentation_moves_pixels(name: str, kind: str) -> None:
    """What a box's points learn is what `augment_masks` makes of the mask's pixels, looked at where the points lie."""
    mask = Polygons((TRIANGLE,)) if kind == "outline" else as_pixels()
    truths = targets_of(TASK, [sample(mask)], PREPROCESS)
    params = params_of(AUGMENTATIONS[name], out_size_hw=(96, 128))
    _, moved = TASK.learning.augment(torch.zeros(1, 3, 96, 128), truths, params)
    stored = Polygons((tuple((np.array(TRIANGLE).reshape(-1, 2) * (96 / 144, 64 / 128)).ravel()),))
    pixels = torch.from_numpy(rasterised(stored, (64, 96)))[None]
    expected = augment_masks([pixels], params)[0][0].numpy()
    box = moved.boxes_xyxy[0][0]
    points = to_pixels(box[None], box_grid(LEARNED_SIDE, reach=REACH, device=box.device))[0]
    x, y = points.floor().long().T.numpy()
    inside = (x >= 0) & (x < 128) & (y >= 0) & (y < 96)
    learned = moved.outlines[0].on_box(0, box.tolist())
    assert expected.sum() > 200
    assert iou(learned[inside], expected[y[inside], x[inside]]) > 0.85


def test_masks_go_with_their_boxes() -> None:
    """Of two objects the one that augmentation moves out of the image goes, and the other keeps its own mask."""
    left = Instance(label=0, box_xyxy=(0, 0, 30, 30), mask=Polygons(((0.0, 0.0, 30.0, 0.0, 0.0, 30.0),)))
    right = Instance(label=1, box_xyxy=(60, 70, 90, 100), mask=Polygons(((60.0, 70.0, 90.0, 70.0, 60.0, 100.0),)))
    both = replace(sample(), annotation=Objects((left, right)))
    truths = targets_of(TASK, [both, both], PREPROCESS)
    assert isinstance(truths, Truths)
    draws = Draws(0, 0, torch.tensor([0, 1]))
    settings = AugmentSettings(scale=(3.0, 3.0))
    params = draw(settings, draws, in_size_hw=(64, 96), out_size_hw=(64, 96), channels=3)
    _, moved = TASK.learning.augment(torch.zeros(2, 3, 64, 96), truths, params)
    assert [each.tolist() for each in moved.labels] == [[1], [1]]
    assert [each.masks for each in moved.outlines] == [(right.mask,)] * 2
    assert moved[1:].outlines == moved.outlines[1:]
    assert moved.to(torch.device("cpu")).outlines == moved.outlines


def passing_on(maps: torch.Tensor, cells: int) -> dict[str, torch.Tensor]:
    """What a network gives whose masks are the first shared map above 10: |map| - 10 in every cell."""
    weights = torch.zeros(WEIGHTS)
    weights[0], weights[MAPS + 2] = 1, -1  # two hidden units: the map, and its negative
    first = (MAPS + 2) * HIDDEN
    second = first + HIDDEN
    weights[second], weights[second + HIDDEN + 1] = 1, 1
    third = second + HIDDEN * HIDDEN + HIDDEN
    weights[third], weights[third + 1] = 1, -1
    return {"mask_maps": maps[None], "mask_weights": weights.expand(1, cells, -1)}


def assigned(objects: list[int], box: tuple[float, ...], fits: torch.Tensor | None = None) -> Assigned:
    count = len(objects)
    quality = torch.ones(count) if fits is None else fits
    return Assigned(
        quality=quality[None, :, None],
        boxes_xyxy=torch.tensor(box).expand(1, count, 4),
        has_object=torch.ones(1, count, dtype=torch.bool),
        objects=torch.tensor([objects]),
    )


def test_the_right_masks_cost_little_and_wrong_ones_much() -> None:
    outlines = targets_of(TASK, [sample(Polygons((TRIANGLE,)))], PREPROCESS).outlines
    fine = rasterised(
        Polygons((tuple((np.array(TRIANGLE).reshape(-1, 2) * (96 / 144, 0.5) / STRIDE).ravel()),)), (16, 24)
    )
    maps = torch.zeros(MAPS, 16, 24)
    maps[0] = torch.from_numpy(np.where(fine, 20.0, -20.0))
    box = (20 * 96 / 144, 5.0, 80.0, 55.0)
    right = mask_loss(passing_on(maps, 2), assigned([0, 0], box), outlines).item()
    wrong = mask_loss(passing_on(-maps, 2), assigned([0, 0], box), outlines).item()
    assert 0 < right < 0.2
    assert wrong > 1.8


def test_objects_without_masks_teach_none() -> None:
    maps = torch.zeros(MAPS, 16, 24, requires_grad=True)
    box = (10.0, 5.0, 80.0, 55.0)
    outlines = targets_of(TASK, [sample(None, Polygons((TRIANGLE,)))], PREPROCESS).outlines
    some = mask_loss(passing_on(maps, 3), assigned([0, 1, 0], box), outlines)
    one = mask_loss(passing_on(maps, 1), assigned([0], box), (outlines[0].kept(torch.tensor([False, True])),))
    assert some.item() == one.item() > 0
    nothing = mask_loss(
        passing_on(maps, 2), assigned([0, 0], box), targets_of(TASK, [sample(None)], PREPROCESS).outlines
    )
    assert nothing.item() == 0
    nothing.backward()
    assert maps.grad is not None


def test_no_more_than_so_many_cells_of_an_image_learn_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(Outlines, "on_box", lambda self, row, box: made.append(row) or np.ones(LEARNED_SIDE**2, bool))
    outlines = targets_of(TASK, [sample(*[Polygons((TRIANGLE,))] * 500)], PREPROCESS).outlines
    maps = torch.zeros(MAPS, 16, 24)
    objects = [index % 500 for index in range(1000)]
    fits = torch.linspace(0, 1, 1000)
    mask_loss(passing_on(maps, 1000), assigned(objects, (10.0, 5.0, 80.0, 55.0), fits), outlines)
    assert made == list(range(499, 499 - MOST_CELLS, -1))


def test_an_image_alone_gives_what_it_gives_in_a_batch() -> None:
    torch.manual_seed(0)
    network = TASK.learning.build(build_backbone("resnet18_d", 3)).eval()
    placements = [PREPROCESS.placement(IMAGE_HW), PREPROCESS.placement((40, 30))]
    with torch.inference_mode():
        images = torch.randn(2, 3, 64, 96)
        together = answers_of(TASK, network(images), placements)
        alone = [answers_of(TASK, network(images[row, None]), [placements[row]])[0] for row in (0, 1)]
    for ours, theirs in zip(together, alone, strict=True):
        assert len(ours.labels) == len(theirs.labels) > 0
        first, second = ours.to_json()["objects"][0], theirs.to_json()["objects"][0]
        assert first["label"] == second["label"]
        assert iou(pixels_of(first["mask"]), pixels_of(second["mask"])) > 0.98
