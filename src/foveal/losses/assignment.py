"""Which points of a detector learn which object: task-aligned assignment. B images, N points, M objects, K classes.

Feng et al. 2021, arXiv:2108.07755 (TOOD), section 3.3: a point learns an object where its predicted class and box
together fit it among the best of all points. Differs: objects smaller than a cell take the points around their centre,
so that each has some.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from foveal.ops.boxes import pairwise_iou

CLASS_POWER, BOX_POWER = 1.0, 6.0
"""Of the score and of the IoU in their product (the paper's alpha and beta)."""
POINTS = 13
"""Of an object, the best."""


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of a batch, padded to as many as the fullest image has, at least one."""

    boxes_xyxy: Tensor
    """(B, M, 4) in pixels of the network's input."""
    labels: Tensor
    """(B, M) int."""
    valid: Tensor
    """(B, M) bool: False for padding."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """What each point learns."""

    quality: Tensor
    """(B, N, K): how well the point fits an object of the class, 0 where it learns none."""
    boxes_xyxy: Tensor
    """(B, N, 4): its object's."""
    has_object: Tensor
    """(B, N) bool."""
    objects: Tensor
    """(B, N) int: its object's row among the image's."""


@torch.no_grad()
def assign(scores: Tensor, boxes_xyxy: Tensor, points_xy: Tensor, strides: Tensor, objects: Objects) -> Assigned:
    """scores: (B, N, K) in 0..1; boxes_xyxy: (B, N, 4); points_xy: (N, 2); strides: (N,), as the network gives them.

    The best point of an object has as its quality their IoU, the others less in proportion to their product. A point
    that is among the best of two objects learns the one it covers best.
    """
    points, count = scores.shape[1], objects.labels.shape[1]
    inside = _inside(points_xy, strides, objects.boxes_xyxy) & objects.valid[:, :, None]  # (B, M, N)
    iou = pairwise_iou(objects.boxes_xyxy, boxes_xyxy) * inside
    of_class = scores.transpose(1, 2).gather(1, objects.labels[:, :, None].expand(-1, -1, points))
    aligned = of_class.pow(CLASS_POWER) * iou.pow(BOX_POWER) * inside
    chosen = torch.zeros_like(inside)
    best = (aligned + 1e-9 * inside).topk(min(POINTS, points), dim=2).indices
    chosen.scatter_(2, best, True)
    chosen &= inside
    covers = torch.where(chosen, iou, -1.0)
    mine = covers.argmax(dim=1)  # (B, N): of the objects that chose the point, the one it covers best
    has_object = chosen.any(dim=1)
    won = chosen & (mine[:, None] == torch.arange(count, device=mine.device)[None, :, None])
    aligned = aligned * won
    scale = (iou * won).amax(dim=2, keepdim=True) / aligned.amax(dim=2, keepdim=True).clamp(min=1e-12)
    fits = (aligned * scale).amax(dim=1)  # (B, N)
    labels = objects.labels.gather(1, mine)
    quality = torch.zeros_like(scores).scatter_(2, labels[:, :, None], fits[:, :, None])
    found = objects.boxes_xyxy.gather(1, mine[:, :, None].expand(-1, -1, 4))
    return Assigned(quality * has_object[:, :, None], found, has_object, mine)


def _inside(points_xy: Tensor, strides: Tensor, boxes_xyxy: Tensor) -> Tensor:
    """(B, M, N): whether a point lies in a box whose sides count as at least the point's stride long."""
    centres = (boxes_xyxy[..., :2] + boxes_xyxy[..., 2:]) / 2
    halves = torch.maximum((boxes_xyxy[..., 2:] - boxes_xyxy[..., :2])[:, :, None], strides[None, None, :, None]) / 2
    return ((points_xy[None, None] - centres[:, :, None]).abs() < halves).all(dim=3)
