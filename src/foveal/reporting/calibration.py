"""Calibration: how often predictions of each confidence are right, and how many images have it."""

from collections.abc import Mapping, Sequence

from foveal.reporting.chart import Frame, axes, dot, figure, line, svg, ticks
from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Section, note, side_by_side
from foveal.reporting.words import decimal, number_of, things


def calibration(bins: Sequence[Mapping], error: object) -> Section:
    """The section on confidence, from bins as `foveal.metrics.calibration` writes them.

    Each has "low", "high", "confidence", "accuracy" and "count"; None where the bin is empty. `error` is the
    expected calibration error, as a figure with or without interval.
    """
    filled = [
        (float(each["confidence"]), float(each["accuracy"]), int(each["count"]))
        for each in bins
        if each["count"] and number_of(each["confidence"]) is not None and number_of(each["accuracy"]) is not None
    ]
    if not filled:
        body = note("The confidence of this evaluation's predictions was not measured.")
    else:
        body = join(note(*_words(filled, error)), side_by_side(_reliability(filled), _histogram(bins)))
    return Section(anchor="calibration", title="Can its confidence be trusted?", short="Confidence", body=body)


def _words(filled: Sequence[tuple[float, float, int]], error: object) -> list[str]:
    total = sum(number for _, _, number in filled)
    lean = sum((sure - right) * number for sure, right, number in filled) / total
    words = ["Dots on the diagonal are calibrated: of the images scored 0.8, eight in ten are right. "]
    if abs(lean) >= 0.005:
        side = "overconfident" if lean > 0 else "underconfident"
        words.append(f"Overall this network is {side} by {decimal(abs(lean))}. ")
    if number_of(error) is not None:
        words.append(f"The expected calibration error, the mean distance from the diagonal, is {decimal(error)}. ")
    words.append("A small dot stands for few images and means little.")
    return words


def _reliability(filled: Sequence[tuple[float, float, int]]) -> Html:
    frame = Frame(x=(0, 1), y=(0, 1), height=380)
    most = max(number for _, _, number in filled)
    parts = [
        axes(frame, ticks(0, 1), ticks(0, 1), x_title="confidence"),
        line(frame, [(0, 0), (1, 1)], "ideal"),
    ]
    parts += [line(frame, [(sure, sure), (sure, right)], "gap") for sure, right, _ in filled]
    parts.append(line(frame, [(sure, right) for sure, right, _ in filled], "val"))
    for sure, right, number in filled:
        kind = f"val size-{1 + round(2 * (number / most) ** 0.5)}"
        parts.append(dot(frame, (sure, right), kind, f"{things(number, 'image')}: sure {sure:.3f}, right {right:.3f}"))
    drawing = svg(frame.width, frame.height, "Share of right predictions by confidence", *parts)
    return figure("Share right, by confidence", [("ideal", "calibrated"), ("val", "this network")], drawing)


def _histogram(bins: Sequence[Mapping]) -> Html:
    most = max(each["count"] for each in bins)
    frame = Frame(x=(0, 1), y=(0, most * 1.05), height=380)
    base = frame.down(0)
    parts = [axes(frame, ticks(0, 1), ticks(*frame.y, whole=True), x_title="confidence")]
    for each in bins:
        left, right, top = frame.across(each["low"]), frame.across(each["high"]), frame.down(each["count"])
        words = f"{each['low']:.2f} to {each['high']:.2f}: {things(each['count'], 'image')}"
        place = {"x": left + 1, "width": right - left - 2, "y": top, "height": base - top}
        parts.append(tag("g", None, tag("title", None, words), tag("rect", {"class": "bar", **place})))
    return figure("Images, by confidence", [], svg(frame.width, frame.height, "Images by confidence", *parts))
