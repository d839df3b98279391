"""Detection: where the objects of each class are. Legend: B batch, M objects, N points, K classes.

A single-stage, anchor-free detector: its network in `networks/detector.py`, what its points learn in
`losses/assignment.py`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from foveal.errors import UsageError
from foveal.losses.assignment import assign
from foveal.losses.detection import box_loss, distribution_loss, quality_loss
from foveal.metrics.detection import DetectionMetrics, Found, Truth, detection_metrics
from foveal.metrics.instance_masks import with_mask_figures
from foveal.metrics.matching import together
from foveal.metrics.operating_point import best_score
from foveal.networks.detector import Detector, InstanceDetector
from foveal.networks.detector_head import expected_distances
from foveal.ops.boxes import from_distances, to_distances
from foveal.ops.suppression import suppress, suppress_tiles
from foveal.preprocess import Placement
from foveal.tasks.instance_masks import (
    in_whole_image,
    in_words,
    mask_loss,
    with_drawn_masks,
    with_masks,
)
from foveal.tasks.task import Outputs, Parts, Task
from foveal.tasks.truths import Truths, augment_truths, encode_truths, in_spared, padded, truth_of

BOX_WEIGHT, DISTRIBUTION_WEIGHT = 2.0, 0.5
CANDIDATES = 1000
"""Scores of an image, a class at a point each, that suppression chooses from."""
PAIRS = 40_000
"""Of candidates that suppression compares at once: more leave the cache, and take longer each."""
QUICK_RESAMPLES = 40
"""For the standard error of a held-out figure."""

Judged = list[tuple[Found, Truth]]
"""Of each image of a batch what was found and what is there, in pixels of the image."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be chosen; saved in the model file."""

    channels: int | None = None
    """Of the pyramid's maps; None: as many as the backbone's finest of them, 64 to 256."""
    overlap: float = 0.6
    """IoU, 0 to 1, above which of two boxes of a class the lesser goes."""
    most: int = 300
    """Objects of an image that are told."""
    score: float = 0.25
    """Score, 0 to 1, from which a prediction is told; after training that of the best F1 on held-out images."""
    masks: bool = False
    """Each object has a mask beside its box."""

    def __post_init__(self) -> None:
        for name in ("overlap", "score"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} {getattr(self, name)}: expected 0 to 1")


def make(classes: tuple[str, ...], settings: Settings) -> Task:
    """The detection task for these classes."""
    return Task(
        name="detect",
        classes=classes,
        settings=asdict(settings),
        encode=encode_truths,
        augment=augment_truths,
        build=partial(_build, len(classes), settings),
        loss=_loss,
        weigh=None,
        quick=lambda outputs, targets: {},
        figures=(),
        glance=partial(_glance, settings),
        assess=partial(_assess, classes),
        record=partial(_record, settings),
        measure=partial(_measure, classes, settings),
        tune=partial(_tune, settings),
        decode=partial(_decode, classes, settings),
        merge=None,
        join=partial(_join, classes, settings),
        primary="AP",
        higher_is_better=True,
    )


def _build(num_classes: int, settings: Settings, backbone: nn.Module) -> nn.Module:
    kind = InstanceDetector if settings.masks else Detector
    return kind(backbone, num_classes, channels=settings.channels)  # type: ignore[arg-type]


def _loss(outputs: Outputs, truths: Truths) -> dict[str, Tensor]:
    """Terms over the sum of the qualities, so that an image counts by its objects."""
    logits, points, strides = outputs["logits"].float(), outputs["points"], outputs["strides"]
    boxes = _boxes(outputs)
    found = assign(logits.sigmoid().detach(), boxes.detach(), points, strides, padded(truths, boxes.device))
    taken = found.has_object
    fits = found.quality.sum(dim=2)[taken]
    total = fits.sum().clamp(min=1)
    theirs = found.boxes_xyxy[taken]
    batch = len(logits)
    spared = in_spared(truths, points) & ~taken
    distances = to_distances(points.expand(batch, -1, 2)[taken], theirs) / strides.expand(batch, -1)[taken][:, None]
    terms = {
        "class": quality_loss(logits, found.quality, spared=spared) / total,
        "box": BOX_WEIGHT * box_loss(boxes[taken], theirs, fits) / total,
        "distance": DISTRIBUTION_WEIGHT * distribution_loss(outputs["distances"][taken], distances, fits) / total,
    }
    if "mask_maps" in outputs:
        learned = [each.kept(~some) for each, some in zip(truths.outlines, truths.spared, strict=True)]
        terms["mask"] = mask_loss(outputs, found, learned)
    return terms


def _boxes(outputs: Outputs) -> Tensor:
    """(B, N, 4) in pixels of what the network reads."""
    return from_distances(outputs["points"], expected_distances(outputs["distances"]) * outputs["strides"][:, None])


def _found(outputs: Outputs, placements: Sequence[Placement], settings: Settings, *, least: float = 0.0) -> list[Found]:
    """The detections of each image from the score `least` on, best first, in pixels of the image.

    What scores less than another never removes it, so leaving it out before suppression changes nothing else; and boxes
    are made of the points that are left alone.
    """
    logits, classes = outputs["logits"].float().flatten(1), outputs["logits"].shape[2]
    likely = (logits >= _logit(least)).sum(dim=1)
    best, order = logits.topk(min(CANDIDATES, int(likely.max())), dim=1)
    at, labels = order // classes, order % classes  # (B, candidates)
    rows = torch.arange(len(at), device=at.device)[:, None]
    distances = expected_distances(outputs["distances"][rows, at]) * outputs["strides"][at][..., None]
    boxes = from_distances(outputs["points"][at], distances)
    together = max(1, PAIRS // max(1, at.shape[1] ** 2))
    parts = zip(boxes.split(together), labels.split(together), strict=True)
    kept = torch.cat([suppress(*part, threshold=settings.overlap) for part in parts])
    kept &= (best >= _logit(least)) & (kept.cumsum(dim=1) <= settings.most)
    told = [each.cpu().numpy() for each in (boxes.double(), best.sigmoid().double(), labels, at, kept)]
    made = []
    for placement, box, score, label, cell, keep in zip(placements, *told, strict=True):
        found = Found(boxes_xyxy=box, scores=score, labels=label, cells=cell).some(keep)
        made.append(replace(found, boxes_xyxy=placement.to_image(found.boxes_xyxy)))
    return made


def _logit(score: float) -> float:
    """The inverse of the sigmoid, for 0 to 1."""
    return torch.tensor(score).logit().item()


def _glance(settings: Settings, outputs: Outputs, truths: Truths) -> Judged:
    """By boxes alone: masks come from the same cells, and cost more to judge."""
    found = _found(outputs, truths.placements, settings)
    return [(each, truth_of(sample)) for each, sample in zip(found, truths.samples, strict=True)]


def _record(settings: Settings, outputs: Outputs, truths: Truths) -> Judged:
    if not settings.masks:
        return _glance(settings, outputs, truths)
    found = with_masks(outputs, _found(outputs, truths.placements, settings), truths.placements)
    return [
        (each, with_drawn_masks(truth_of(sample), sample)) for each, sample in zip(found, truths.samples, strict=True)
    ]


def _assess(classes: tuple[str, ...], records: Sequence[Judged]) -> tuple[dict[str, float], float]:
    overall = detection_metrics(*_apart(records), classes=classes, resamples=QUICK_RESAMPLES).overall
    values = {name: overall[name].value for name in ("AP", "AP50")}
    return {name: 0.0 if np.isnan(value) else value for name, value in values.items()}, overall["AP"].standard_error


def _measure(classes: tuple[str, ...], settings: Settings, records: Sequence[Judged]) -> DetectionMetrics:
    found, truth = _apart(records)
    metrics = detection_metrics(found, truth, classes=classes, score=settings.score)
    return with_mask_figures(metrics, found, truth, classes=classes) if settings.masks else metrics


def _tune(settings: Settings, records: Sequence[Judged]) -> dict[str, Any]:
    """The score from which predictions are told: that of the best F1."""
    return {"score": round(best_score(*_apart(records), otherwise=settings.score), 4)}


def _apart(records: Sequence[Judged]) -> tuple[list[Found], list[Truth]]:
    """What was found and what is there, image by image."""
    pairs = [pair for record in records for pair in record]
    return [found for found, _ in pairs], [truth for _, truth in pairs]


def _decode(
    classes: tuple[str, ...], settings: Settings, outputs: Outputs, placements: Sequence[Placement]
) -> list[dict[str, Any]]:
    return [_told(each, classes) for each in _above_score(outputs, placements, settings)]


def _join(classes: tuple[str, ...], settings: Settings, parts: Parts, image_hw: tuple[int, int]) -> dict[str, Any]:
    """As of a whole image, but that each of its tiles may have `settings.most` objects."""
    made, tiles = [], []
    for outputs, placements in parts:
        for found, placement in zip(_above_score(outputs, placements, settings), placements, strict=True):
            (x, y), (height, width) = placement.corner_xy, placement.image_hw
            tiles.append(np.tile([x, y, x + width, y + height], (len(found.labels), 1)))
            made.append(in_whole_image(found, placement.corner_xy, image_hw))
    found = together(made)
    given = (found.boxes_xyxy, found.scores, found.labels, np.concatenate(tiles).astype(np.float64))
    kept = suppress_tiles(*map(torch.from_numpy, given), image_hw=image_hw, threshold=settings.overlap)
    return _told(found.some(kept.numpy()), classes)


def _above_score(outputs: Outputs, placements: Sequence[Placement], settings: Settings) -> list[Found]:
    """What is told of each image, with masks where they were learned."""
    found = _found(outputs, placements, settings, least=settings.score)
    return with_masks(outputs, found, placements) if settings.masks else found


def _told(found: Found, classes: tuple[str, ...]) -> dict[str, Any]:
    """Objects in plain values. In an image of a few pixels boxes become equal or empty: told once, or not at all."""
    objects: dict[tuple[float, ...], dict[str, Any]] = {}
    rows = zip(
        found.labels.tolist(), found.scores.tolist(), found.boxes_xyxy.round(2).tolist(), in_words(found), strict=True
    )
    for label, score, box, mask in rows:
        if box[2] > box[0] and box[3] > box[1]:
            objects.setdefault((label, *box), {"label": classes[label], "score": score, "box": box, **mask})
    return {"objects": list(objects.values())}
