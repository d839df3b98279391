"""The metrics of a detector: COCO's twelve numbers and their curves, by class. K classes, R recalls, M limits.

Lin et al. 2014, arXiv:1405.0312, as its reference implementation computes them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from foveal.metrics.interval import Interval, percentile_interval, resample_counts
from foveal.metrics.matching import AREAS, THRESHOLDS, Detections, GroundTruth, Matches, box_areas, box_iou, match
from foveal.metrics.operating_point import OperatingPoint, operating_point

RECALLS = np.linspace(0, 1, 101)
LIMITS = (1, 10, 100)
"""Detections of an image and class that count for AR1, AR10 and AR100; all else goes by the last."""
RESAMPLES = 200
_ALL, _SMALL, _MEDIUM, _LARGE = range(len(AREAS))
_HALF, _THREE_QUARTERS = 0, 5  # of THRESHOLDS


Matcher = Callable[[Detections, GroundTruth, int], Matches]
"""(detections of an image, its ground truth, a class) -> which detection is matched to which object."""


@dataclass(frozen=True, kw_only=True)
class DetectionMetrics:
    """What `detection_metrics` returns."""

    overall: dict[str, Interval]
    """AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl; with an operating point its three figures
    too; of masks the twelve as mask_AP and so on."""
    per_class: dict[str, dict[str, Interval | float]]
    """By class: AP, AP50, AP75, AR100 and how many objects there were; with an operating point its three figures."""
    precision_by_recall: dict[str, np.ndarray]
    """By class, (R,): the highest precision at each of `RECALLS` or beyond, at IoU 0.5; NaN without objects."""
    point: OperatingPoint | None
    """The metrics at the score threshold, where there is one."""

    def to_json(self) -> dict[str, Any]:
        """Plain values; NaN becomes null."""
        made = {
            "overall": {name: each.to_json() for name, each in self.overall.items()},
            "per_class": {
                name: {key: _plain(each) for key, each in figures.items()} for name, figures in self.per_class.items()
            },
            "precision_by_recall": {
                "recall": RECALLS.round(2).tolist(),
                "mean": _points(_mean_of_first(np.stack(list(self.precision_by_recall.values())))),
                "per_class": {name: _points(each) for name, each in self.precision_by_recall.items()},
            },
        }
        return made if self.point is None else {**made, **self.point.to_json()}


def detection_metrics(
    found: Sequence[Detections],
    ground_truth: Sequence[GroundTruth],
    *,
    classes: Sequence[str],
    score: float | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    matches: Matcher | None = None,
) -> DetectionMetrics:
    """COCO's figures of `found` against `ground_truth`, image by image, with intervals over resampled images.

    A class without objects has no figure, and the means are over the others. Intervals are of AP, AP50 and AP75; COCO's
    other figures have none (NaN). score: the threshold of the operating point, which None leaves out. matches: by
    what they are matched; None is by their boxes.
    """
    point = None if score is None else operating_point(found, ground_truth, classes=classes, score=score)
    rows = [_Class(found, ground_truth, label, matches or box_matches) for label in range(len(classes))]
    precision = np.stack([row.precision() for row in rows])  # (K, A, T, R)
    recall = np.stack([row.recall() for row in rows])  # (K, A, T, M)
    values = _coco_figures(precision, recall)
    of_samples = _resampled_figures(rows, len(found), resamples=resamples, seed=seed)
    nan = float("nan")
    return DetectionMetrics(
        overall={
            **{
                name: percentile_interval(value, of_samples[name]) if name in of_samples else Interval(value, nan, nan)
                for name, value in values.items()
            },
            **({} if point is None else point.overall),
        },
        per_class={
            name: {
                "AP": _mean(precision[label, _ALL]),
                "AP50": _mean(precision[label, _ALL, _HALF]),
                "AP75": _mean(precision[label, _ALL, _THREE_QUARTERS]),
                "AR100": _mean(recall[label, _ALL, :, -1]),
                "objects": float(rows[label].counted[_ALL]),
                **({} if point is None else point.per_class[name]),
            }
            for label, name in enumerate(classes)
        },
        precision_by_recall=dict(zip(classes, precision[:, _ALL, _HALF], strict=True)),
        point=point,
    )


def _coco_figures(precision: np.ndarray, recall: np.ndarray) -> dict[str, float]:
    """COCO's twelve, of precision (K, A, T, R) and recall (K, A, T, M)."""
    return {
        "AP": _mean(precision[:, _ALL]),
        "AP50": _mean(precision[:, _ALL, _HALF]),
        "AP75": _mean(precision[:, _ALL, _THREE_QUARTERS]),
        "APs": _mean(precision[:, _SMALL]),
        "APm": _mean(precision[:, _MEDIUM]),
        "APl": _mean(precision[:, _LARGE]),
        **{f"AR{limit}": _mean(recall[:, _ALL, :, index]) for index, limit in enumerate(LIMITS)},
        "ARs": _mean(recall[:, _SMALL, :, -1]),
        "ARm": _mean(recall[:, _MEDIUM, :, -1]),
        "ARl": _mean(recall[:, _LARGE, :, -1]),
    }


def _resampled_figures(
    rows: Sequence["_Class"], num_images: int, *, resamples: int, seed: int
) -> dict[str, np.ndarray]:
    """AP, AP50 and AP75 of each set of images drawn with replacement."""
    blocks = [
        np.stack([row.resampled(counts) for row in rows])
        for counts in (resample_counts(num_images, resamples=resamples, seed=seed) if num_images else ())
    ]
    samples = np.concatenate([np.full((len(rows), len(THRESHOLDS), 0), np.nan), *blocks], axis=2)  # (K, T, R)
    return {
        "AP": _mean_of_first(samples.mean(axis=1)),
        "AP50": _mean_of_first(samples[:, _HALF]),
        "AP75": _mean_of_first(samples[:, _THREE_QUARTERS]),
    }


class _Class:
    """The matches of one class over all images."""

    def __init__(
        self, found: Sequence[Detections], ground_truth: Sequence[GroundTruth], label: int, matches: Matcher
    ) -> None:
        images = [matches(f, t, label) for f, t in zip(found, ground_truth, strict=True)]
        scores = np.concatenate([each.scores for each in images])
        order = np.argsort(-scores, kind="mergesort")
        self.found = np.concatenate([each.found for each in images], axis=2)[:, :, order]
        """(A, T, D): as in `Matches`, from the highest score over all images on."""
        self.ignored = np.concatenate([each.ignored for each in images], axis=2)[:, :, order]
        self.rank = np.concatenate([np.arange(len(each.scores)) for each in images])[order]
        """(D,) of a detection among those of its image, from 0."""
        self.image = np.repeat(np.arange(len(images)), [len(each.scores) for each in images])[order]
        self.counted_by_image = np.stack([each.counted for each in images])
        """(N, A) objects to be found."""

    @cached_property
    def counted(self) -> np.ndarray:
        """(A,) objects to be found."""
        counted: np.ndarray = self.counted_by_image.sum(axis=0)
        return counted

    def precision(self) -> np.ndarray:
        """(A, T, R): the best precision at that recall or a higher one; NaN without objects."""
        values = np.full((len(AREAS), len(THRESHOLDS), len(RECALLS)), np.nan)
        for area in np.flatnonzero(self.counted).tolist():
            for threshold in range(len(THRESHOLDS)):
                valid, right = self._outcomes(area, threshold)
                recall = np.cumsum(right)[right] / self.counted[area]
                precision = np.cumsum(right)[right] / np.cumsum(valid)[right]
                values[area, threshold] = _interpolated(recall, precision)
        return values

    def recall(self) -> np.ndarray:
        """(A, T, M): the share of objects found by the first detections of an image; NaN without objects."""
        values = np.full((len(AREAS), len(THRESHOLDS), len(LIMITS)), np.nan)
        for index, limit in enumerate(LIMITS):
            right = self.found & ~self.ignored & (self.rank < limit)
            some = self.counted > 0
            values[some, :, index] = right.sum(axis=2)[some] / self.counted[some, None]
        return values

    def resampled(self, counts: np.ndarray) -> np.ndarray:
        """(T, r): the average precision of resamples that drew the images so often, (N, r); NaN without objects."""
        objects = self.counted_by_image[:, _ALL] @ counts  # (r,)
        weights = counts[self.image]  # (D, r)
        values = np.full((len(THRESHOLDS), counts.shape[1]), np.nan)
        for threshold in range(len(THRESHOLDS)):
            valid, right = self._outcomes(_ALL, threshold)
            rights = np.cumsum(weights[right], axis=0)
            all_of_them = np.cumsum(weights * valid[:, None], axis=0)[right]
            precision = np.divide(rights, all_of_them, out=np.zeros_like(rights), where=all_of_them > 0)
            for sample in np.flatnonzero(objects).tolist():
                recall = rights[:, sample] / objects[sample]
                values[threshold, sample] = _interpolated(recall, precision[:, sample]).mean()
        return values

    def _outcomes(self, area: int, threshold: int) -> tuple[np.ndarray, np.ndarray]:
        """(D,) bool each: detections that count, and those of them that are right."""
        valid = ~self.ignored[area, threshold]
        return valid, self.found[area, threshold] & valid


def box_matches(found: Detections, ground_truth: GroundTruth, label: int) -> Matches:
    """Of one image and class, by the overlap of boxes."""
    ours, theirs = found.labels == label, ground_truth.labels == label
    boxes, crowd = found.boxes_xyxy[ours], ground_truth.crowd[theirs]
    return match(
        found.scores[ours],
        box_areas(boxes),
        ground_truth.areas[theirs],
        box_iou(boxes, ground_truth.boxes_xyxy[theirs], crowd),
        crowd=crowd,
        ignored=ground_truth.ignored[theirs],
        most=LIMITS[-1],
    )


def _interpolated(recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """(R,): the highest precision from each of `RECALLS` on, 0 beyond the last; `recall` never falls."""
    highest = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    interpolated: np.ndarray = highest[np.searchsorted(recall, RECALLS, side="left")]
    return interpolated


def _mean(values: np.ndarray) -> float:
    """Of those that are defined; NaN where none is."""
    return float(np.nanmean(values)) if np.any(~np.isnan(values)) else float("nan")


def _mean_of_first(values: np.ndarray) -> np.ndarray:
    """(K, r) -> (r,): the mean over the classes that are defined."""
    defined = ~np.isnan(values)
    counts, sums = defined.sum(axis=0), np.where(defined, values, 0).sum(axis=0)
    mean: np.ndarray = np.divide(sums, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
    return mean


def _plain(figure: Interval | float) -> dict[str, float | None] | float | None:
    if isinstance(figure, Interval):
        return figure.to_json()
    return None if np.isnan(figure) else figure


def _points(precision: np.ndarray) -> list[float] | None:
    """(R,) as plain numbers; None where there is no curve."""
    return None if np.isnan(precision).any() else precision.round(4).tolist()
