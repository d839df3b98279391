"""Learning curves from a run's events: loss, accuracy, learning rate and training size over epochs."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from foveal.reporting.chart import (
    Frame,
    Point,
    axes,
    dot,
    figure,
    label,
    line,
    log_ticks,
    svg,
    thinned,
    ticks,
    upright,
)
from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Section, note, side_by_side
from foveal.reporting.words import number_of
from foveal.training.rate_finder import smoothed

MOST_DOTS = 40
"""Epochs up to which each is a dot on its line."""
LOG_FROM = 100
"""Ratio of the largest loss of an epoch to the smallest from which a linear scale hides the later epochs."""
SMALLEST_SHARE = 1e-4
"""Of the largest loss, at which a logarithmic scale ends; smaller losses stand on its edge."""


@dataclass(frozen=True, kw_only=True)
class History:
    """A run's records, sorted out."""

    steps: Sequence[Mapping]
    epochs: Sequence[Mapping]
    saved: Mapping | None
    """The epoch whose weights the model file holds."""
    unit: float
    """Steps that make 1 on the horizontal axis: an epoch, or one step in a run of an epoch or less."""
    total: float
    """Where the horizontal axis ends."""
    stopped: str
    """Why the run ended before its plan, or nothing."""

    @property
    def x_title(self) -> str:
        return "step" if self.unit == 1 else "epoch"

    def x(self, record: Mapping) -> float:
        """Where the record stands on the horizontal axis."""
        return record["step"] / self.unit

    def points(self, records: Sequence[Mapping], name: str, part: str = "") -> list[Point]:
        """(x, figure) of the records that hold the figure `name`, directly or below `part`."""
        values = [number_of((record.get(part) or {} if part else record).get(name)) for record in records]
        return [(self.x(record), value) for record, value in zip(records, values, strict=True) if value is not None]


def history(events: Sequence[Mapping]) -> History:
    """The records by kind, and the scale they are drawn on."""
    of_kind = {
        kind: [event for event in events if event.get("event") == kind]
        for kind in ("plan", "step", "epoch", "stopped", "finished")
    }
    epochs = of_kind["epoch"]
    last = max((event["step"] for event in events), default=0)
    per_epoch = max((event["steps_per_epoch"] for event in of_kind["plan"]), default=0)
    unit = per_epoch if 0 < per_epoch < last else 1
    reason = of_kind["stopped"][-1]["reason"] if of_kind["stopped"] and not of_kind["finished"] else ""
    return History(
        steps=of_kind["step"],
        epochs=epochs,
        saved=next((event for event in reversed(epochs) if event["kept"]), None),
        unit=float(unit),
        total=max(last / unit, 1e-9),
        stopped=reason,
    )


def curves(events: Sequence[Mapping], of_task: Callable[[History], Sequence[Html]]) -> Section:
    """The section on how the training went, with the charts that its task has of a run."""
    run = history(events)
    charts = [each for each in of_task(run) if each]
    small = [each for each in (_sweep(events), _learning_rate(run), _size(run)) if each]
    if not charts:
        body = note("The run has left no records of its training.")
    else:
        body = join(note(*_words(run)), side_by_side(*charts), tag("div", {"class": "small"}, side_by_side(*small)))
    return Section(anchor="curves", title="How the training went", short="Curves", body=body)


def _words(run: History) -> list[str]:
    validated = any(record["val"] for record in run.epochs)
    words = []
    if validated:
        words.append(
            "Training figures are of the images as augmented, with dropout and the like switched on, so they "
            "may be worse than those of validation. Validation figures that get worse while training goes on "
            "improving mean overfitting. "
        )
    else:
        words.append("There were no validation images, so these curves can't show overfitting. ")
    if run.saved is not None:
        words.append(f"The dashed line marks epoch {run.saved['epoch']}, whose weights the model file holds. ")
    sizes = {record["size"] for record in run.steps}
    if len(sizes) == 1:
        words.append(f"All steps took images of {sizes.pop()} pixels a side. ")
    if run.stopped:
        words.append(f"The run stopped before its plan: {run.stopped}.")
    return words


def log_loss(run: History) -> Html:
    """The chart of the log loss, or of the loss that was minimised where there was no validation."""
    validated = any(record["val"] for record in run.epochs)
    return _losses(run, "log_loss", "Log loss") if validated else loss(run)


def loss(run: History) -> Html:
    """The chart of what was minimised."""
    return _losses(run, "loss", "Loss")


def _losses(run: History, name: str, title: str) -> Html:
    """The same loss on both sides."""
    train, val = run.points(run.epochs, name, "train"), run.points(run.epochs, name, "val")
    minimised = run.points(run.epochs, "loss", "train")
    # Smoothing, auxiliary terms or another loss: what was minimised is no log loss, and steps don't compare.
    same = all(abs(a[1] - b[1]) <= 0.02 * abs(b[1]) + 1e-6 for a, b in zip(minimised, train, strict=False))
    steps = thinned(run.points(run.steps, "loss")) if same else []
    if not (train or val or steps):
        return Html("")
    frame = _loss_frame(run.total, [y for _, y in train + val], sorted(y for _, y in steps))
    title += ", logarithmic scale" if frame.log_y else ""
    return _chart(run, title, steps, train, val, frame)


def _loss_frame(total: float, shown: Sequence[float], by_height: Sequence[float]) -> Frame:
    """Room for all epochs' losses `shown`, and for all but the highest of the steps', sorted `by_height`."""
    high = max([*shown, *by_height[: math.ceil(0.98 * len(by_height))]])
    above = [y for y in shown if y > 0]
    if above and min(shown) >= 0 and max(above) > LOG_FROM * min(above):
        low = max(min(above), max(above) * SMALLEST_SHARE)
        return Frame(x=(0, total), y=(low / 1.3, high * 1.3), log_y=True)
    return Frame(x=(0, total), y=(min(0.0, *shown, *by_height), high * 1.04 or 1.0))


def accuracy(run: History) -> Html:
    """The chart of the share of images that were classified right."""
    train, val = run.points(run.epochs, "accuracy", "train"), run.points(run.epochs, "accuracy", "val")
    steps = thinned(run.points(run.steps, "accuracy", "figures"))
    shown = [y for _, y in train + val + steps]
    if not shown:
        return Html("")
    low = max(0.0, int(min(shown) * 10 - 1e-9) / 10)
    return _chart(run, "Accuracy", steps, train, val, Frame(x=(0, run.total), y=(min(low, 0.9), 1.0)))


def validation(run: History, name: str, title: str) -> Html:
    """The chart of a share that only validation measures."""
    val = run.points(run.epochs, name, "val")
    if not val:
        return Html("")
    return _chart(run, title, [], [], val, Frame(x=(0, run.total), y=(0.0, 1.0)))


def error(run: History, name: str, title: str) -> Html:
    """The chart of a metric of training and validation images that is best at 0."""
    train, val = run.points(run.epochs, name, "train"), run.points(run.epochs, name, "val")
    if not (train or val):
        return Html("")
    most = max(y for _, y in train + val)
    return _chart(run, title, [], train, val, Frame(x=(0, run.total), y=(0.0, 1.05 * most or 1.0)))


def _chart(
    run: History,
    title: str,
    steps: Sequence[Point],
    train: Sequence[Point],
    val: Sequence[Point],
    frame: Frame,
) -> Html:
    parts = [_axes(run, frame, log_ticks(*frame.y) if frame.log_y else ticks(*frame.y))]
    if run.saved is not None:
        parts.append(upright(frame, run.x(run.saved), "saved"))
    if steps:
        parts.append(line(frame, steps, "step"))
    keys = [("step", "training, by step")] if steps else []
    for points, kind, words in ((train, "train", "training"), (val, "val", "validation")):
        if not points:
            continue
        keys.append((kind, words))
        parts.append(line(frame, points, kind))
        if len(points) <= MOST_DOTS:
            parts += [dot(frame, each, kind, f"{words}, {run.x_title} {each[0]:.4g}: {each[1]:.4g}") for each in points]
    parts += [
        dot(frame, each, f"{'val' if val else 'train'} ring", f"saved: {each[1]:.4g}")
        for each in val or train
        if run.saved is not None and each[0] == run.x(run.saved)
    ]
    last = f"; at the end {(val or train or steps)[-1][1]:.3g}"
    return figure(title, keys, svg(frame.width, frame.height, f"{title} over {run.x_title}s{last}", *parts))


def _learning_rate(run: History) -> Html:
    points = thinned(run.points(run.steps, "lr"))
    peak = max((y for _, y in points), default=0.0) * 1.08 or 1.0
    return _small(run, "Learning rate", points, (0, peak), ticks(0, peak, about=3))


def _sweep(events: Sequence[Mapping]) -> Html:
    """The loss over the rates that were tried before training, up to the first step's."""
    found = next((event for event in events if event.get("event") == "rate"), None)
    if found is None:
        return Html("")
    places = [math.log10(rate) for rate in found["rates"]]
    losses = [loss for loss in found["losses"] if math.isfinite(loss)]
    means = smoothed(losses)
    low, high = min(losses), max(means[0], losses[0])
    frame = Frame(x=(places[0], places[-1]), y=(low - 0.1 * (high - low), high + 0.1 * (high - low)), height=160)
    drawing = svg(
        frame.width,
        frame.height,
        f"Loss over the learning rate's logarithm; taken was {label(found['lr'])}",
        axes(frame, ticks(*frame.x, whole=True), ticks(*frame.y, about=3), x_title="log10 of the learning rate"),
        upright(frame, math.log10(found["lr"]), "saved"),
        line(frame, list(zip(places, losses, strict=False)), "step"),
        line(frame, list(zip(places, means, strict=False)), "train"),
    )
    keys = [("step", "loss"), ("train", "smoothed")]
    return figure(f"Sweep of the learning rate: {label(found['lr'])} taken", keys, drawing)


def _size(run: History) -> Html:
    points = run.points(run.steps, "size")
    sizes = sorted({y for _, y in points})
    if len(sizes) < 2:
        return Html("")
    y_ticks = sizes if len(sizes) <= 4 else ticks(0, sizes[-1], about=3)
    corners = [
        corner
        for (x, y), (_, before) in zip(points, [points[0], *points], strict=False)
        for corner in (((x, before), (x, y)) if y != before else ())
    ]
    return _small(
        run, "Training size, pixels a side", [points[0], *corners, points[-1]], (0, sizes[-1] * 1.08), y_ticks
    )


def _small(run: History, title: str, points: Sequence[Point], y: tuple[float, float], y_ticks: Sequence[float]) -> Html:
    if not points:
        return Html("")
    frame = Frame(x=(0, run.total), y=y, height=160)
    words = f"{title} over {run.x_title}s, at most {label(max(y for _, y in points))}"
    return figure(
        title,
        [],
        svg(frame.width, frame.height, words, _axes(run, frame, y_ticks), line(frame, points, "train")),
    )


def _axes(run: History, frame: Frame, y_ticks: Sequence[float]) -> Html:
    return axes(frame, ticks(*frame.x, about=6, whole=run.total >= 1), y_ticks, x_title=run.x_title)
