"""The report's pictures of a detector: images with ground truth and predictions, and each mistake cut out.

D detections and G objects of an image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foveal.metrics.matching import Detections, GroundTruth, box_iou
from foveal.metrics.outcomes import IOU, UNMATCHED, Outcomes, outcomes
from foveal.reporting.cutouts import Cutout, Mistakes
from foveal.reporting.galleries.evaluated import MOST_SHOWN, Evaluated, whole_image
from foveal.reporting.galleries.examples import examples_of
from foveal.reporting.overlays import cut_out, draw_objects
from foveal.reporting.places import Example
from foveal.reporting.tasks.detect import Gallery
from foveal.types import Sample


def gallery(evaluated: Evaluated) -> Gallery:
    """Images with ground truth and predictions, by their mistakes; and each mistake."""
    classes, score = evaluated.task.classes, evaluated.task.decision.score_threshold
    pairs = [pair for record in evaluated.evaluation.records for pair in record]
    images = [
        _Image(sample, found, truth, outcomes(found, truth, score=score))
        for sample, (found, truth) in zip(evaluated.store.samples, pairs, strict=True)
    ]
    order = sorted(range(len(images)), key=lambda index: (-images[index].mistakes, len(images[index].truth.labels)))
    return Gallery(
        examples=examples_of(order, lambda index: _example(images[index], classes)),
        cutouts={
            "missed": _shown_objects(images, classes, score),
            "invented": _shown_detections(images, [each.false_positives for each in images], classes),
            "confused": _shown_detections(images, [each.confused for each in images], classes),
        },
    )


@dataclass(frozen=True, slots=True)
class _Image:
    sample: Sample
    found: Detections
    truth: GroundTruth
    outcomes: Outcomes

    @property
    def false_negatives(self) -> np.ndarray:
        """(G,) bool: unmatched objects."""
        return (self.outcomes.detection_of == UNMATCHED) & ~self.truth.ignored

    @property
    def false_positives(self) -> np.ndarray:
        """(D,) bool: unmatched detections."""
        return (self.outcomes.object_of == UNMATCHED) & ~self.outcomes.ignored

    @property
    def confused(self) -> np.ndarray:
        """(D,) bool: detections matched to an object of another class."""
        matched = self.outcomes.object_of != UNMATCHED
        matched[matched] = (
            self.outcomes.detections.labels[matched] != self.truth.labels[self.outcomes.object_of[matched]]
        )
        return matched

    @property
    def mistakes(self) -> int:
        return int(self.false_negatives.sum() + self.false_positives.sum() + self.confused.sum())


def _example(image: _Image, classes: Sequence[str]) -> Example:
    pixels, detections, truth = whole_image(image.sample), image.outcomes.detections, image.truth
    words = [f"{classes[label]} {score:.2f}" for label, score in zip(detections.labels, detections.scores, strict=True)]
    counts = {
        "missed": image.false_negatives,
        "false positives": image.false_positives,
        "confused with another class": image.confused,
    }
    parts = [f"{number} {what}" for what, each in counts.items() if (number := int(each.sum()))]
    there = [classes[label] for label in truth.labels]
    return Example(
        ground_truth=draw_objects(pixels, truth.boxes_xyxy, truth.labels.tolist(), there, truth.masks),
        predicted=draw_objects(pixels, detections.boxes_xyxy, detections.labels.tolist(), words, detections.masks),
        words=f"{len(truth.labels)} objects, {', '.join(parts) or 'no mistake'}",
        path=image.sample.image.name,
    )


def _shown_objects(images: Sequence[_Image], classes: Sequence[str], threshold: float) -> Mistakes:
    """The largest first."""
    missed = [(image, row) for image in images for row in np.flatnonzero(image.false_negatives).tolist()]
    missed.sort(key=lambda each: -each[0].truth.areas[each[1]])
    shown = []
    for image, row in missed[:MOST_SHOWN]:
        box, label = image.truth.boxes_xyxy[row], int(image.truth.labels[row])
        score = _below(image.found, box, label, threshold)
        shown.append(_cutout(image.sample, box, label, classes[label], score))
    return Mistakes(shown=shown, total=len(missed))


def _below(found: Detections, box_xyxy: np.ndarray, label: int, threshold: float) -> float | None:
    """The highest score below the threshold of a box of the class on this one."""
    on_it = (found.labels == label) & (found.scores < threshold)
    on_it[on_it] = box_iou(found.boxes_xyxy[on_it], box_xyxy[None])[:, 0] >= IOU
    return float(found.scores[on_it].max()) if on_it.any() else None


def _shown_detections(images: Sequence[_Image], which: Sequence[np.ndarray], classes: Sequence[str]) -> Mistakes:
    """Those of the detections, (D,) bool for each image, the most confident first."""
    detections = [
        (image, row) for image, each in zip(images, which, strict=True) for row in np.flatnonzero(each).tolist()
    ]
    detections.sort(key=lambda each: -each[0].outcomes.detections.scores[each[1]])
    shown = []
    for image, row in detections[:MOST_SHOWN]:
        label, matched = int(image.outcomes.detections.labels[row]), int(image.outcomes.object_of[row])
        words = classes[label] if matched == UNMATCHED else f"{classes[image.truth.labels[matched]]} → {classes[label]}"
        box, score = image.outcomes.detections.boxes_xyxy[row], float(image.outcomes.detections.scores[row])
        shown.append(_cutout(image.sample, box, label, words, score))
    return Mistakes(shown=shown, total=len(detections))


def _cutout(sample: Sample, box_xyxy: np.ndarray, label: int, words: str, score: float | None) -> Cutout:
    image = cut_out(whole_image(sample), box_xyxy, label)
    return Cutout(image=image, words=words, score=score, path=sample.image.name)
