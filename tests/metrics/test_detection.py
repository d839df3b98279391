"""Average precision against pycocotools, to the last digits, and against figures that others published."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from foveal.annotations import Objects
from foveal.metrics.detection import Detections, GroundTruth, detection_metrics
from foveal.metrics.matching import box_areas, box_iou
from foveal.metrics.voc import voc_average_precision
from foveal.read.dataset import read_dataset
from foveal.types import Dataset

NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def reference(found: list[Detections], truth: list[GroundTruth], num_classes: int) -> np.ndarray:
    """The twelve numbers of pycocotools; -1 where there is none."""
    annotations = []
    for image, each in enumerate(truth):
        rows = zip(each.boxes_xyxy, each.labels, each.areas, each.crowd, strict=True)
        for (x1, y1, x2, y2), label, area, crowd in rows:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(label),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": float(area),
                    "iscrowd": int(crowd),
                }
            )
    detections = [
        {
            "image_id": image,
            "category_id": int(label),
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": float(score),
        }
        for image, each in enumerate(found)
        for (x1, y1, x2, y2), label, score in zip(each.boxes_xyxy, each.labels, each.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": image} for image in range(len(truth))],
            "annotations": annotations,
            "categories": [{"id": label} for label in range(num_classes)],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(detections), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    stats: np.ndarray = evaluation.stats
    return stats


def assert_equal_to_reference(found: list[Detections], truth: list[GroundTruth], num_classes: int) -> None:
    metrics = detection_metrics(found, truth, classes=[str(label) for label in range(num_classes)], resamples=0)
    assert list(metrics.overall) == NAMES
    ours = np.nan_to_num([each.value for each in metrics.overall.values()], nan=-1)
    np.testing.assert_allclose(ours, reference(found, truth, num_classes), atol=1e-9)


def truth_of(dataset: Dataset) -> list[GroundTruth]:
    made = []
    for sample in dataset.samples:
        instances = sample.known(Objects).instances
        boxes = np.array([each.box_xyxy for each in instances], float).reshape(-1, 4)
        areas = [own if each.area is None else each.area for each, own in zip(instances, box_areas(boxes), strict=True)]
        crowd = np.array([each.crowd for each in instances], bool)
        labels = np.array([each.label for each in instances], int)
        made.append(GroundTruth(boxes_xyxy=boxes, labels=labels, areas=np.array(areas), crowd=crowd, ignored=crowd))
    return made


def noisy(truth: list[GroundTruth], num_classes: int, seed: int, *, side: float = 640) -> list[Detections]:
    """Most objects, moved; more that are not there; scores with ties."""
    rng = np.random.default_rng(seed)
    made = []
    for each in truth:
        kept = rng.random(len(each.labels)) < 0.8
        moved = (each.boxes_xyxy + rng.normal(0, 6, each.boxes_xyxy.shape))[kept]
        more = rng.random((rng.integers(1, 150), 4)) * side
        boxes = np.concatenate([moved, more])
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        labels = np.concatenate([each.labels[kept], rng.integers(0, num_classes, len(more))])
        made.append(Detections(boxes_xyxy=boxes, scores=rng.random(len(boxes)).round(2), labels=labels))
    return made


@pytest.mark.parametrize("seed", range(12))
def test_random_boxes_as_pycocotools(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_classes = int(rng.integers(1, 4))
    truth = []
    for _ in range(rng.integers(1, 7)):
        count = rng.integers(0, 30)
        corners = rng.random((count, 2)) * 200
        boxes = np.concatenate([corners, corners + rng.random((count, 2)) * 130], axis=1)
        crowd = rng.random(count) < 0.15
        areas = box_areas(boxes) * rng.random(count)
        labels = rng.integers(0, num_classes, count)
        truth.append(GroundTruth(boxes_xyxy=boxes, labels=labels, areas=areas, crowd=crowd, ignored=crowd))
    assert_equal_to_reference(noisy(truth, num_classes, seed, side=200), truth, num_classes)


@pytest.mark.parametrize("name", ["bccd", "tinycoco"])
def test_real_boxes_as_pycocotools(real_data: Callable[[str], Path], name: str) -> None:
    dataset = read_dataset(real_data(name))
    truth = truth_of(dataset)
    assert_equal_to_reference(noisy(truth, len(dataset.classes), 0), truth, len(dataset.classes))


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, float).reshape(-1, 4)


def truths(*rows: tuple[float, float, float, float], labels: list[int] | None = None) -> GroundTruth:
    found = boxes(*rows)
    none = np.zeros(len(found), bool)
    return GroundTruth(
        boxes_xyxy=found,
        labels=np.array([0] * len(found) if labels is None else labels, int),
        areas=box_areas(found),
        crowd=none,
        ignored=none,
    )


def test_by_hand() -> None:
    """One object found at IoU 0.8, one missed, one false positive with the highest score."""
    truth = truths((0, 0, 10, 10), (50, 50, 60, 60))
    found = Detections(
        boxes_xyxy=boxes((0, 0, 10, 8), (20, 20, 30, 30)), scores=np.array([0.5, 0.9]), labels=np.array([0, 0])
    )
    metrics = detection_metrics([found], [truth], classes=["thing", "absent"])
    assert metrics.overall["AP50"].value == pytest.approx(0.5 * 51 / 101)
    assert metrics.overall["AP"].value == pytest.approx(0.5 * 51 / 101 * 7 / 10)  # 0.5, 0.55, … 0.8
    assert metrics.overall["AR100"].value == pytest.approx(0.5 * 7 / 10)
    assert metrics.overall["AR1"].value == 0
    assert np.isnan(metrics.overall["APl"].value)
    assert metrics.per_class["thing"]["objects"] == 2
    assert metrics.to_json()["per_class"]["absent"]["AP"] is None
    assert metrics.overall["AP50"].low == metrics.overall["AP50"].high == metrics.overall["AP50"].value


def test_intervals_hold_the_value_and_narrow_with_more_images() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for count in (10, 160):
        truth = [truths(*[(x, x, x + 40, x + 40) for x in rng.random(4) * 600]) for _ in range(count)]
        found = noisy(truth, 1, 1)
        interval = detection_metrics(found, truth, classes=["thing"]).overall["AP50"]
        assert interval.low <= interval.value <= interval.high
        widths.append(interval.high - interval.low)
    assert widths[1] < 0.5 * widths[0]


def test_nothing_found_and_nothing_there() -> None:
    nothing = Detections(boxes_xyxy=boxes(), scores=np.zeros(0), labels=np.zeros(0, int))
    there = detection_metrics([nothing], [truths((0, 0, 9, 9))], classes=["thing"])
    assert there.overall["AP"].value == there.overall["AR100"].value == 0
    absent = detection_metrics([nothing], [truths()], classes=["thing"])
    assert all(np.isnan(each.value) for each in absent.overall.values())


def test_the_iou_of_touching_and_empty_boxes_is_nothing() -> None:
    found = box_iou(boxes((0, 0, 2, 2), (5, 5, 5, 5)), boxes((2, 0, 4, 2), (1, 0, 3, 2), (5, 5, 5, 5)))
    np.testing.assert_allclose(found, [[0, 1 / 3, 0], [0, 0, 0]])


def test_published_figures_of_pascal_vocs_average_precision(real_data: Callable[[str], Path]) -> None:
    """The worked example of github.com/rafaelpadilla/Object-Detection-Metrics; boxes have their last pixels within."""
    folder = real_data("ap-oracle")
    found, truth = [], []
    for file in sorted((folder / "groundtruths").glob("*.txt")):
        sizes = [[float(word) for word in line.split()[1:]] for line in file.read_text().splitlines()]
        truth.append(truths(*[(x, y, x + w + 1, y + h + 1) for x, y, w, h in sizes]))
        rows = np.array([line.split()[1:] for line in (folder / "detections" / file.name).read_text().splitlines()])
        scores, x, y, w, h = rows.astype(float).T
        corners = np.stack([x, y, x + w + 1, y + h + 1], axis=1)
        found.append(Detections(boxes_xyxy=corners, scores=scores, labels=np.zeros(len(scores), int)))
    every = voc_average_precision(found, truth, 0, threshold=0.3)
    eleven = voc_average_precision(found, truth, 0, threshold=0.3, points=11)
    assert (every, eleven) == pytest.approx((0.2456, 0.2684), abs=1e-4)
    assert np.isnan(voc_average_precision(found, truth, 1))
