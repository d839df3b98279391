"""Detection: where the objects of each class are. Legend: B batch, M objects, N points, K classes.

A single-stage, anchor-free detector: its network in `networks/detector.py`, what its points learn in
`losses/assignment.py`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from foveal.answers.detect import CANDIDATES, Decision, detections
from foveal.losses.assignment import assign
from foveal.losses.detection import box_loss, distribution_loss, quality_loss
from foveal.metrics.detection import DetectionMetrics, Detections, GroundTruth, detection_metrics
from foveal.metrics.instance_masks import with_mask_figures
from foveal.metrics.operating_point import best_score
from foveal.networks.detector import Detector, InstanceDetector
from foveal.networks.detector_head import expected_distances
from foveal.ops.boxes import from_distances, to_distances
from foveal.ops.suppression import suppress
from foveal.tasks.instance_masks import mask_loss, with_drawn_masks
from foveal.tasks.task import Judging, Learning, Outputs, Room, Task
from foveal.tasks.truths import Truths, augment_truths, encode_truths, in_spared, padded, truth_of

BOX_WEIGHT, DISTRIBUTION_WEIGHT = 2.0, 0.5
PAIRS = 40_000
"""Of candidates that suppression compares at once: more leave the cache, and take longer each."""
QUICK_RESAMPLES = 40
"""For the standard error of a held-out figure."""

Record = list[tuple[Detections, GroundTruth]]
"""Of each image of a batch what was found and what is there, in pixels of the image."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be chosen; saved in the model file."""

    channels: int | None = None
    """Of the pyramid's maps; None: as many as the backbone's finest of them, 64 to 256."""
    masks: bool = False
    """Each object has a mask beside its box."""


def make(classes: tuple[str, ...], settings: Settings, decision: Decision) -> Task:
    """The detection task for these classes."""
    learning = Learning(
        augment=augment_truths,
        build=partial(_build, len(classes), settings),
        loss=_loss,
        item_weights=None,
        step_metrics=lambda outputs, targets: {},
        step_metric_names=(),
    )
    judging = Judging(
        validation_record=partial(_validation_record, decision),
        validation_metrics=partial(_validation_metrics, classes),
        evaluation_record=partial(_evaluation_record, decision),
        evaluation_metrics=partial(_evaluation_metrics, classes, decision),
        decide=partial(_decide, decision),
        primary="AP",
        higher_is_better=True,
    )
    return Task(
        name="detect",
        classes=classes,
        settings=asdict(settings),
        decision=decision,
        encode=encode_truths,
        learning=learning,
        judging=judging,
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
        "class": quality_loss(logits, found.quality, ignored=spared) / total,
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


def _validation_record(decision: Decision, outputs: Outputs, truths: Truths) -> Record:
    """By boxes alone: masks come from the same cells, and cost more to judge. On the device, a batch at once."""
    logits, classes = outputs["logits"].float().flatten(1), outputs["logits"].shape[2]
    best, order = logits.topk(min(CANDIDATES, logits.shape[1]), dim=1)
    at, labels = order // classes, order % classes  # (B, candidates)
    rows = torch.arange(len(at), device=at.device)[:, None]
    distances = expected_distances(outputs["distances"][rows, at]) * outputs["strides"][at][..., None]
    boxes = from_distances(outputs["points"][at], distances)
    together = max(1, PAIRS // max(1, at.shape[1] ** 2))
    parts = zip(boxes.split(together), labels.split(together), strict=True)
    kept = torch.cat([suppress(*part, threshold=decision.nms_iou) for part in parts])
    kept &= kept.cumsum(dim=1) <= decision.max_detections
    given = [each.cpu().numpy() for each in (boxes.double(), best.sigmoid().double(), labels, kept)]
    made = []
    for placement, sample, box, score, label, keep in zip(truths.placements, truths.samples, *given, strict=True):
        found = Detections(boxes_xyxy=placement.to_image(box[keep]), scores=score[keep], labels=label[keep])
        made.append((found, truth_of(sample)))
    return made


def _evaluation_record(decision: Decision, outputs: Outputs, truths: Truths) -> Record:
    arrays = {name: each.numpy() for name, each in outputs.items()}
    found = detections(arrays, truths.placements, decision)
    truth_and_masks = (
        with_drawn_masks(truth_of(sample), sample) if ours.masks is not None else truth_of(sample)
        for ours, sample in zip(found, truths.samples, strict=True)
    )
    return list(zip(found, truth_and_masks, strict=True))


def _validation_metrics(classes: tuple[str, ...], records: Sequence[Record]) -> tuple[dict[str, float], float]:
    overall = detection_metrics(*_apart(records), classes=classes, resamples=QUICK_RESAMPLES).overall
    values = {name: overall[name].value for name in ("AP", "AP50")}
    return {name: 0.0 if np.isnan(value) else value for name, value in values.items()}, overall["AP"].standard_error


def _evaluation_metrics(classes: tuple[str, ...], decision: Decision, records: Sequence[Record]) -> DetectionMetrics:
    found, truth = _apart(records)
    metrics = detection_metrics(found, truth, classes=classes, score=decision.score_threshold)
    masks = found[0].masks is not None
    return with_mask_figures(metrics, found, truth, classes=classes) if masks else metrics


def _decide(decision: Decision, records: Sequence[Record]) -> Decision:
    """With the score threshold of the best F1."""
    score = best_score(*_apart(records), otherwise=decision.score_threshold)
    return replace(decision, score_threshold=round(score, 4))


def _apart(records: Sequence[Record]) -> tuple[list[Detections], list[GroundTruth]]:
    """What was found and what is there, image by image."""
    pairs = [pair for record in records for pair in record]
    return [found for found, _ in pairs], [truth for _, truth in pairs]


ROOM = Room(settings=Settings, make=make)
