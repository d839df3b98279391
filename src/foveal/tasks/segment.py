"""Semantic segmentation: the class of every pixel. Legend: B batch, K classes, (h, w) what the network reads.

Networks in `networks/decoders.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveal.annotations import PixelClasses
from foveal.augment.mosaic import mosaic_pixels
from foveal.augment.pipeline import AugmentParams, augment_label_maps
from foveal.device import sent
from foveal.errors import UsageError
from foveal.feed.store import Store
from foveal.images.label_map import VOID, read_label_map
from foveal.losses.segmentation import PIXEL_LOSSES
from foveal.metrics.segmentation import Judged, SegmentationMetrics, judge, segmentation_metrics
from foveal.networks.decoders import DECODERS, segmenter
from foveal.preprocess import Placement
from foveal.tasks.task import Outputs, Parts, Task
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


def make(classes: tuple[str, ...], settings: Settings) -> Task:
    """The segmentation task for these classes."""
    weights = None if settings.class_weights is None else torch.tensor(settings.class_weights)
    loss = partial(PIXEL_LOSSES[settings.loss], void=VOID, class_weights=weights)
    return Task(
        name="segment",
        classes=classes,
        settings=asdict(settings),
        encode=partial(_encode, settings.void),
        augment=_augment,
        build=lambda backbone: _build(len(classes), settings, backbone),
        loss=lambda outputs, targets: {"loss": loss(outputs["logits"], targets.labels.long())},
        weigh=partial(_weigh, torch.ones(len(classes)) if weights is None else weights),
        quick=_quick,
        figures=("pixel_accuracy",),
        glance=partial(_glance, len(classes)),
        assess=partial(_assess, classes),
        record=partial(_record, len(classes), settings.void),
        measure=partial(_measure, classes),
        tune=None,
        decode=partial(_decode, classes),
        merge=None,
        join=partial(_join, classes),
        primary="mIoU",
        higher_is_better=True,
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


def _weigh(class_weights: Tensor, targets: LabelMaps) -> Tensor:
    """(B,): what the losses over pixels divide by is their sum; void counts nothing."""
    by_index = class_weights.new_zeros(VOID + 1)
    by_index[: len(class_weights)] = class_weights
    return by_index.to(targets.labels.device)[targets.labels.long()].sum(dim=(1, 2))


def _quick(outputs: Outputs, targets: LabelMaps) -> dict[str, Tensor]:
    """Per item (B,): the share of its pixels, but void, that are right."""
    valid = targets.labels != VOID
    right = (outputs["logits"].argmax(dim=1) == targets.labels) & valid
    return {"pixel_accuracy": right.sum(dim=(1, 2)).float() / valid.sum(dim=(1, 2)).clamp(min=1)}


def _said(outputs: Outputs, placements: Sequence[Placement]) -> list[np.ndarray]:
    """The class of every pixel of each image, (H, W) uint8, at the image's own size."""
    return [_labels(logits, placement) for logits, placement in zip(outputs["logits"], placements, strict=True)]


def _labels(logits: Tensor, placement: Placement) -> np.ndarray:
    """(K, h, w) -> (H, W) uint8; one class at a time is held at the image's size, which may be large."""
    return _highest(_of_image(each[None], placement)[0] for each in logits)


def _of_image(logits: Tensor, placement: Placement) -> Tensor:
    """(K, h, w) -> (K, H, W): bilinear at the centre of each of the image's pixels."""
    (height, width), (x, y) = placement.image_hw, placement.offset_xy  # whole pixels, as are the image's sides there
    rows = torch.arange(round(placement.scale_xy[1] * height)) + round(y)
    columns = torch.arange(round(placement.scale_xy[0] * width)) + round(x)
    if min(x, y) < 0:  # its margins were cut off, and are as what is beside them
        shown = logits[:, rows.clamp(0, logits.shape[1] - 1)][:, :, columns.clamp(0, logits.shape[2] - 1)]
    else:
        shown = logits[:, int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
    return F.interpolate(shown.float()[None], size=(height, width), mode="bilinear", align_corners=False)[0]


def _highest(scores: Iterable[Tensor]) -> np.ndarray:
    """The class of the highest score at each pixel, the first of equal ones: K times (H, W) -> (H, W) uint8.

    Class by class, so that pixels beside each other in memory are compared at once, and without a branch for each:
    `argmax` over the first dimension takes many times as long.
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


def _glance(num_classes: int, outputs: Outputs, targets: LabelMaps) -> list[Judged]:
    """Judged in the frame of what the network reads, and without borders: much cheaper, and about the same."""
    return [
        judge(_highest(logits), labels, num_classes=num_classes, void=VOID, borders=False)
        for logits, labels in zip(outputs["logits"], targets.labels.cpu().numpy(), strict=True)
    ]


def _record(num_classes: int, void: int, outputs: Outputs, targets: LabelMaps) -> list[Judged]:
    said = _said(outputs, targets.placements)
    return [
        judge(ours, _truth(sample, void), num_classes=num_classes, void=VOID)
        for ours, sample in zip(said, targets.samples, strict=True)
    ]


def _truth(sample: Sample, void: int) -> np.ndarray:
    """A sample's label map (H, W) with every void pixel 255."""
    labels = read_label_map(sample.known(PixelClasses).label_map)
    return np.where(labels == void, np.uint8(VOID), labels)


def _assess(classes: tuple[str, ...], records: Sequence[list[Judged]]) -> tuple[dict[str, float], float]:
    overall = segmentation_metrics(_all(records), classes=classes, resamples=QUICK_RESAMPLES).overall
    values = {name: overall[name].value for name in ("mIoU", "pixel_accuracy")}
    return {name: 0.0 if np.isnan(value) else value for name, value in values.items()}, overall["mIoU"].standard_error


def _measure(classes: tuple[str, ...], records: Sequence[list[Judged]]) -> SegmentationMetrics:
    return segmentation_metrics(_all(records), classes=classes)


def _all(records: Sequence[list[Judged]]) -> list[Judged]:
    return [each for record in records for each in record]


def _decode(classes: tuple[str, ...], outputs: Outputs, placements: Sequence[Placement]) -> list[dict[str, Any]]:
    """{"label_map": (H, W) uint8, "shares": {class: share of the pixels}} of each image."""
    return [_told(labels, classes) for labels in _said(outputs, placements)]


def _join(classes: tuple[str, ...], parts: Parts, image_hw: tuple[int, int]) -> dict[str, Any]:
    """As of a whole image. Where tiles overlap, the mean of their probabilities, weighted by the distances of the pixel
    from the nearest sides of each tile, across times down: there a network sees least of what lies around.

    Only the sums of one row of tiles are held, (K, a tile's height, the image's width): what lies above the next row
    is decided.
    """
    labels = np.empty(image_hw, np.uint8)
    top, sums = 0, torch.zeros(0)
    for outputs, placements in parts:
        for logits, placement in zip(outputs["logits"], placements, strict=True):
            (left, above), (height, width) = placement.corner_xy, placement.image_hw
            if not len(sums):
                sums = torch.zeros(len(classes), height, image_hw[1])
            if above > top:
                done = above - top
                labels[top : top + done] = _highest(sums[:, :done])
                sums = torch.cat([sums[:, done:], torch.zeros(len(classes), done, image_hw[1])], dim=1)
                top = above
            weights = _from_sides(height)[:, None] * _from_sides(width)
            sums[:, :, left : left + width] += _of_image(logits, placement).softmax(dim=0) * weights
    labels[top:] = _highest(sums)
    return _told(labels, classes)


def _from_sides(length: int) -> Tensor:
    """(length,): how far the centre of each pixel lies from the nearer end."""
    centres = torch.arange(length) + 0.5
    return torch.minimum(centres, length - centres)


def _told(labels: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
    counts = np.bincount(labels.reshape(-1), minlength=len(classes)) / labels.size
    return {"label_map": labels, "shares": dict(zip(classes, counts.round(6).tolist(), strict=True))}
