"""Boxes as (x1, y1, x2, y2) in pixels: areas, overlaps, and distances from a point. N, M boxes."""

import torch
from torch import Tensor


def box_areas(boxes_xyxy: Tensor) -> Tensor:
    """(..., 4) -> (...); 0 for a box that is inverted."""
    sides = (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).clamp(min=0)
    return sides[..., 0] * sides[..., 1]


def pairwise_iou(boxes_xyxy: Tensor, others_xyxy: Tensor) -> Tensor:
    """The common area over the united one of every pair: (..., N, 4) and (..., M, 4) -> (..., N, M)."""
    common = pairwise_common(boxes_xyxy, others_xyxy)
    united = box_areas(boxes_xyxy)[..., :, None] + box_areas(others_xyxy)[..., None, :] - common
    return common / united.clamp(min=torch.finfo(common.dtype).tiny)


def pairwise_common(boxes_xyxy: Tensor, others_xyxy: Tensor) -> Tensor:
    """The area that both boxes of every pair cover: (..., N, 4) and (..., M, 4) -> (..., N, M)."""
    # contiguous by coordinate: four times as fast as by box
    left, top, right, bottom = boxes_xyxy.movedim(-1, 0).contiguous()[..., :, None]
    others_left, others_top, others_right, others_bottom = others_xyxy.movedim(-1, 0).contiguous()[..., None, :]
    width = torch.minimum(right, others_right) - torch.maximum(left, others_left)
    height = torch.minimum(bottom, others_bottom) - torch.maximum(top, others_top)
    return width.clamp(min=0) * height.clamp(min=0)


def generalised_iou(boxes_xyxy: Tensor, others_xyxy: Tensor) -> Tensor:
    """IoU less the share of the enclosing box that neither covers, -1 to 1, of each pair: (..., 4) twice -> (...).

    Rezatofighi et al. 2019, arXiv:1902.09630: it has a slope where boxes do not touch.
    """
    low = torch.maximum(boxes_xyxy[..., :2], others_xyxy[..., :2])
    high = torch.minimum(boxes_xyxy[..., 2:], others_xyxy[..., 2:])
    common = _product((high - low).clamp(min=0))
    united = box_areas(boxes_xyxy) + box_areas(others_xyxy) - common
    low = torch.minimum(boxes_xyxy[..., :2], others_xyxy[..., :2])
    high = torch.maximum(boxes_xyxy[..., 2:], others_xyxy[..., 2:])
    enclosing = _product((high - low).clamp(min=0))
    tiny = torch.finfo(common.dtype).tiny
    return common / united.clamp(min=tiny) - (enclosing - united) / enclosing.clamp(min=tiny)


def from_distances(points_xy: Tensor, distances: Tensor) -> Tensor:
    """Boxes whose sides (left, top, right, bottom) are so far from a point: (..., 2), (..., 4) -> (..., 4)."""
    return torch.cat([points_xy - distances[..., :2], points_xy + distances[..., 2:]], dim=-1)


def to_distances(points_xy: Tensor, boxes_xyxy: Tensor) -> Tensor:
    """The inverse of `from_distances`; negative where the point lies outside."""
    return torch.cat([points_xy - boxes_xyxy[..., :2], boxes_xyxy[..., 2:] - points_xy], dim=-1)


def _product(sides: Tensor) -> Tensor:
    """(..., 2) -> (...); `prod` has a slower gradient."""
    return sides[..., 0] * sides[..., 1]
