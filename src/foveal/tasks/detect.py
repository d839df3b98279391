"""Detection: where the objects of each class are. Legend: B batch, M objects, N points, K classes.

A single-stage, anchor-free detector: its network in `networks/detector.py`, what its points learn in
`losses/assignment.py`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from foveal.augment.mosaic import mosaic_boxes, mosaic_pixels
from foveal.augment.pipeline import AugmentParams, augment_boxes
from foveal.errors import UsageError
from foveal.feed.store import Store
from foveal.losses.assignment import Objects, assign
from foveal.losses.detection import box_loss, distribution_loss, quality_loss
from foveal.metrics.detection import DetectionMetrics, Found, Truth, detection_metrics
from foveal.metrics.instance_masks import with_mask_figures
from foveal.metrics.matching import box_areas, together
from foveal.networks.detector import Detector, InstanceDetector
from foveal.networks.detector_head import expected_distances
from foveal.ops.boxes import from_distances, to_distances
from foveal.ops.suppression import suppress, suppress_tiles
from foveal.preprocess import Placement
from foveal.tasks.instance_masks import (
    Outlines,
    in_whole_image,
    in_words,
    mask_loss,
    outlines_of,
    with_drawn_masks,
    with_masks,
    without_masks,
)
from foveal.tasks.task import Outputs, Parts, Task
from foveal.types import Sample

BOX_WEIGHT, DISTRIBUTION_WEIGHT = 2.0, 0.5
CANDIDATES = 1000
"""Scores of an image, a class at a point each, that suppression chooses from."""
LEAST_LEFT = 0.3
"""Share of an object that augmentation has to leave for it to be learned; of a lesser rest nothing is asked."""
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
    """Score, 0 to 1, from which a prediction is told."""
    masks: bool = False
    """Each object has a mask beside its box."""

    def __post_init__(self) -> None:
        for name in ("overlap", "score"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} {getattr(self, name)}: expected 0 to 1")


@dataclass(frozen=True, slots=True)
class Truths:
    """The targets of a batch."""

    boxes_xyxy: tuple[Tensor, ...]
    """Of each image (M, 4), in pixels of what the network reads."""
    labels: tuple[Tensor, ...]
    spared: tuple[Tensor, ...]
    """(M,) bool: crowds, and what augmentation left too little of: points in them learn nothing."""
    outlines: tuple[Outlines, ...]
    """Of each image its objects' masks, as far as somebody drew them."""
    samples: tuple[Sample, ...]
    placements: tuple[Placement, ...]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(*(getattr(self, name)[rows] for name in self.__slots__))

    def to(self, device: torch.device) -> Self:
        boxes, labels, spared = (
            tuple(each.to(device) for each in part) for part in (self.boxes_xyxy, self.labels, self.spared)
        )
        return type(self)(boxes, labels, spared, self.outlines, self.samples, self.placements)


def make(classes: tuple[str, ...], settings: Settings) -> Task:
    """The detection task for these classes."""
    return Task(
        name="detect",
        classes=classes,
        settings=asdict(settings),
        encode=_encode,
        augment=_augment,
        build=partial(_build, len(classes), settings),
        loss=_loss,
        weigh=None,
        quick=lambda outputs, targets: {},
        figures=(),
        glance=partial(_glance, settings),
        assess=partial(_assess, classes),
        record=partial(_record, settings),
        measure=partial(_measure, classes, settings),
        decode=partial(_decode, classes, settings),
        merge=None,
        join=partial(_join, classes, settings),
        primary="AP",
        higher_is_better=True,
    )


def _encode(store: Store, indices: Tensor) -> Truths:
    boxes, labels, spared, outlines, placements = [], [], [], [], []
    samples = store.samples_at(indices)
    for sample in samples:
        assert sample.instances is not None
        placements.append(store.placement(sample))
        placed = placements[-1].to_input(_boxes_of(sample))
        boxes.append(torch.from_numpy(placed).float())
        labels.append(torch.tensor([each.label for each in sample.instances], dtype=torch.long))
        spared.append(torch.tensor([each.crowd for each in sample.instances], dtype=torch.bool))
        outlines.append(outlines_of(sample, placements[-1]))
    return Truths(tuple(boxes), tuple(labels), tuple(spared), tuple(outlines), samples, tuple(placements))


def _augment(images: Tensor, truths: Truths, params: AugmentParams) -> tuple[Tensor, Truths]:
    if params.mixing is not None:
        raise UsageError("mixup and cutmix blend images, which boxes can't follow")
    boxes, left = augment_boxes(truths.boxes_xyxy, params)
    labels, spared, outlines = truths.labels, truths.spared, truths.outlines
    if params.mosaic is not None:
        images = mosaic_pixels(images, params.mosaic)
        boxes, shares, origins = mosaic_boxes(boxes, params.mosaic, size_hw=params.geometry.out_size_hw)
        left = [share * torch.cat(left)[origin] for share, origin in zip(shares, origins, strict=True)]
        labels, spared = (tuple(torch.cat(each)[origin] for origin in origins) for each in (labels, spared))
        outlines = tuple(without_masks(len(origin)) for origin in origins)  # the recipe has refused both together
    kept = [share > 0 for share in left]
    return images, Truths(
        tuple(each[some] for each, some in zip(boxes, kept, strict=True)),
        tuple(each[some] for each, some in zip(labels, kept, strict=True)),
        tuple((each | (share < LEAST_LEFT))[some] for each, share, some in zip(spared, left, kept, strict=True)),
        tuple(
            each.kept(some).moved(matrix)
            for each, some, matrix in zip(outlines, kept, params.geometry.matrices, strict=True)
        ),
        truths.samples,
        truths.placements,
    )


def _build(num_classes: int, settings: Settings, backbone: nn.Module) -> nn.Module:
    kind = InstanceDetector if settings.masks else Detector
    return kind(backbone, num_classes, channels=settings.channels)  # type: ignore[arg-type]


def _loss(outputs: Outputs, truths: Truths) -> dict[str, Tensor]:
    """Terms over the sum of the qualities, so that an image counts by its objects."""
    logits, points, strides = outputs["logits"].float(), outputs["points"], outputs["strides"]
    boxes = _boxes(outputs)
    found = assign(logits.sigmoid().detach(), boxes.detach(), points, strides, _padded(truths, boxes.device))
    taken = found.has_object
    fits = found.quality.sum(dim=2)[taken]
    total = fits.sum().clamp(min=1)
    theirs = found.boxes_xyxy[taken]
    batch = len(logits)
    spared = _in_spared(truths, points) & ~taken
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


def _padded(truths: Truths, device: torch.device) -> Objects:
    """The objects to be learned."""
    taken = [~spared for spared in truths.spared]
    boxes = [each[some] for each, some in zip(truths.boxes_xyxy, taken, strict=True)]
    labels = [each[some] for each, some in zip(truths.labels, taken, strict=True)]
    most = max(1, max(map(len, labels)))
    padded = Objects(
        torch.zeros(len(boxes), most, 4, device=device),
        torch.zeros(len(boxes), most, dtype=torch.long, device=device),
        torch.zeros(len(boxes), most, dtype=torch.bool, device=device),
    )
    for row, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        padded.boxes_xyxy[row, : len(label)] = box
        padded.labels[row, : len(label)] = label
        padded.valid[row, : len(label)] = True
    return padded


def _in_spared(truths: Truths, points_xy: Tensor) -> Tensor:
    """(B, N) bool: points in a box that is neither to be found nor wrong to be found."""
    inside = torch.zeros(len(truths), len(points_xy), dtype=torch.bool, device=points_xy.device)
    for row, (boxes, spared) in enumerate(zip(truths.boxes_xyxy, truths.spared, strict=True)):
        for box in boxes[spared]:
            inside[row] |= ((points_xy > box[:2]) & (points_xy < box[2:])).all(dim=1)
    return inside


def _found(outputs: Outputs, placements: Sequence[Placement], settings: Settings, *, least: float = 0.0) -> list[Found]:
    """The detections of each image from the score `least` on, best first, in pixels of the image.

    What scores less than another never removes it, so leaving it out before suppression changes nothing else; and boxes
    are made of the points that are left alone.
    """
    points, strides = outputs["points"], outputs["strides"]
    made = []
    for row, placement in enumerate(placements):
        logits, classes = outputs["logits"][row].float().flatten(), outputs["logits"].shape[2]
        likely = (logits >= _logit(least)).nonzero()[:, 0]
        best, order = logits[likely].topk(min(CANDIDATES, len(likely)))
        at, labels = likely[order] // classes, likely[order] % classes
        distances = expected_distances(outputs["distances"][row, at]) * strides[at, None]
        candidates, scores = from_distances(points[at], distances), best.sigmoid()
        kept = suppress(candidates, scores, labels, threshold=settings.overlap)[: settings.most]
        made.append(
            Found(
                boxes_xyxy=placement.to_image(candidates[kept].double().cpu().numpy()),
                scores=scores[kept].double().cpu().numpy(),
                labels=labels[kept].cpu().numpy(),
                cells=at[kept].cpu().numpy(),
            )
        )
    return made


def _logit(score: float) -> float:
    """The inverse of the sigmoid, for 0 to 1."""
    return torch.tensor(score).logit().item()


def _glance(settings: Settings, outputs: Outputs, truths: Truths) -> Judged:
    """By boxes alone: masks come from the same cells, and cost more to judge."""
    found = _found(outputs, truths.placements, settings)
    return [(each, _truth(sample)) for each, sample in zip(found, truths.samples, strict=True)]


def _record(settings: Settings, outputs: Outputs, truths: Truths) -> Judged:
    if not settings.masks:
        return _glance(settings, outputs, truths)
    found = with_masks(outputs, _found(outputs, truths.placements, settings), truths.placements)
    return [
        (each, with_drawn_masks(_truth(sample), sample)) for each, sample in zip(found, truths.samples, strict=True)
    ]


def _truth(sample: Sample) -> Truth:
    boxes, instances = _boxes_of(sample), sample.instances or ()
    areas = box_areas(boxes)
    crowd = np.array([each.crowd for each in instances], bool)
    return Truth(
        boxes_xyxy=boxes,
        labels=np.array([each.label for each in instances], int),
        areas=np.array([own if each.area is None else each.area for each, own in zip(instances, areas, strict=True)]),
        crowd=crowd,
        ignored=crowd | np.array([each.difficult for each in instances], bool),
    )


def _boxes_of(sample: Sample) -> np.ndarray:
    return np.array([each.box_xyxy for each in sample.instances or ()], np.float64).reshape(-1, 4)


def _assess(classes: tuple[str, ...], records: Sequence[Judged]) -> tuple[dict[str, float], float]:
    overall = detection_metrics(*_apart(records), classes=classes, resamples=QUICK_RESAMPLES).overall
    values = {name: overall[name].value for name in ("AP", "AP50")}
    return {name: 0.0 if np.isnan(value) else value for name, value in values.items()}, overall["AP"].standard_error


def _measure(classes: tuple[str, ...], settings: Settings, records: Sequence[Judged]) -> DetectionMetrics:
    found, truth = _apart(records)
    metrics = detection_metrics(found, truth, classes=classes, score=settings.score)
    return with_mask_figures(metrics, found, truth, classes=classes) if settings.masks else metrics


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
