"""The metrics of a segmentation: IoU and Dice by class, pixel accuracy, boundary F1. K classes, N images, r samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from foveal.metrics.interval import Interval, percentile_interval, resample_counts

RESAMPLES = 1000
TOLERANCE = 0.0075
"""Of the image's diagonal, by which two boundaries may be apart (Csurka et al. 2013, BMVC, section 3.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCounts:
    """What the metrics need of one image."""

    confusion: np.ndarray
    """(K, K) pixels: rows are the ground truth, columns the predictions; ignored pixels are left out."""
    boundaries: np.ndarray
    """(K, 4): predicted boundary pixels, those of them near a true one, true ones, those near a predicted one."""


@dataclass(frozen=True, kw_only=True)
class SegmentationMetrics:
    """What `segmentation_metrics` returns."""

    overall: dict[str, Interval]
    """mIoU, mean_dice, pixel_accuracy and boundary_f1."""
    per_class: dict[str, dict[str, Interval | float]]
    """By class: iou and dice with intervals, boundary_f1 and pixels."""
    confusion: np.ndarray
    """(K, K) pixels of all images: rows are the ground truth, columns the predictions."""

    def to_json(self) -> dict[str, Any]:
        """Plain values; NaN becomes null."""
        classes = {
            name: {key: each.to_json() if isinstance(each, Interval) else each for key, each in figures.items()}
            for name, figures in self.per_class.items()
        }
        overall = {name: each.to_json() for name, each in self.overall.items()}
        return {"overall": overall, "per_class": classes, "confusion": self.confusion.tolist()}


def count_pixels(
    predicted: np.ndarray, ground_truth: np.ndarray, *, num_classes: int, ignore_index: int, borders: bool = True
) -> ImageCounts:
    """Of one image: both (H, W) class indices; pixels whose ground truth is `ignore_index` are left out.

    Borders are most of the work; without them every class has none.
    """
    counts = ground_truth != ignore_index
    pairs = num_classes * ground_truth[counts].astype(np.int64) + predicted[counts]
    confusion = np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
    near = max(1.0, TOLERANCE * float(np.hypot(*ground_truth.shape)))
    boundaries = np.zeros((num_classes, 4), np.int64)
    occurring = np.flatnonzero(confusion.sum(axis=0) + confusion.sum(axis=1)).tolist()
    for label in occurring if borders else ():
        ours, theirs = _boundary(predicted == label) & counts, _boundary(ground_truth == label) & counts
        boundaries[label] = ours.sum(), _close(ours, theirs, near), theirs.sum(), _close(theirs, ours, near)
    return ImageCounts(confusion=confusion, boundaries=boundaries)


def segmentation_metrics(
    images: Sequence[ImageCounts], *, classes: Sequence[str], resamples: int = RESAMPLES, seed: int = 0
) -> SegmentationMetrics:
    """Figures over the pixels of all images together, with percentile bootstrap intervals over images.

    IoU of a class: its pixels predicted as it, over those that are it or are predicted as it. Dice: twice the first
    over the sum of both. A class that neither occurs nor is predicted has none, and means are over the others.
    boundary_f1: the harmonic mean of the shares of predicted and of true boundary pixels near one of the other kind.
    """
    confusions = np.stack([each.confusion for each in images]).astype(np.float64)  # (N, K, K)
    boundaries = np.stack([each.boundaries for each in images]).astype(np.float64)  # (N, K, 4)
    values = _figures(confusions.sum(axis=0)[None], boundaries.sum(axis=0)[None])
    samples = {name: [each[:0]] for name, each in values.items()}
    for counts in resample_counts(len(images), resamples=resamples, seed=seed):
        block = _figures(np.einsum("nr,nij->rij", counts, confusions), np.einsum("nr,nij->rij", counts, boundaries))
        for name, each in block.items():
            samples[name].append(each)
    drawn = {name: np.concatenate(each) for name, each in samples.items()}
    overall = {
        name: percentile_interval(float(_mean(values[of])[0]), _mean(drawn[of]))
        for name, of in (("mIoU", "iou"), ("mean_dice", "dice"), ("boundary_f1", "boundary_f1"))
    }
    overall["pixel_accuracy"] = percentile_interval(float(values["right"][0, 0]), drawn["right"][:, 0])
    return SegmentationMetrics(
        overall={name: overall[name] for name in ("mIoU", "mean_dice", "pixel_accuracy", "boundary_f1")},
        per_class={
            name: {
                **{
                    key: percentile_interval(float(values[key][0, label]), drawn[key][:, label])
                    for key in ("iou", "dice", "boundary_f1")
                },
                "pixels": float(confusions.sum(axis=0)[label].sum()),
            }
            for label, name in enumerate(classes)
        },
        confusion=sum((each.confusion for each in images), start=np.zeros((len(classes),) * 2, np.int64)),
    )


def _figures(confusions: np.ndarray, boundaries: np.ndarray) -> dict[str, np.ndarray]:
    """(r, K, K) and (r, K, 4) -> by name (r, K), "right" (r, 1); NaN where undefined."""
    hits = np.diagonal(confusions, axis1=1, axis2=2)
    support, predicted = confusions.sum(axis=2), confusions.sum(axis=1)
    total = confusions.sum(axis=(1, 2))
    precision = _share(boundaries[..., 1], boundaries[..., 0])
    recall = _share(boundaries[..., 3], boundaries[..., 2])
    both = np.nan_to_num(precision) + np.nan_to_num(recall)
    occurs = boundaries[..., 0] + boundaries[..., 2] > 0
    harmonic = _share(2 * np.nan_to_num(precision) * np.nan_to_num(recall), both)
    return {
        "iou": _share(hits, support + predicted - hits),
        "dice": _share(2 * hits, support + predicted),
        "boundary_f1": np.where(occurs, np.nan_to_num(harmonic), np.nan),
        "right": _share(hits.sum(axis=1), total)[:, None],
    }


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    share: np.ndarray = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return share


def _mean(values: np.ndarray) -> np.ndarray:
    """(r, K) -> (r,): over the classes that are defined."""
    defined = ~np.isnan(values)
    return _share(np.where(defined, values, 0).sum(axis=1), defined.sum(axis=1).astype(np.float64))


def _boundary(mask: np.ndarray) -> np.ndarray:
    """The mask's pixels with a neighbour, above, below, left or right, that is not in it; the image's edge is none."""
    padded = np.pad(mask, 1, mode="edge")
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    boundary: np.ndarray = mask & ~inner
    return boundary


def _close(ours: np.ndarray, theirs: np.ndarray, near: float) -> int:
    """How many of `ours` have one of `theirs` within so many pixels."""
    if not ours.any() or not theirs.any():
        return 0
    distances, _ = KDTree(np.argwhere(theirs)).query(np.argwhere(ours), distance_upper_bound=near + 1e-6)
    return int(np.isfinite(distances).sum())
