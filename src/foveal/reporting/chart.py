"""A small SVG chart: two linear scales, a quiet grid, lines and dots. Colours and type come from style.css.

Drawn here and not by matplotlib, so that a chart follows the reader's light or dark theme, the page's fonts
and the phone's type size, and costs no import. A point is (x, y) in the data's units.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foveal.reporting.markup import Html, join, tag

Point = tuple[float, float]
Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Where the data's units lie on a drawing of `width` × `height`; values outside stand at the edge."""

    x: Range
    y: Range
    width: float = 480
    height: float = 260
    left: float = 50
    right: float = 14
    top: float = 12
    bottom: float = 40
    log_x: bool = False
    log_y: bool = False
    """Whether `x` or `y`, above 0, is on a logarithmic scale."""

    def across(self, x: float) -> float:
        """The drawing's horizontal position of `x`."""
        share = _log_share(x, self.x) if self.log_x else _share(x, self.x)
        return self.left + share * (self.width - self.left - self.right)

    def down(self, y: float) -> float:
        """The drawing's vertical position of `y`."""
        share = _log_share(y, self.y) if self.log_y else _share(y, self.y)
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)


def ticks(low: float, high: float, *, about: int = 5, whole: bool = False) -> list[float]:
    """Round numbers from `low` to `high`: steps of 1, 2 or 5 times a power of ten, or only `whole` ones."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.99)
    step = max(step, 1.0) if whole else step
    first = math.ceil(low / step - 1e-6)
    return [index * step for index in range(first, math.floor(high / step + 1e-6) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """The powers of ten from `low` to `high`, both above 0."""
    return [10.0**power for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]


def thinned(points: Sequence[Point], *, most: int = 300) -> list[Point]:
    """At most `most` points: means of as many runs of neighbours."""
    if len(points) <= most:
        return list(points)
    return [(float(run[:, 0].mean()), float(run[:, 1].mean())) for run in np.array_split(np.array(points), most)]


def axes(frame: Frame, x_ticks: Sequence[float], y_ticks: Sequence[float], *, x_title: str) -> Html:
    """Grid lines, numbers, and the title of the horizontal axis."""
    left, right = frame.left, frame.width - frame.right
    base = frame.height - frame.bottom
    parts = []
    for value in y_ticks:
        y = frame.down(value)
        parts.append(tag("line", {"class": "grid", "x1": left, "x2": right, "y1": y, "y2": y}))
        parts.append(text(left - 8, y + 4.5, label(value), "end"))
    for value in x_ticks:
        x = frame.across(value)
        parts.append(tag("line", {"class": "tick", "x1": x, "x2": x, "y1": base, "y2": base + 4}))
        parts.append(text(x, base + 18, label(value), "middle"))
    parts.append(tag("line", {"class": "base", "x1": left, "x2": right, "y1": base, "y2": base}))
    parts.append(text(right, frame.height - 4, x_title, "end", "axis"))
    return join(*parts)


def line(frame: Frame, points: Sequence[Point], kind: str) -> Html:
    """A line through the points; `kind` is its CSS class."""
    places = " ".join(f"{frame.across(x):.1f},{frame.down(y):.1f}" for x, y in points)
    return tag("polyline", {"class": f"line {kind}", "points": places})


def dot(frame: Frame, point: Point, kind: str, words: str) -> Html:
    """A dot that shows `words` when pointed at."""
    x, y = frame.across(point[0]), frame.down(point[1])
    radius = 5 if "ring" in kind else 2.75
    circle = tag("circle", {"class": f"dot {kind}", "cx": x, "cy": y, "r": radius})
    return tag("g", None, tag("title", None, words), circle)


def dots(frame: Frame, points: Sequence[Point], kind: str) -> Html:
    """Many dots without words, as one path: lines of no length with round ends."""
    places = "".join(f"M{frame.across(x):.1f},{frame.down(y):.1f}h0" for x, y in points)
    return tag("path", {"class": f"dots {kind}", "d": places})


def upright(frame: Frame, x: float, kind: str) -> Html:
    """A vertical line over the whole height."""
    place = frame.across(x)
    ends = {"y1": frame.top, "y2": frame.height - frame.bottom}
    return tag("line", {"class": kind, "x1": place, "x2": place, **ends})


def text(x: float, y: float, words: str, anchor: str, kind: str = "number") -> Html:
    """Words at a place of the drawing; `anchor` is start, middle or end."""
    return tag("text", {"class": kind, "x": x, "y": y, "text-anchor": anchor}, words)


def svg(width: float, height: float, description: str, *parts: Html) -> Html:
    """The drawing, as wide as its column; `description` is for a screen reader."""
    box = f"0 0 {width:g} {height:g}"
    return tag("svg", {"viewBox": box, "role": "img", "aria-label": description}, *parts)


def figure(title: str, keys: Sequence[tuple[str, str]], drawing: Html) -> Html:
    """A drawing under its title and the keys (CSS class, words) of its colours."""
    legend = [tag("span", {"class": f"key {kind}"}, words) for kind, words in keys]
    caption = tag("figcaption", None, tag("strong", None, title), *legend)
    return tag("figure", {"class": "chart"}, caption, drawing)


def label(value: float) -> str:
    """A tick's number: 0.25, 1,500, 2e-05."""
    if abs(value) >= 10_000:
        return f"{value / 1000:,.6g}k"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{0 if abs(value) < 1e-12 else value:.3g}"


def _log_share(value: float, ends: Range) -> float:
    low, high = ends
    return _share(math.log(max(value, low)), (math.log(low), math.log(high)))


def _share(value: float, ends: Range) -> float:
    low, high = ends
    return min(max((value - low) / (high - low), 0.0), 1.0)
