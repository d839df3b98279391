"""What the page shows of a detector and of a segmentation."""

import numpy as np
import pytest
from tests.reporting.test_report import HOSTILE, Page, report, shown

from foveal.metrics.detection import Detections, GroundTruth, detection_metrics
from foveal.metrics.matching import box_areas
from foveal.metrics.segmentation import count_pixels, segmentation_metrics
from foveal.reporting.cutouts import Cutout, Mistakes
from foveal.reporting.places import Example, Examples
from foveal.reporting.report import Report, render
from foveal.reporting.tasks import detect, segment
from foveal.reporting.words import decimal

CLASSES = ("cat", "dog", "owl")


def example(words: str) -> Example:
    image = shown("", "", shape=(60, 80, 3)).image
    return Example(ground_truth=image, predicted=image, words=words, path="test/1.jpg")


EXAMPLES = Examples(worst=[example("0.1 right")], random=[example("0.5 right")], best=[example("0.9 right")])


def evaluation(task: str, measured: dict, classes: tuple[str, ...]) -> dict:
    return {
        "task": task,
        "n": 6,
        "split": "test",
        "classes": list(classes),
        "metrics": measured.pop("overall"),
        **measured,
    }


def detector(classes: tuple[str, ...] = CLASSES, *, missed: int = 30) -> Report:
    """Half of the objects found, each third of them by another class, and an invention an image."""
    rng = np.random.default_rng(0)
    found, truth = [], []
    for _ in range(6):
        corners = np.arange(8)[:, None] * np.array([[100.0, 0]])
        boxes = np.concatenate([corners, corners + rng.integers(10, 99, (8, 1))], axis=1)
        labels, none = rng.integers(0, len(classes), 8), np.zeros(8, bool)
        truth.append(GroundTruth(boxes_xyxy=boxes, labels=labels, areas=box_areas(boxes), crowd=none, ignored=none))
        predicted = np.append(np.where(np.arange(5) % 3 > 1, (labels[:5] + 1) % len(classes), labels[:5]), 0)
        told = np.concatenate([boxes[:5], [[0, 500, 50, 550]]])
        found.append(Detections(boxes_xyxy=told, scores=rng.random(6), labels=predicted))
    measured = detection_metrics(found, truth, classes=classes, score=0.25, resamples=10).to_json()
    cut = Cutout(image=shown("", "", shape=(80, 80, 3)).image, words=classes[0], score=None, path="test/1.jpg")
    kinds = {
        "missed": Mistakes(shown=[cut] * min(missed, 24), total=missed),
        "invented": Mistakes(shown=[cut], total=1),
        "confused": Mistakes(shown=[], total=0),
    }
    return report(
        evaluation=evaluation("detect", measured, classes),
        gallery=detect.Gallery(examples=EXAMPLES, cutouts=kinds),
    )


def segmentation(classes: tuple[str, ...] = CLASSES) -> Report:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, len(classes), (6, 30, 40)).astype(np.uint8)
    predicted = np.where(rng.random(truth.shape) < 0.4, rng.integers(0, len(classes), truth.shape), truth).astype(
        np.uint8
    )
    predicted[truth == 0] = 0  # the first class is always right
    counts = [
        count_pixels(*pair, num_classes=len(classes), ignore_index=255) for pair in zip(predicted, truth, strict=True)
    ]
    measured = segmentation_metrics(counts, classes=classes, resamples=10).to_json()
    return report(
        classes, evaluation=evaluation("segment", measured, classes), gallery=segment.Gallery(examples=EXAMPLES)
    )


def test_a_detectors_sections() -> None:
    record = detector()
    page = Page(render(record))
    own = ["curves", "precision-recall", "classes", "confusion", "mistakes", "examples", "filters"]
    assert [each for each in page.ids if each in own] == own
    metrics = record.evaluation["metrics"]
    assert f"{metrics['precision']['value']:.3f} ({metrics['precision']['low']:.3f}" in page.words
    assert "score threshold, 0.25" in page.words
    assert page.count("polyline", "class-2") == 1
    assert page.count("circle", "ring") >= 1
    assert "Missed (false negatives): 24 of 30" in page.words
    assert "False positives: 1" in page.words
    assert "Confused with another class: none" in page.words
    assert page.words.index("The worst") < page.words.index("At random") < page.words.index("The best")
    for size, figures in record.evaluation["recall_by_size"].items():
        assert f"{size}up to" in page.words or size == "large"
        assert decimal(figures["recall"]) in page.words


def test_a_detectors_confusion_has_a_background() -> None:
    record = detector()
    words = Page(render(record)).words
    missed = sum(row[-1] for row in record.evaluation["confusion"])
    assert missed > 0
    assert words.count("background") >= 3
    assert "background → cat" in words
    assert "cat → background" in words


@pytest.mark.parametrize("count", [1, 6, 7, 40])
def test_curves_of_any_number_of_classes(count: int) -> None:
    page = Page(render(detector(tuple(f"class {index}" for index in range(count)))))
    assert page.count("polyline", "class-0") == (1 if 1 < count <= 6 else 0)
    assert ("mean of the classes" in page.words) == (count > 1)
    assert ("each class" in page.words) == (count > 6)
    assert page.count("img", "heat") == (1 if count > 30 else 0)


def test_a_segmentations_sections() -> None:
    record = segmentation()
    page = Page(render(record))
    own = ["curves", "classes", "confusion", "examples", "filters"]
    assert [each for each in page.ids if each in own] == own
    row = record.evaluation["confusion"][1]
    assert f"{row[0] / sum(row):.2f}" in page.words  # a share, not a count
    assert f"{row[0]:,}" not in page.words
    assert "IoU, 0 to 1" in page.words
    swatches = [each["style"] for tag, each in page.tags if tag == "span" and "--of-class" in (each.get("style") or "")]
    assert swatches == ["--of-class:#000000", "--of-class:#800000", "--of-class:#008000"]


def test_hostile_text_stays_text() -> None:
    for record in (detector((HOSTILE, "dog", "owl")), segmentation((HOSTILE, "dog", "owl"))):
        page = Page(render(record))
        assert page.count("script") == 0
        assert HOSTILE in page.words


def test_nothing_there_and_nothing_found() -> None:
    nothing = Detections(boxes_xyxy=np.zeros((0, 4)), scores=np.zeros(0), labels=np.zeros(0, int))
    none = np.zeros(0, bool)
    empty = GroundTruth(
        boxes_xyxy=np.zeros((0, 4)), labels=np.zeros(0, int), areas=np.zeros(0), crowd=none, ignored=none
    )
    measured = detection_metrics([nothing], [empty], classes=CLASSES, score=0.25).to_json()
    kinds = dict.fromkeys(("missed", "invented", "confused"), Mistakes(shown=[], total=0))
    page = Page(
        render(
            report(
                CLASSES,
                evaluation=evaluation("detect", measured, CLASSES),
                gallery=detect.Gallery(examples=EXAMPLES, cutouts=kinds),
            )
        )
    )
    assert "Missed (false negatives): none" in page.words
    assert "None: no object was confused with another class." in page.words
    assert "nan" not in page.words
