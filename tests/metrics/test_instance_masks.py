"""Average precision of masks against pycocotools, to the last digits."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from foveal.annotations import Objects, RunLengths
from foveal.metrics.detection import Detections, GroundTruth, detection_metrics
from foveal.metrics.instance_masks import mask_metrics, with_mask_figures
from foveal.ops.masks import areas, as_run_lengths, rasterised, run_lengths, to_json
from foveal.read.dataset import read_dataset

NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def reference(found: list[Detections], truth: list[GroundTruth], num_classes: int) -> np.ndarray:
    """The twelve numbers of pycocotools for "segm"; -1 where there is none."""
    annotations = [
        {
            "image_id": image,
            "category_id": int(label),
            "segmentation": to_json(mask),
            "bbox": [0, 0, 1, 1],
            "area": float(area),
            "iscrowd": int(crowd),
        }
        for image, each in enumerate(truth)
        for mask, label, area, crowd in zip(each.masks or (), each.labels, each.areas, each.crowd, strict=True)
        if mask is not None
    ]
    detections = [
        {"image_id": image, "category_id": int(label), "segmentation": to_json(mask), "score": float(score)}
        for image, each in enumerate(found)
        for mask, label, score in zip(each.masks or (), each.labels, each.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [
                {"id": image, "height": each.masks[0].size_hw[0], "width": each.masks[0].size_hw[1]}
                for image, each in enumerate(found)
                if each.masks
            ],
            "annotations": [{"id": number, **each} for number, each in enumerate(annotations, start=1)],
            "categories": [{"id": label} for label in range(num_classes)],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(detections), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    stats: np.ndarray = evaluation.stats
    return stats


def assert_equal_to_reference(found: list[Detections], truth: list[GroundTruth], num_classes: int) -> None:
    metrics = mask_metrics(found, truth, classes=[str(label) for label in range(num_classes)], resamples=0)
    assert list(metrics.overall) == NAMES
    ours = np.nan_to_num([each.value for each in metrics.overall.values()], nan=-1)
    np.testing.assert_allclose(ours, reference(found, truth, num_classes), atol=1e-9)


def boxes_around(masks: list[np.ndarray]) -> np.ndarray:
    boxes = np.zeros((len(masks), 4))
    for box, mask in zip(boxes, masks, strict=True):
        y, x = np.nonzero(mask)
        if len(y):
            box[:] = x.min(), y.min(), x.max() + 1, y.max() + 1
    return boxes


def blob(rng: np.random.Generator, size_hw: tuple[int, int]) -> np.ndarray:
    """An ellipse somewhere, from a few pixels to most of the image."""
    height, width = size_hw
    y, x = np.mgrid[:height, :width]
    half_y, half_x = rng.uniform(2, height / 2), rng.uniform(2, width / 2)
    ellipse: np.ndarray = ((y - rng.uniform(0, height)) / half_y) ** 2 + ((x - rng.uniform(0, width)) / half_x) ** 2 < 1
    return ellipse


def noisy(truth: list[GroundTruth], sizes: list[tuple[int, int]], num_classes: int, seed: int) -> list[Detections]:
    """Most masks, shifted and frayed; more that are not there; scores with ties."""
    rng = np.random.default_rng(seed)
    made = []
    for each, size in zip(truth, sizes, strict=True):
        masks, labels = [], []
        for mask, label in zip(each.masks or (), each.labels, strict=True):
            if mask is not None and rng.random() < 0.8:
                shift = (int(rng.integers(-3, 4)), int(rng.integers(-3, 4)))
                masks.append(np.roll(rasterised(mask, size), shift, (0, 1)) & (rng.random(size) < rng.uniform(0.6, 1)))
                labels.append(int(label))
        for _ in range(rng.integers(1, 30)):
            masks.append(blob(rng, size))
            labels.append(int(rng.integers(0, num_classes)))
        made.append(
            Detections(
                boxes_xyxy=boxes_around(masks),
                scores=rng.random(len(masks)).round(2),
                labels=np.array(labels, int),
                masks=tuple(run_lengths(mask) for mask in masks),
            )
        )
    return made


def truth_of(
    masks: list[RunLengths], labels: np.ndarray, given: np.ndarray, crowd: np.ndarray, size: tuple
) -> GroundTruth:
    boxes = boxes_around([rasterised(mask, size) for mask in masks])
    return GroundTruth(boxes_xyxy=boxes, labels=labels, areas=given, crowd=crowd, ignored=crowd, masks=tuple(masks))


@pytest.mark.parametrize("seed", range(8))
def test_random_masks_with_crowds_as_pycocotools(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_classes = int(rng.integers(1, 4))
    truth, sizes = [], []
    for _ in range(rng.integers(1, 5)):
        size = (int(rng.integers(60, 130)), int(rng.integers(60, 130)))
        masks = [run_lengths(blob(rng, size)) for _ in range(rng.integers(0, 12))]
        count = len(masks)
        given = areas(masks) * rng.random(count)
        truth.append(truth_of(masks, rng.integers(0, num_classes, count), given, rng.random(count) < 0.2, size))
        sizes.append(size)
    assert_equal_to_reference(noisy(truth, sizes, num_classes, seed), truth, num_classes)


def test_real_masks_as_pycocotools(real_data: Callable[[str], Path]) -> None:
    dataset = read_dataset(real_data("tinycoco"))
    truth, sizes = [], []
    for sample in dataset.samples:
        assert sample.size_hw is not None
        found = sample.known(Objects).instances
        masks = [as_run_lengths(each.mask, sample.size_hw) for each in found if each.mask is not None]
        labels, given = np.array([each.label for each in found], int), np.array([each.area for each in found], float)
        crowd = np.array([each.crowd for each in found], bool)
        truth.append(truth_of(masks, labels, given, crowd, sample.size_hw))
        sizes.append(sample.size_hw)
    assert any(each.crowd.any() for each in truth)
    assert_equal_to_reference(noisy(truth, sizes, len(dataset.classes), 0), truth, len(dataset.classes))


def test_boxes_and_masks_stand_side_by_side() -> None:
    """One object whose box is right and whose mask is half of what it should be, and one that nobody drew."""
    whole, half = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    whole[:20, :20], half[:20, :12] = True, True
    none = np.zeros(2, bool)
    truth = GroundTruth(
        boxes_xyxy=np.array([[0.0, 0, 20, 20], [24, 24, 40, 40]]),
        labels=np.zeros(2, int),
        areas=np.array([400.0, 256]),
        crowd=none,
        ignored=none,
        masks=(run_lengths(whole), None),
    )
    found = Detections(
        boxes_xyxy=truth.boxes_xyxy,
        scores=np.array([0.8, 0.9]),
        labels=np.zeros(2, int),
        masks=(run_lengths(half), run_lengths(~whole)),
    )
    boxes = detection_metrics([found], [truth], classes=["thing"])
    both = with_mask_figures(boxes, [found], [truth], classes=["thing"])
    assert list(both.overall) == [*NAMES, *(f"mask_{name}" for name in NAMES)]
    assert both.overall["AP"].value == pytest.approx(1)
    assert both.overall["mask_AP50"].value == pytest.approx(1)  # of one object; the other is no error
    assert both.overall["mask_AP75"].value == 0
    assert both.overall["mask_AP"].value == pytest.approx(0.3)  # 0.5, 0.55 and 0.6 of ten
    assert both.per_class["thing"]["mask_AP"] == pytest.approx(0.3)
    assert both.per_class["thing"]["AP50"] == pytest.approx(1)
    undrawn = replace(truth, masks=(None, None))
    assert np.isnan(mask_metrics([found], [undrawn], classes=["thing"]).overall["AP"].value)
