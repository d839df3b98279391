"""The report's pictures of a detector: images with their objects and what was told, and each mistake cut out.

D detections told and G objects of an image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foveal.metrics.matching import Found, Truth, box_iou
from foveal.metrics.outcomes import IOU, NOTHING, Outcomes, outcomes
from foveal.reporting.cutouts import Cutout, Mistakes
from foveal.reporting.galleries.evaluated import MOST_SHOWN, Evaluated, whole_image
from foveal.reporting.galleries.examples import examples_of
from foveal.reporting.overlays import cut_out, draw_objects
from foveal.reporting.places import Example
from foveal.reporting.tasks.detect import Gallery
from foveal.types import Sample


def gallery(evaluated: Evaluated) -> Gallery:
    """Images with what is there and what was told, by their mistakes; and each mistake."""
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
            "missed": _missed(images, classes, score),
            "invented": _told(images, [each.invented for each in images], classes),
            "confused": _told(images, [each.confused for each in images], classes),
        },
    )


@dataclass(frozen=True, slots=True)
class _Image:
    sample: Sample
    found: Found
    truth: Truth
    judged: Outcomes

    @property
    def missed(self) -> np.ndarray:
        """(G,) bool: objects that nothing took."""
        return (self.judged.detection_of == NOTHING) & ~self.truth.ignored

    @property
    def invented(self) -> np.ndarray:
        """(D,) bool: detections that took nothing."""
        return (self.judged.object_of == NOTHING) & ~self.judged.spared

    @property
    def confused(self) -> np.ndarray:
        """(D,) bool: detections that took an object of another class."""
        took = self.judged.object_of != NOTHING
        took[took] = self.judged.told.labels[took] != self.truth.labels[self.judged.object_of[took]]
        return took

    @property
    def mistakes(self) -> int:
        return int(self.missed.sum() + self.invented.sum() + self.confused.sum())


def _example(image: _Image, classes: Sequence[str]) -> Example:
    pixels, told, truth = whole_image(image.sample), image.judged.told, image.truth
    words = [f"{classes[label]} {score:.2f}" for label, score in zip(told.labels, told.scores, strict=True)]
    counts = {"missed": image.missed, "invented": image.invented, "taken for another class": image.confused}
    parts = [f"{number} {what}" for what, each in counts.items() if (number := int(each.sum()))]
    there = [classes[label] for label in truth.labels]
    return Example(
        truth=draw_objects(pixels, truth.boxes_xyxy, truth.labels.tolist(), there, truth.masks),
        found=draw_objects(pixels, told.boxes_xyxy, told.labels.tolist(), words, told.masks),
        words=f"{len(truth.labels)} objects, {', '.join(parts) or 'no mistake'}",
        path=image.sample.image.name,
    )


def _missed(images: Sequence[_Image], classes: Sequence[str], threshold: float) -> Mistakes:
    """The largest first."""
    missed = [(image, row) for image in images for row in np.flatnonzero(image.missed).tolist()]
    missed.sort(key=lambda each: -each[0].truth.areas[each[1]])
    shown = []
    for image, row in missed[:MOST_SHOWN]:
        box, label = image.truth.boxes_xyxy[row], int(image.truth.labels[row])
        score = _below(image.found, box, label, threshold)
        shown.append(_cutout(image.sample, box, label, classes[label], score))
    return Mistakes(shown=shown, total=len(missed))


def _below(found: Found, box_xyxy: np.ndarray, label: int, threshold: float) -> float | None:
    """The highest score that a box of the class on this one got without being told."""
    on_it = (found.labels == label) & (found.scores < threshold)
    on_it[on_it] = box_iou(found.boxes_xyxy[on_it], box_xyxy[None])[:, 0] >= IOU
    return float(found.scores[on_it].max()) if on_it.any() else None


def _told(images: Sequence[_Image], which: Sequence[np.ndarray], classes: Sequence[str]) -> Mistakes:
    """Those of the detections, (D,) bool for each image, the most confident first."""
    told = [(image, row) for image, each in zip(images, which, strict=True) for row in np.flatnonzero(each).tolist()]
    told.sort(key=lambda each: -each[0].judged.told.scores[each[1]])
    shown = []
    for image, row in told[:MOST_SHOWN]:
        label, took = int(image.judged.told.labels[row]), int(image.judged.object_of[row])
        words = classes[label] if took == NOTHING else f"{classes[image.truth.labels[took]]} → {classes[label]}"
        box, score = image.judged.told.boxes_xyxy[row], float(image.judged.told.scores[row])
        shown.append(_cutout(image.sample, box, label, words, score))
    return Mistakes(shown=shown, total=len(told))


def _cutout(sample: Sample, box_xyxy: np.ndarray, label: int, words: str, score: float | None) -> Cutout:
    image = cut_out(whole_image(sample), box_xyxy, label)
    return Cutout(image=image, words=words, score=score, path=sample.image.name)
