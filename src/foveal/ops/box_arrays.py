"""What `foveal.ops.boxes` does, in NumPy: boxes as (x1, y1, x2, y2) in pixels. N, M boxes."""

import numpy as np

from foveal.ops.probabilities import softmax


def box_areas(boxes_xyxy: np.ndarray) -> np.ndarray:
    """(N, 4) -> (N,); 0 for a box that is inverted."""
    width, height = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).clip(0).T
    areas: np.ndarray = width * height
    return areas


def pairwise_common(boxes_xyxy: np.ndarray, others_xyxy: np.ndarray) -> np.ndarray:
    """The area that both boxes of every pair cover: (N, 4) and (M, 4) -> (N, M)."""
    left, top, right, bottom = boxes_xyxy.T[:, :, None]
    others_left, others_top, others_right, others_bottom = np.ascontiguousarray(others_xyxy.T)[:, None]
    width = np.minimum(right, others_right)
    width -= np.maximum(left, others_left)
    height = np.minimum(bottom, others_bottom)
    height -= np.maximum(top, others_top)
    common: np.ndarray = width.clip(0, out=width)
    common *= height.clip(0, out=height)
    return common


def pairwise_iou(boxes_xyxy: np.ndarray, others_xyxy: np.ndarray) -> np.ndarray:
    """The common area over the united one of every pair: (N, 4) and (M, 4) -> (N, M)."""
    common = pairwise_common(boxes_xyxy, others_xyxy)
    united = box_areas(boxes_xyxy)[:, None] + box_areas(others_xyxy)[None]
    united -= common
    common /= np.maximum(united, np.finfo(common.dtype).tiny, out=united)
    return common


def from_distances(points_xy: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Boxes whose sides (left, top, right, bottom) are so far from a point: (N, 2), (N, 4) -> (N, 4)."""
    return np.concatenate([points_xy - distances[:, :2], points_xy + distances[:, 2:]], axis=1)


def expected_distances(distances: np.ndarray) -> np.ndarray:
    """The mean of each distribution, in strides: a detector's logits (..., 4, R) -> (..., 4) float32."""
    found: np.ndarray = softmax(distances.astype(np.float32)) @ np.arange(distances.shape[-1], dtype=np.float32)
    return found
