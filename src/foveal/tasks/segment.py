"""Semantic segmentation: the class of every pixel. Legend: B batch, K classes, (h, w) what the network reads.

Networks in `networks/decoders.py`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from foveal.annotations import PixelClasses
from foveal.answers.segment import Decision, label_maps
from foveal.augment.mosaic import mosaic_pixels
from foveal.augment.pipeline import AugmentParams, augment_label_maps
from foveal.device import sent
from foveal.errors import UsageError
from foveal.feed.store import Store
from foveal.images.label_map import VOID, read_label_map
from foveal.losses.segmentation import PIXEL_LOSSES
from foveal.metrics.segmentation import ImageCounts, SegmentationMetrics, count_pixels, segmentation_metrics
from foveal.networks.decoders import DECODERS, segmenter
from foveal.preprocess import Placement
from foveal.tasks.task import Judging, Learning, Outputs, Room, Task
from foveal.types import Sample

QUICK_RESAMPLES = 100
"""For the standard error of a held-out figure."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be chosen; saved in the model file."""

    decoder: str = "unet"
    """A key of `DECODERS`."""
    channels: int | None = None
    """Of the decoder's coarsest maps; None: half of the backbone's coarsest, at most 256."""
    loss: str = "cross_entropy"
    """A key of `PIXEL_LOSSES`."""
    class_weights: tuple[float, ...] | None = None
    """What a pixel of each class counts in the loss, above 0."""
    void: int = VOID
    """The index of pixels that belong to no class, beside 255, which never does."""

    def __post_init__(self) -> None:
        if self.decoder not in DECODERS:
            raise UsageError(f"--decoder {self.decoder}: expected one of {', '.join(DECODERS)}")
        if self.loss not in PIXEL_LOSSES:
            raise UsageError(f"--loss {self.loss}: expected one of {', '.join(PIXEL_LOSSES)}")


@dataclass(frozen=True, slots=True)
class LabelMaps:
    """The targets of a batch."""

    labels: Tensor
    """(B, h, w) uint8 in the frame of what the network reads."""
    samples: tuple[Sample, ...]
    placements: tuple[Placement, ...]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(self.labels[rows], self.samples[rows], self.placements[rows])

    def to(self, device: torch.device) -> Self:
        return type(self)(sent(self.labels, device), self.samples, self.placements)


def make(classes: tuple[str, ...], settings: Settings, decision: Decision) -> Task:
    """The segmentation task for these classes."""
    weights = None if settings.class_weights is None else torch.tensor(settings.class_weights)
    loss = partial(PIXEL_LOSSES[settings.loss], ignore_index=VOID, class_weights=weights)
    learning = Learning(
        augment=_augment,
        build=lambda backbone: _build(len(classes), settings, backbone),
        loss=lambda outputs, targets: {"loss": loss(outputs["logits"], targets.labels.long())},
        item_weights=partial(_item_weights, torch.ones(len(classes)) if weights is None else weights),
        step_metrics=_step_metrics,
        step_metric_names=("pixel_accuracy",),
    )
    judging = Judging(
        validation_record=partial(_validation_record, len(classes)),
        validation_metrics=partial(_validation_metrics, classes),
        evaluation_record=partial(_evaluation_record, len(classes), settings.void),
        evaluation_metrics=partial(_evaluation_metrics, classes),
        decide=None,
        primary="mIoU",
        higher_is_better=True,
    )
    return Task(
        name="segment",
        classes=classes,
        settings=asdict(settings),
        decision=decision,
        encode=partial(_encode, settings.void),
        learning=learning,
        judging=judging,
    )


def _encode(void: int, store: Store, indices: Tensor) -> LabelMaps:
    assert store.label_maps is not None
    labels = store.label_maps(indices)
    samples = store.samples_at(indices)
    placements = tuple(store.placement(sample) for sample in samples)
    return LabelMaps(labels.masked_fill_(labels == void, VOID), samples, placements)


def _augment(images: Tensor, targets: LabelMaps, params: AugmentParams) -> tuple[Tensor, LabelMaps]:
    if params.mixing is not None:
        raise UsageError("mixup and cutmix blend images, which label maps can't follow")
    moved = augment_label_maps(targets.labels, params, void=VOID)
    if params.mosaic is not None:
        images, moved = mosaic_pixels(images, params.mosaic), mosaic_pixels(moved, params.mosaic)
    return images, LabelMaps(moved, targets.samples, targets.placements)


def _build(num_classes: int, settings: Settings, backbone: nn.Module) -> nn.Module:
    return segmenter(backbone, num_classes, decoder=settings.decoder, channels=settings.channels)  # type: ignore[arg-type]


def _item_weights(class_weights: Tensor, targets: LabelMaps) -> Tensor:
    """(B,): what the losses over pixels divide by is their sum; void counts nothing."""
    by_index = class_weights.new_zeros(VOID + 1)
    by_index[: len(class_weights)] = class_weights
    return by_index.to(targets.labels.device)[targets.labels.long()].sum(dim=(1, 2))


def _step_metrics(outputs: Outputs, targets: LabelMaps) -> dict[str, Tensor]:
    """Per item (B,): the share of its pixels, but void, that are right."""
    valid = targets.labels != VOID
    right = (outputs["logits"].argmax(dim=1) == targets.labels) & valid
    return {"pixel_accuracy": right.sum(dim=(1, 2)).float() / valid.sum(dim=(1, 2)).clamp(min=1)}


def _highest(scores: Tensor) -> np.ndarray:
    """The class of the highest score at each pixel, the first of equal ones: (K, h, w) -> (h, w) uint8.

    As `foveal.ops.bilinear.highest`, on the device.
    """
    classes = enumerate(scores)
    best = next(classes)[1].clone()
    labels = torch.zeros(best.shape, dtype=torch.uint8, device=best.device)
    for index, mine in classes:
        higher = (mine > best).view(torch.uint8).mul_(index)  # above all labels so far, or 0
        torch.maximum(labels, higher, out=labels)
        torch.maximum(best, mine, out=best)
    found: np.ndarray = labels.cpu().numpy()
    return found


def _validation_record(num_classes: int, outputs: Outputs, targets: LabelMaps) -> list[ImageCounts]:
    """In the frame of the network's input, and without borders: much cheaper, and about the same."""
    return [
        count_pixels(_highest(logits), labels, num_classes=num_classes, ignore_index=VOID, borders=False)
        for logits, labels in zip(outputs["logits"], targets.labels.cpu().numpy(), strict=True)
    ]


def _evaluation_record(num_classes: int, void: int, outputs: Outputs, targets: LabelMaps) -> list[ImageCounts]:
    predicted = label_maps({"logits": outputs["logits"].numpy()}, targets.placements)
    return [
        count_pixels(ours, _truth(sample, void), num_classes=num_classes, ignore_index=VOID)
        for ours, sample in zip(predicted, targets.samples, strict=True)
    ]


def _truth(sample: Sample, void: int) -> np.ndarray:
    """A sample's label map (H, W) with every void pixel 255."""
    labels = read_label_map(sample.known(PixelClasses).label_map)
    return np.where(labels == void, np.uint8(VOID), labels)


def _validation_metrics(
    classes: tuple[str, ...], records: Sequence[list[ImageCounts]]
) -> tuple[dict[str, float], float]:
    overall = segmentation_metrics(_all(records), classes=classes, resamples=QUICK_RESAMPLES).overall
    values = {name: overall[name].value for name in ("mIoU", "pixel_accuracy")}
    return {name: 0.0 if np.isnan(value) else value for name, value in values.items()}, overall["mIoU"].standard_error


def _evaluation_metrics(classes: tuple[str, ...], records: Sequence[list[ImageCounts]]) -> SegmentationMetrics:
    return segmentation_metrics(_all(records), classes=classes)


def _all(records: Sequence[list[ImageCounts]]) -> list[ImageCounts]:
    return [each for record in records for each in record]


ROOM = Room(settings=Settings, make=make)
