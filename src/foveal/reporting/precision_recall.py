"""Precision by recall of a detector, the chosen threshold on it, recall by size."""

from collections.abc import Mapping, Sequence

from foveal.reporting.chart import Frame, Point, axes, dot, figure, line, svg, ticks
from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Column, Section, note, side_by_side, table, titled, track
from foveal.reporting.words import count, decimal, interval, interval_of, number_of

MOST_COLOURS = 6
"""Classes up to which each curve has a colour of its own."""
_SIZES = {
    "small": "up to 32 × 32 pixels",
    "medium": "up to 96 × 96 pixels",
    "large": "above",
}


def precision_recall(evaluation: Mapping) -> Section:
    """The section on true against false positives."""
    words = (
        "Each curve goes through all thresholds, from few and sure detections on the left to many on the right: the "
        "highest precision with which so many objects are found, at IoU 0.5. The area below it is AP50, and the corner "
        "at the upper right is perfect. A dot is what a class gets at this "
        f"model's score threshold, {evaluation['score_threshold']:g}; the ring is what all objects together get: "
        f"{_point(evaluation['metrics'])}."
    )
    metrics = evaluation["metrics"]
    drawing = chart(
        evaluation["precision_by_recall"],
        evaluation["per_class"],
        metrics,
        everything="all objects",
        words=f"Precision by recall at IoU 0.5; AP50 {decimal(metrics['AP50'])}",
    )
    parts = side_by_side(drawing, titled("Recall by size, at the threshold", _sizes(evaluation)))
    return Section(
        anchor="precision-recall",
        title="Precision and recall",
        short="Precision and recall",
        body=join(note(words), parts),
    )


def _point(metrics: Mapping) -> str:
    words = []
    for name, what in (("precision", "of the detections are right"), ("recall", "of the objects are found")):
        ends = interval(metrics[name])
        words.append(f"{decimal(metrics[name])}{f' ({ends})' if ends else ''} {what}")
    return ", ".join(words)


def chart(record: Mapping, per_class: Mapping[str, Mapping], overall: Mapping, *, everything: str, words: str) -> Html:
    """Curves by class, their mean, and what each class and all together get at the thresholds.

    record: "recall" [number], "per_class" {class: precision at each, or None} and "mean". per_class and overall hold
    figures "precision" and "recall"; `everything` is what the latter are of. words: for a screen reader.
    """
    curves = {name: each for name, each in record["per_class"].items() if each is not None}
    coloured = 1 < len(curves) <= MOST_COLOURS
    frame = Frame(x=(0, 1), y=(0, 1.02), height=380)
    parts = [axes(frame, ticks(0, 1), ticks(0, 1), x_title="recall")]
    keys, dots = [], []
    for index, (name, precision) in enumerate(curves.items() if len(curves) > 1 else ()):
        kind = f"class-{index}" if coloured else "step"
        parts.append(_curve(frame, record["recall"], precision, kind, name))
        keys.append((kind, name))
        dots.append(_dot(frame, per_class[name], f"{kind} size-2", name))
    mean = "mean of the classes" if len(curves) > 1 else next(iter(curves), "no objects")
    if record["mean"] is not None:
        parts.append(_curve(frame, record["recall"], record["mean"], "val", mean))
    dots.append(_dot(frame, overall, "val ring", everything))
    keys = [("val", mean), *(keys if coloured else [("step", "each class")] if keys else [])]
    drawing = svg(frame.width, frame.height, words, *parts, *dots)
    return figure("Precision, by recall", keys, drawing)


def _curve(frame: Frame, recall: Sequence[float], precision: Sequence[float], kind: str, words: str) -> Html:
    """Down to the axis where no more is found."""
    points: list[Point] = [point for point in zip(recall, precision, strict=True) if point[1] > 0]
    end = [(points[-1][0], 0.0)] if 0 < len(points) < len(recall) else []
    return tag("g", None, tag("title", None, words), line(frame, [*points, *end], kind))


def _dot(frame: Frame, figures: Mapping, kind: str, words: str) -> Html:
    precision, recall = number_of(figures["precision"]), number_of(figures["recall"])
    if precision is None or recall is None:
        return Html("")
    return dot(frame, (recall, precision), kind, f"{words}: precision {precision:.3f}, recall {recall:.3f}")


def _sizes(evaluation: Mapping) -> Html:
    columns = [
        Column(title="objects of", width="32%"),
        Column(title="objects", width="17%", numeric=True),
        Column(title="recall, 0 to 1"),
        Column(title="recall", width="26%", numeric=True),
    ]
    rows = []
    for name, figures in evaluation["recall_by_size"].items():
        value = number_of(figures["recall"])
        rows.append(
            (
                join(name, tag("small", None, _SIZES[name])),
                count(figures["objects"]),
                Html("") if value is None else track(value, interval_of(figures["recall"])),
                join(decimal(figures["recall"]), tag("small", None, interval(figures["recall"]))),
            )
        )
    return tag("div", {"class": "sizes"}, table(columns, rows))
