"""A tuning as one HTML file: the best settings, every trial, and how each setting went with the figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from foveal.reporting.chart import Frame, Point, axes, dot, figure, line, log_ticks, svg, text, ticks
from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Column, Section, contents, document, note, side_by_side, table
from foveal.reporting.words import duration, setting, things

LOGARITHMIC = ("lr", "weight_decay")
TITLES = {"lr": "learning rate", "weight_decay": "weight decay", "augmentation": "augmentation strength"}


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One trial."""

    number: int
    """From 1."""
    shown: Mapping[str, Any]
    """What was varied, by name: "network", "lr", "weight_decay", "augmentation"."""
    figure: float | None
    """On the validation images; None where it did not come to an end."""
    ended: str
    """Why it did not: "given up", "diverged" or "failed"; else empty."""
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """All that the page shows."""

    title: str
    figure: str
    """The metric that ranks trials."""
    higher_is_better: bool
    num_validation: int
    """Images that the trials are measured on."""
    planned: int
    trials: Sequence[Tried]

    @property
    def ranked(self) -> list[Tried]:
        """The best first, then those that did not come to an end."""
        whole = [(each.figure, each) for each in self.trials if each.figure is not None]
        whole.sort(key=lambda pair: pair[0], reverse=self.higher_is_better)
        return [each for _, each in whole] + [each for each in self.trials if each.figure is None]

    @property
    def best(self) -> Tried | None:
        """None where no trial came to an end."""
        first = next(iter(self.ranked), None)
        return first if first and first.figure is not None else None


def in_words(shown: Mapping[str, Any]) -> str:
    """Such as "resnet18, learning rate 0.003, augmentation strength 0.8"."""
    return ", ".join(str(value) if name == "network" else f"{_title(name)} {value:g}" for name, value in shown.items())


def render_tuning(tuning: Tuning) -> str:
    """The page."""
    sections = [_trials(tuning), *([_settings(tuning)] if tuning.best else [])]
    return document(
        tuning.title,
        tag("header", None, tag("h1", None, tuning.title), tag("p", {"class": "about"}, *_summary(tuning))),
        contents(sections),
        join(*(each.html for each in sections)),
    )


def _summary(tuning: Tuning) -> list[str]:
    words = [f"{len(tuning.trials)} of {things(tuning.planned, 'trial')}. "]
    if tuning.best:
        words.append(
            f"The best was trial {tuning.best.number}: {in_words(tuning.best.shown)}, "
            f"{_name(tuning)} {tuning.best.figure:.4f} on {things(tuning.num_validation, 'validation image')}. "
        )
    return words


def _trials(tuning: Tuning) -> Section:
    words = (
        "The best of many trials is optimistically biased: part of its lead is luck on these validation images, and "
        "the more trials, the larger that part. The test images were not read: train once with the best "
        "settings to measure on them. A trial that did worse than the median of those before it at the same point was "
        "given up."
    )
    names = list(dict.fromkeys(name for each in tuning.trials for name in each.shown))
    columns = [
        Column(title="trial", width="5em", numeric=True),
        Column(title=_name(tuning), width="9em", numeric=True),
        *(Column(title=_title(name), numeric=name != "network") for name in names),
        Column(title="time", numeric=True),
    ]
    rows = [
        [
            str(each.number),
            each.ended if each.figure is None else f"{each.figure:.4f}",
            *(setting(each.shown.get(name)) for name in names),
            duration(each.seconds),
        ]
        for each in tuning.ranked
    ]
    return Section(anchor="trials", title="Trials", short="Trials", body=join(note(words), table(columns, rows)))


def _settings(tuning: Tuning) -> Section:
    whole = [each for each in tuning.trials if each.figure is not None]
    names = [name for name in whole[0].shown if name != "network"]
    charts = [_by_number(tuning, whole), *(_by_setting(tuning, whole, name) for name in names)]
    if len({each.shown["network"] for each in whole}) > 1:
        charts.append(_by_network(tuning, whole))
    words = (
        "Each dot is a trial that came to an end; a ring is the best one. No slope: the setting hardly matters here."
    )
    pairs = [side_by_side(*charts[start : start + 2]) for start in range(0, len(charts), 2)]
    return Section(anchor="settings", title="What made a difference", short="Settings", body=join(note(words), *pairs))


def _by_number(tuning: Tuning, whole: Sequence[Tried]) -> Html:
    frame = Frame(x=(0, max(tuning.planned, len(tuning.trials)) + 1), y=_ends([each.figure for each in whole]))
    best_so_far: list[tuple[float, float]] = []
    for each in whole:
        choose = max if tuning.higher_is_better else min
        best_so_far.append((each.number, choose([each.figure or 0.0, *(value for _, value in best_so_far[-1:])])))
    drawn = [
        line(frame, best_so_far, "val"),
        *_dots(tuning, frame, whole, lambda each: (each.number, each.figure or 0.0)),
    ]
    marks = axes(frame, ticks(*frame.x, whole=True), ticks(*frame.y), x_title="trial")
    title = f"{_name(tuning).capitalize()}, by trial"
    return figure(title, [("val", "best so far")], svg(frame.width, frame.height, title, marks, *drawn))


def _by_setting(tuning: Tuning, whole: Sequence[Tried], name: str) -> Html:
    values = [float(each.shown[name]) for each in whole]
    logarithmic = name in LOGARITHMIC and min(values) > 0
    ends = (min(values) * 0.8, max(values) * 1.25) if logarithmic else _ends(values)
    frame = Frame(x=ends, y=_ends([each.figure for each in whole]), log_x=logarithmic)
    marks = log_ticks(*ends) if logarithmic else ticks(*ends)
    if logarithmic and len(marks) < 2:
        marks = [min(values), max(values)]
    title = f"{_name(tuning).capitalize()}, by {_title(name)}"
    drawn = _dots(tuning, frame, whole, lambda each: (float(each.shown[name]), each.figure or 0.0))
    lines = axes(frame, marks, ticks(*frame.y), x_title=_title(name))
    return figure(title, [], svg(frame.width, frame.height, title, lines, *drawn))


def _by_network(tuning: Tuning, whole: Sequence[Tried]) -> Html:
    """A row a network, with its figures along it: names take more room than numbers do."""
    names = list(dict.fromkeys(each.shown["network"] for each in whole))
    frame = Frame(
        x=_ends([each.figure for each in whole]),
        y=(len(names) - 0.5, -0.5),  # the first at the top
        height=60 + 32 * len(names),
        left=16 + 8 * max(map(len, names)),  # pixels a letter on a phone, where type is largest
    )
    rows = [text(frame.left - 8, frame.down(row) + 4.5, name, "end") for row, name in enumerate(names)]
    drawn = _dots(tuning, frame, whole, lambda each: (each.figure or 0.0, names.index(each.shown["network"])))
    lines = axes(frame, ticks(*frame.x), [], x_title=_name(tuning))
    title = f"{_name(tuning).capitalize()}, by network"
    return figure(title, [], svg(frame.width, frame.height, title, lines, *rows, *drawn))


def _dots(tuning: Tuning, frame: Frame, whole: Sequence[Tried], place: Callable[[Tried], Point]) -> list[Html]:
    best = tuning.best
    return [
        dot(
            frame,
            place(each),
            "val ring" if each is best else "val",
            f"trial {each.number}: {each.figure:.4f}; {in_words(each.shown)}",
        )
        for each in whole
    ]


def _ends(values: Sequence[float | None]) -> tuple[float, float]:
    """A range that holds all values, with some room."""
    known = [value for value in values if value is not None]
    room = 0.06 * (max(known) - min(known)) or 0.05 * abs(known[0]) or 0.01
    return min(known) - room, max(known) + room


def _title(name: str) -> str:
    return TITLES.get(name, name)


def _name(tuning: Tuning) -> str:
    return tuning.figure.replace("_", " ")
