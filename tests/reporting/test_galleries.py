"""Which images and mistakes the report shows."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveal.images.sources import ArrayImage, FileImage
from foveal.metrics.detection import Detections, GroundTruth
from foveal.metrics.matching import box_areas
from foveal.metrics.outcomes import outcomes
from foveal.reporting.galleries.detect import _Image, _shown_detections, _shown_objects
from foveal.reporting.galleries.evaluated import whole_image
from foveal.reporting.galleries.examples import examples_of
from foveal.reporting.overlays import CUT, cut_out
from foveal.reporting.places import Example
from foveal.types import Sample

CLASSES = ("cat", "dog")


def numbered(index: int) -> Example:
    return Example(ground_truth=np.zeros((1, 1, 3)), predicted=np.zeros((1, 1, 3)), words=str(index), path="")


@pytest.mark.parametrize("count", [0, 1, 4, 5, 9, 40])
def test_both_ends_and_some_between(count: int) -> None:
    found = examples_of(range(count), numbered)
    worst, best, random = ([int(each.words) for each in part] for part in (found.worst, found.best, found.random))
    assert worst == list(range(min(4, count)))
    assert best == list(range(count))[::-1][: min(4, max(0, count - 4))]
    assert len(random) == min(4, max(0, count - 8))
    assert len({*worst, *best, *random}) == len(worst) + len(best) + len(random)
    if count == 40:
        assert random != sorted(random)
        assert random == [int(each.words) for each in examples_of(range(count), numbered).random]


def image_of(found: Detections, truth: GroundTruth) -> _Image:
    sample = Sample(id="x", image=ArrayImage(lambda: np.zeros((1, 120, 200, 4), np.uint8), 0, "x"))
    return _Image(sample, found, truth, outcomes(found, truth, score=0.25))


def test_the_largest_false_negatives_and_the_surest_detections_come_first() -> None:
    """Of a cat (found), a small dog (its box has 0.2), a large dog (nothing there) and a cat confused with a dog."""
    boxes = np.array([[0, 0, 20, 20], [40, 0, 50, 10], [100, 0, 160, 60], [0, 60, 40, 100.0]])
    none = np.zeros(4, bool)
    truth = GroundTruth(
        boxes_xyxy=boxes, labels=np.array([0, 1, 1, 0]), areas=box_areas(boxes), crowd=none, ignored=none
    )
    predicted = np.concatenate([boxes[[0, 1, 3]], [[170, 90, 200, 120], [60, 90, 90, 120], [0, 0, 9, 9]]])
    found = Detections(
        boxes_xyxy=predicted, scores=np.array([0.9, 0.2, 0.8, 0.3, 0.7, 0.1]), labels=np.array([0, 1, 1, 0, 1, 0])
    )
    image = image_of(found, truth)
    false_negatives = _shown_objects([image], CLASSES, 0.25)
    assert [(each.words, each.score) for each in false_negatives.shown] == [("dog", None), ("dog", 0.2)]
    false_positives = _shown_detections([image], [image.false_positives], CLASSES)
    assert [(each.words, each.score) for each in false_positives.shown] == [("dog", 0.7), ("cat", 0.3)]
    confused = _shown_detections([image], [image.confused], CLASSES)
    assert [(each.words, each.score) for each in confused.shown] == [("cat → dog", 0.8)]
    assert image.mistakes == false_negatives.total + false_positives.total + confused.total == 5


def test_a_cut_out_shows_the_box_with_its_surroundings() -> None:
    """The box is black on grey; in the picture its middle is black, and the corner is grey."""
    pixels = np.full((90, 140, 1), 128, np.uint8)
    pixels[40:60, 70:110] = 0
    cut = cut_out(pixels, np.array([70.0, 40, 110, 60]), 0)
    assert cut.dtype == np.uint8
    assert max(cut.shape[:2]) == CUT
    assert cut.shape[1] > cut.shape[0]
    assert cut[cut.shape[0] // 2, cut.shape[1] // 2].tolist() == [0, 0, 0]
    assert cut[2, 2].tolist() == [128, 128, 128]
    for box in ([0.0, 0, 140, 90], [139, 89, 140, 90], [0, 0, 0, 0]):  # the whole image, its last pixel, no area
        assert max(cut_out(pixels, np.array(box), 300).shape) == CUT


def test_whole_images_can_be_drawn_on(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((5, 7, 3), np.uint8)).save(tmp_path / "x.png")
    assert whole_image(Sample(id="x", image=FileImage(tmp_path / "x.png"))).shape == (5, 7, 3)
    many = ArrayImage(lambda: np.zeros((2, 5, 7, 6), np.uint8), 1, "x")
    assert whole_image(Sample(id="x", image=many)).shape == (5, 7, 1)
