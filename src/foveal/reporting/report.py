"""A training run as one HTML file for people: self-contained, without scripts, light or dark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from foveal.reporting import labels, numbers, pictures, places
from foveal.reporting.calibration import calibration
from foveal.reporting.chart import Point
from foveal.reporting.classes import classes
from foveal.reporting.confusion import confusion
from foveal.reporting.curves import curves
from foveal.reporting.cutouts import Mistakes, cutouts
from foveal.reporting.data import data_section
from foveal.reporting.headline import cautions, header, headline, right_of, split_of
from foveal.reporting.markup import join
from foveal.reporting.page import Section, contents, document, note
from foveal.reporting.precision_recall import precision_recall
from foveal.reporting.settings import machine_section, settings_section
from foveal.reporting.words import things


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything the page shows, in plain values; nothing here needs to be escaped."""

    title: str
    """For example "resnet18 on caltech22"."""
    warnings: Sequence[str]
    """What changes how the figures are to be read: leaking splits, skipped images. Shown first."""
    events: Sequence[Mapping]
    """The run's records as `foveal.events` writes them, in order."""
    evaluation: Mapping
    """"task", "n", "split", "classes", "metrics" {name: figure}, "per_class" {class: {metric: figure,
    "support": images}}, "confusion" (K, K) counts with a row a true class, and "calibration" {"bins":
    [{"low", "high", "confidence", "accuracy", "count"}]}. A detector's has no "calibration", but what
    `foveal.metrics.detection.DetectionMetrics` writes, nor has a regression's or one of several labels
    (`RegressionMetrics`, `LabelMetrics`). A figure is {"value", "low", "high"} or None, and each number in it may be
    None: undefined."""
    data: Mapping
    """"name", "format", "counts" {split: {class: images}}, "ignored" [path], "skipped" [{"path", "reason"}],
    "size_hw", "channels", "store" and "split_note" (sentences)."""
    network: Mapping
    """"name", "title" and "paper" (empty where it has none), "parameters", "multiply_adds" of an image, and
    "chosen": which weights were kept."""
    config: Mapping
    """The resolved settings; nested ones are shown by dotted names."""
    reasons: Mapping[str, str]
    """Why a setting (dotted where nested) was chosen."""
    machine: Mapping
    """What `foveal.device.machine` says."""
    times: Mapping[str, float]
    """Seconds by name: reading, decoding, training, evaluation, report, total."""
    mistakes: Sequence[pictures.Shown] = ()
    """Of classes and labels the most confident mistakes, most confident first; of numbers the largest errors, largest
    first."""
    unsure: Sequence[pictures.Shown] = ()
    """Right, but the least sure, least sure first."""
    points: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    """Of a regression by target (true, said) of each image."""
    examples: places.Examples | None = None
    """Of a detector or a segmentation: images with what is there and what was found."""
    cutouts: Mapping[str, Mistakes] = field(default_factory=dict)
    """A detector's mistakes: "missed" objects, "invented" ones, and those "confused" with another class."""
    augmented: Sequence[np.ndarray]
    """What the network really saw: uint8 (H, W, C)."""
    filters: np.ndarray | None
    """The first layer's weights (out, in, kh, kw)."""


def render(report: Report) -> str:
    """The page. The same report gives the same bytes; typically below a second and 2 MB."""
    evaluation = report.evaluation
    sections = [
        curves(report.events),
        *_OF_TASK[evaluation["task"]](report),
        *([_filters(report.filters)] if report.filters is not None else []),
        *([_augmented(report.augmented)] if report.augmented else []),
        data_section(report.data),
        settings_section(report.config, report.reasons),
        machine_section(report.network, report.machine, report.times),
    ]
    return document(
        report.title,
        header(report.title, report.data, evaluation),
        cautions(report.warnings),
        headline(evaluation, report.network, report.events, report.times),
        contents(sections),
        join(*(each.html for each in sections)),
    )


def _classifier(report: Report) -> list[Section]:
    evaluation = report.evaluation
    bins = (evaluation.get("calibration") or {}).get("bins") or []
    return [
        confusion(evaluation["confusion"], evaluation["classes"], "classify"),
        classes(evaluation["per_class"]),
        calibration(bins, evaluation["metrics"].get("ece")),
        _mistakes(report.mistakes, evaluation),
        *([_unsure(report.unsure)] if report.unsure else []),
    ]


def _regression(report: Report) -> list[Section]:
    return [
        numbers.agreement(report.points),
        numbers.by_target(report.evaluation["per_target"]),
        _errors(report.mistakes),
    ]


def _label_sets(report: Report) -> list[Section]:
    return [
        labels.precision_recall(report.evaluation),
        labels.by_label(report.evaluation["per_class"]),
        _wrong_labels(report.mistakes),
    ]


def _detector(report: Report) -> list[Section]:
    evaluation = report.evaluation
    assert report.examples is not None
    return [
        precision_recall(evaluation),
        places.by_class("detect", evaluation["per_class"]),
        confusion(evaluation["confusion"], evaluation["classes"], "detect"),
        cutouts(report.cutouts),
        places.examples(report.examples),
    ]


def _segmentation(report: Report) -> list[Section]:
    evaluation = report.evaluation
    assert report.examples is not None
    return [
        places.by_class("segment", evaluation["per_class"]),
        confusion(evaluation["confusion"], evaluation["classes"], "segment"),
        places.examples(report.examples, coloured=evaluation["classes"]),
    ]


_OF_TASK = {
    "classify": _classifier,
    "multilabel": _label_sets,
    "regress": _regression,
    "detect": _detector,
    "segment": _segmentation,
}


def _mistakes(shown: Sequence[pictures.Shown], evaluation: Mapping) -> Section:
    right, total = right_of(evaluation)
    if shown:
        words = (
            "Most confident first, each as truth → what was said, and the score. Look here for wrong labels, "
            "for pictures that show two things, and for what the network took for the object."
        )
        body = join(note(words), pictures.predictions(shown, right=False))
    elif right == total:
        body = note(f"None: all {things(total, f'{split_of(evaluation)} image')} were recognised right.")
    else:
        body = note("No pictures were kept of this run's mistakes.")
    return Section(anchor="mistakes", title="Its most confident mistakes", short="Mistakes", body=body)


def _wrong_labels(shown: Sequence[pictures.Shown]) -> Section:
    words = (
        "The surest first, an image each: the labels that are there → what was said against them, and the score of "
        "that label: high where it was told and isn't there, low where it is there and wasn't told. Look here for "
        "labels that somebody forgot."
    )
    body = join(note(words), pictures.predictions(shown, right=False)) if shown else note("None: every label is right.")
    return Section(anchor="mistakes", title="Its most confident mistakes", short="Mistakes", body=body)


def _errors(shown: Sequence[pictures.Shown]) -> Section:
    words = (
        "The largest first, each as truth → what was said, and by how many of the target's standard "
        "deviations it is off. Look here for wrong numbers, and for pictures that don't show what the number says."
    )
    body = join(note(words), pictures.predictions(shown, right=False))
    return Section(anchor="mistakes", title="Its largest errors", short="Errors", body=body)


def _unsure(shown: Sequence[pictures.Shown]) -> Section:
    words = "Right, but with the lowest scores, least sure first: more images like these help most."
    body = join(note(words), pictures.predictions(shown, right=True))
    return Section(anchor="unsure", title="Right, but barely", short="Doubts", body=body)


def _filters(weights: np.ndarray) -> Section:
    out, inputs, height, width = weights.shape
    many = f"{min(out, pictures.MOST_FILTERS)} of {out}" if out > pictures.MOST_FILTERS else f"All {out}"
    seen = {1: "grey", 3: "in the colours they answer to"}.get(inputs, f"a mosaic of its {inputs} inputs each, in grey")
    words = (
        f"{many} filters of the first layer, {height} × {width} pixels, {seen}. Mid-grey is zero; each is "
        "scaled for itself. Edges and spots mean that it learned; noise means too few images or steps."
    )
    return Section(
        anchor="filters",
        title="First-layer filters",
        short="Filters",
        body=join(note(words), pictures.filters(weights)),
    )


def _augmented(images: Sequence[np.ndarray]) -> Section:
    words = (
        "Training images exactly as the network saw them. If you can't tell what they are to teach, neither can it: "
        "augment less."
    )
    return Section(
        anchor="augmented",
        title="What the network saw",
        short="Augmented",
        body=join(note(words), pictures.sheet(images)),
    )
