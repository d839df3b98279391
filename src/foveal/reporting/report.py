"""A training run as one HTML file for people: self-contained, without scripts, light or dark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foveal.reporting import pictures
from foveal.reporting.curves import curves
from foveal.reporting.data import data_section
from foveal.reporting.headline import cautions, header, headline
from foveal.reporting.markup import join
from foveal.reporting.page import Section, contents, document, note
from foveal.reporting.settings import machine_section, settings_section
from foveal.reporting.tasks import PRESENTATIONS


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
    """What `Evaluation.to_json` gives: "task", "n", "split", "classes", "metrics" {name: figure}, and what the sections
    of the task read, such as "per_class" {class: {metric: figure}}. A figure is {"value", "low", "high"} or None, and
    each number in it may be None: undefined."""
    data: Mapping
    """"name", "format", "counts" {split: {class: images}}, "ignored" [path], "skipped" [{"path", "reason"}],
    "size_hw", "channels", "store" and "split_note" (sentences)."""
    network: Mapping
    """"name", "title" and "paper" (empty where it has none), "parameters", "multiply_adds" of an image, and
    "chosen": which weights were saved."""
    config: Mapping
    """The resolved settings; nested ones are shown by dotted names."""
    reasons: Mapping[str, str]
    """Why a setting (dotted where nested) was chosen."""
    machine: Mapping
    """What `foveal.device.machine` returns."""
    times: Mapping[str, float]
    """Seconds by name: reading, decoding, training, evaluation, report, total."""
    gallery: Any
    """Pictures of evaluated images, as the task's `Presentation.gallery` makes them."""
    augmented: Sequence[np.ndarray]
    """What the network really saw: uint8 (H, W, C)."""
    filters: np.ndarray | None
    """The first layer's weights (out, in, kh, kw)."""


def render(report: Report) -> str:
    """The page. The same report gives the same bytes; typically below a second and 2 MB."""
    evaluation = report.evaluation
    presentation = PRESENTATIONS[evaluation["task"]]
    sections = [
        curves(report.events, presentation.curves),
        *presentation.sections(evaluation, report.gallery),
        *([_filters(report.filters)] if report.filters is not None else []),
        *([_augmented(report.augmented)] if report.augmented else []),
        data_section(report.data),
        settings_section(report.config, report.reasons),
        machine_section(report.network, report.machine, report.times),
    ]
    return document(
        report.title,
        header(report.title, report.data, len(evaluation["classes"]), presentation),
        cautions(report.warnings),
        headline(evaluation, presentation, report.network, report.events, report.times),
        contents(sections),
        join(*(each.html for each in sections)),
    )


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
        "Training images exactly as the network saw them. If you can't recognise what they show, neither can the "
        "network: augment less."
    )
    return Section(
        anchor="augmented",
        title="What the network saw",
        short="Augmented",
        body=join(note(words), pictures.sheet(images)),
    )
