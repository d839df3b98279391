"""The top of the page: the title, what to know before reading on, and the figures that sum the run up."""

from collections.abc import Mapping, Sequence

from foveal.reporting.markup import Html, tag
from foveal.reporting.page import fold, track
from foveal.reporting.tasks.presentation import Metric, Presentation
from foveal.reporting.words import (
    count,
    decimal,
    duration,
    interval,
    interval_of,
    large,
    measure,
    measure_interval,
    number_of,
    things,
)

MOST_WARNINGS = 6
SPLITS = {"test": "test", "val": "validation", "train": "training"}


def header(title: str, data: Mapping, num_classes: int, presentation: Presentation) -> Html:
    """The title and one sentence on the images."""
    counts = {split: sum(classes.values()) for split, classes in data["counts"].items()}
    splits = ", ".join(f"{number:,} {SPLITS.get(split, split)}" for split, number in counts.items())
    nouns = presentation.nouns
    counted = things(sum(counts.values()), nouns.counted)
    about = f"{counted} of {data['name']} {nouns.classes(num_classes)}: {splits}."
    return tag(
        "header",
        None,
        tag("p", {"class": "eyebrow"}, "Training report"),
        tag("h1", None, title),
        tag("p", {"class": "about"}, about),
    )


def cautions(warnings: Sequence[str]) -> Html:
    """What changes how the figures are to be read; nothing where there is nothing."""
    if not warnings:
        return Html("")
    body = [_items(warnings[:MOST_WARNINGS])]
    if len(warnings) > MOST_WARNINGS:
        body.append(fold(f"{len(warnings) - MOST_WARNINGS:,} more", _items(warnings[MOST_WARNINGS:])))
    return tag(
        "aside",
        {"class": "cautions", "id": "warnings"},
        tag("h2", None, "Before you trust the figures"),
        *body,
    )


def headline(
    evaluation: Mapping,
    presentation: Presentation,
    network: Mapping,
    events: Sequence[Mapping],
    times: Mapping[str, float],
) -> Html:
    """The task's own figure, large; the other metrics; and what the network weighs and took."""
    measured, known = evaluation["metrics"], presentation.metrics
    top = presentation.headline(evaluation)
    names = [name for name in known if name in measured] + [name for name in measured if name not in known]
    figures = [_figure_of(presentation.metric(name), measured[name]) for name in names if name != top.metric]
    return tag(
        "section",
        {"id": "headline", "aria-label": "Headline figures"},
        _large(presentation.metric(top.metric), measured[top.metric], top.sentence),
        tag("dl", {"class": "figures"}, *figures),
        tag("dl", {"class": "figures facts"}, *_facts(network, events, times)),
    )


def evaluated_images(evaluation: Mapping) -> str:
    """How many images were measured, and of what split."""
    return things(evaluation["n"], f"{split_of(evaluation)} image")


def split_of(evaluation: Mapping) -> str:
    """The split that was measured, as a word before "images"."""
    return SPLITS.get(evaluation["split"], evaluation["split"])


def _large(metric: Metric, record: object, sentence: str) -> Html:
    value, ends = number_of(record), interval_of(record)
    shown, between = _number(metric, record)
    sure = [] if ends is None else [tag("span", {"class": "interval"}, "95\u00a0% interval ", between)]
    return tag(
        "div",
        {"class": "accuracy"},
        tag("p", {"class": "value"}, shown, tag("span", None, metric.in_line)),
        track(value, ends) if value is not None and not metric.in_unit else Html(""),
        tag("p", {"class": "words"}, sentence, *sure),
    )


def _number(metric: Metric, record: object) -> tuple[str, str]:
    """A figure and its interval in words."""
    if metric.in_unit:
        return measure(record), measure_interval(record)
    return decimal(record), interval(record)


def _figure_of(metric: Metric, record: object) -> Html:
    shown, between = _number(metric, record)
    return _figure(metric.title, shown, between or metric.hint, metric.hint if between else "")


def _figure(title: str, value: str, below: str, hint: str = "") -> Html:
    name = tag("dt", None, title)
    lines = [tag("small", None, words) for words in (below, hint) if words]
    return tag("div", None, name, tag("dd", None, tag("b", None, value), *lines))


def _facts(network: Mapping, events: Sequence[Mapping], times: Mapping[str, float]) -> list[Html]:
    speeds = [event["images_per_second"] for event in events if event.get("images_per_second") is not None]
    seconds = [event["seconds"] for event in events if event.get("seconds") is not None]
    epochs = [event["epoch"] for event in events if event.get("event") == "epoch"]
    total = times.get("total", seconds[-1] if seconds else None)
    return [
        _figure("Parameters", large(network.get("parameters")), "numbers learned"),
        _figure("Multiply-adds", large(network.get("multiply_adds")), "for one image"),
        _figure("Training speed", count(speeds[-1]) if speeds else "–", "images per second"),
        _figure(
            "Total time",
            duration(total),
            things(max(epochs), "epoch") if epochs else "",
        ),
    ]


def _items(words: Sequence[str]) -> Html:
    return tag("ul", None, *(tag("li", None, each) for each in words))
