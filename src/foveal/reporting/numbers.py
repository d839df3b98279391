"""The predictions of a regression: by the ground truth, their residuals, and the table by target."""

from collections.abc import Mapping, Sequence

from foveal.reporting.chart import Frame, Point, Range, axes, dots, figure, line, svg, ticks
from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Column, Section, fold, folded_table, note, side_by_side, titled, track
from foveal.reporting.words import decimal, interval, interval_of, measure, measure_interval, number_of

MOST_POINTS = 2000
"""Of a drawing: evenly spaced over the images in the order of the true value."""
MOST_OPEN = 6
"""Targets whose drawings stand open."""
MOST_ROWS = 40


def agreement(points: Mapping[str, Sequence[Point]]) -> Section:
    """The section of drawings; `points` are (true, predicted) of each image, by target."""
    words = (
        "Each dot is an image. Left, the prediction by the ground truth: on the diagonal both are the same; a flatter "
        "cloud means that extremes are predicted too near the middle. Right, the residual (prediction minus ground "
        "truth) by the prediction: a slope, a bend or a widening shows a systematic error."
    )
    parts = [titled(name, side_by_side(_scatter(each), _residuals(each))) for name, each in points.items()]
    folded = [fold(f"{len(parts) - MOST_OPEN} more", *parts[MOST_OPEN:])] if len(parts) > MOST_OPEN else []
    body = join(note(words), *parts[:MOST_OPEN], *folded)
    return Section(anchor="agreement", title="Predictions and ground truth", short="Agreement", body=body)


def by_target(per_target: Mapping[str, Mapping]) -> Section:
    """The table by target, the lowest R² first."""
    ordered = sorted(per_target.items(), key=lambda item: number_of(item[1]["r2"]) or 0.0)
    columns = [
        Column(title="target", width="12em"),
        Column(title="R², 0 to 1"),
        *(Column(title=title, width="9em", numeric=True) for title in ("R²", "MAE", "RMSE")),
    ]
    rows = [(name, _scale(figures["r2"]), *_cells(figures)) for name, figures in ordered]
    words = (
        "MAE is the mean distance from the ground truth and RMSE the root of the mean squared one, both in the "
        "target's unit; an RMSE far above the MAE means few large errors. R² is the share of the target's variance "
        "explained: 1 is perfect, 0 is what always predicting the mean would give. Small figures and pale bands are "
        "95\u00a0% intervals."
    )
    listed = folded_table(columns, rows, most=MOST_ROWS, others="more targets")
    body = join(note(words), tag("div", {"class": "by-class regress"}, listed))
    return Section(anchor="targets", title="Target by target", short="Targets", body=body)


def _cells(figures: Mapping[str, Mapping]) -> list[Html]:
    r2 = join(decimal(figures["r2"]), tag("small", None, interval(figures["r2"])))
    in_unit = [
        join(measure(each), tag("small", None, measure_interval(each))) for each in (figures["mae"], figures["rmse"])
    ]
    return [r2, *in_unit]


def _scale(record: object) -> Html:
    value = number_of(record)
    return Html("") if value is None else track(value, interval_of(record))


def _scatter(points: Sequence[Point]) -> Html:
    ends = _range([value for point in points for value in point])
    frame = Frame(x=ends, y=ends, height=380)
    parts = [
        axes(frame, ticks(*ends), ticks(*ends), x_title="ground truth"),
        line(frame, [(end, end) for end in ends], "ideal"),
        dots(frame, _thinned(points), "val"),
    ]
    drawing = svg(frame.width, frame.height, "Predictions by ground truth", *parts)
    return figure("Prediction, by ground truth", [("ideal", "the same")], drawing)


def _residuals(points: Sequence[Point]) -> Html:
    left = [(predicted, predicted - true) for true, predicted in _thinned(points)]
    across = _range([predicted for _, predicted in points])
    frame = Frame(x=across, y=_range([0.0, *(predicted - true for true, predicted in points)]), height=380)
    parts = [
        axes(frame, ticks(*across), ticks(*frame.y), x_title="prediction"),
        line(frame, [(end, 0.0) for end in across], "ideal"),
        dots(frame, left, "val"),
    ]
    drawing = svg(frame.width, frame.height, "Residuals by prediction", *parts)
    return figure("Residual, by prediction", [("ideal", "no error")], drawing)


def _range(values: Sequence[float]) -> Range:
    """All of them, with room around."""
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or max(abs(high), 1.0)
    return low - room, high + room


def _thinned(points: Sequence[Point]) -> list[Point]:
    """At most `MOST_POINTS` of them."""
    ordered = sorted(points)
    if len(ordered) <= MOST_POINTS:
        return ordered
    return [ordered[index * len(ordered) // MOST_POINTS] for index in range(MOST_POINTS)]
