"""What a detector learns from and is judged by: the objects of a batch. B batch, M objects, N points."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from foveal import annotations
from foveal.augment.mosaic import mosaic_boxes, mosaic_pixels
from foveal.augment.pipeline import AugmentParams, augment_boxes
from foveal.device import sent
from foveal.errors import UsageError
from foveal.feed.store import Store
from foveal.losses.assignment import Objects
from foveal.metrics.matching import GroundTruth, box_areas
from foveal.preprocess import Placement
from foveal.tasks.instance_masks import Outlines, outlines_of, without_masks
from foveal.types import Sample

LEAST_LEFT = 0.3
"""Share of an object that augmentation has to leave for it to be learned; of a lesser rest nothing is asked."""


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
            tuple(sent(each, device) for each in part) for part in (self.boxes_xyxy, self.labels, self.spared)
        )
        return type(self)(boxes, labels, spared, self.outlines, self.samples, self.placements)


def encode_truths(store: Store, indices: Tensor) -> Truths:
    """The objects of the samples at these indices (B,), in the frame of the stored pixels."""
    boxes, labels, spared, outlines, placements = [], [], [], [], []
    samples = store.samples_at(indices)
    for sample in samples:
        instances = sample.known(annotations.Objects).instances
        placements.append(store.placement(sample))
        placed = placements[-1].to_input(_boxes_of(sample))
        boxes.append(torch.from_numpy(placed).float())
        labels.append(torch.tensor([each.label for each in instances], dtype=torch.long))
        spared.append(torch.tensor([each.crowd for each in instances], dtype=torch.bool))
        outlines.append(outlines_of(sample, placements[-1]))
    return Truths(tuple(boxes), tuple(labels), tuple(spared), tuple(outlines), samples, tuple(placements))


def augment_truths(images: Tensor, truths: Truths, params: AugmentParams) -> tuple[Tensor, Truths]:
    """The images, already augmented (B, C, h, w), and their objects moved with them.

    Raises UsageError where images were to be blended.
    """
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


def padded(truths: Truths, device: torch.device) -> Objects:
    """The objects to be learned, of all images as many as the fullest has."""
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


def in_spared(truths: Truths, points_xy: Tensor) -> Tensor:
    """(B, N) bool: points in a box that is neither to be found nor wrong to be found."""
    inside = torch.zeros(len(truths), len(points_xy), dtype=torch.bool, device=points_xy.device)
    for row, (boxes, spared) in enumerate(zip(truths.boxes_xyxy, truths.spared, strict=True)):
        for box in boxes[spared]:
            inside[row] |= ((points_xy > box[:2]) & (points_xy < box[2:])).all(dim=1)
    return inside


def truth_of(sample: Sample) -> GroundTruth:
    """What there is to be found, in pixels of the image."""
    boxes, instances = _boxes_of(sample), sample.known(annotations.Objects).instances
    areas = box_areas(boxes)
    crowd = np.array([each.crowd for each in instances], bool)
    return GroundTruth(
        boxes_xyxy=boxes,
        labels=np.array([each.label for each in instances], int),
        areas=np.array([own if each.area is None else each.area for each, own in zip(instances, areas, strict=True)]),
        crowd=crowd,
        ignored=crowd | np.array([each.difficult for each in instances], bool),
    )


def _boxes_of(sample: Sample) -> np.ndarray:
    return np.array([each.box_xyxy for each in sample.known(annotations.Objects).instances], np.float64).reshape(-1, 4)
