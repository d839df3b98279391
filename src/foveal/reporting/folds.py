"""A cross-validation as one HTML file: its metrics fold by fold, and how to read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foveal.reporting.headline import cautions
from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Column, Row, Section, contents, document, note, table, track
from foveal.reporting.settings import machine_section, settings_section
from foveal.reporting.tasks import PRESENTATIONS
from foveal.reporting.tasks.presentation import Metric
from foveal.reporting.words import count, decimal, interval, interval_of, number_of, things

_CAUTION = (
    "The interval is the t-interval of the folds' figures (Student 1908). Their networks learned from many of the same "
    "images, so the figures are not independent, and the variance of the mean has no unbiased estimate (Bengio "
    "& Grandvalet 2004): take the interval as too narrow rather than too wide."
)
_USE = (
    "A cross-validation estimates what these settings give; none of its networks is the one to use. That one learns "
    "from the images of all folds by the same settings, and so tends to do a little better. To train it:"
)


@dataclass(frozen=True, kw_only=True)
class FoldsReport:
    """Everything the page shows, in plain values; nothing here needs to be escaped."""

    title: str
    """For example "resnet18 on caltech22"."""
    warnings: Sequence[str]
    about: Mapping[str, int]
    """"images" in the folds, "of" so many that there are, in so many "classes"."""
    task: str
    primary: str
    """The figure that stands large."""
    metrics: Mapping[str, Mapping]
    """By name, the mean over the folds and its interval: {"value", "low", "high"}, each of which may be None."""
    folds: Sequence[Mapping]
    """Each fold's "fold", "seconds", "n" (images tested) and "metrics" {name: value or None}."""
    config: Mapping
    reasons: Mapping[str, str]
    network: Mapping
    machine: Mapping


def render_folds(report: FoldsReport) -> str:
    """The page."""
    times = {f"fold {each['fold']}": each["seconds"] for each in report.folds}
    network = {name: value for name, value in report.network.items() if name != "chosen"}
    sections = [
        _fold_by_fold(report),
        _use(),
        settings_section(report.config, report.reasons),
        machine_section(network, report.machine, {**times, "total": sum(times.values())}),
    ]
    return document(
        report.title,
        _header(report),
        cautions(report.warnings),
        _headline(report),
        contents(sections),
        join(*(each.html for each in sections)),
    )


def _header(report: FoldsReport) -> Html:
    images, everything = report.about["images"], report.about["of"]
    alone = f"; {things(everything - images, 'image')} of the test split took no part" if everything > images else ""
    about = (
        f"{things(images, 'image')} in {things(report.about['classes'], 'class', 'classes')}, each tested once, by a "
        f"network that learned from the other folds{alone}."
    )
    return tag(
        "header",
        None,
        tag("p", {"class": "eyebrow"}, f"Cross-validation report, {len(report.folds)} folds"),
        tag("h1", None, report.title),
        tag("p", {"class": "about"}, about),
    )


def _headline(report: FoldsReport) -> Html:
    figure, primary = report.metrics[report.primary], PRESENTATIONS[report.task].metric(report.primary)
    value, ends = number_of(figure), interval_of(figure)
    found = [each["metrics"][report.primary] for each in report.folds]
    defined = [number for number in found if number is not None]
    words = f"from {decimal(min(defined))} to {decimal(max(defined))} by fold" if defined else "undefined in all folds"
    sure = [] if ends is None else [tag("span", {"class": "interval"}, "95\u00a0% t-interval ", interval(figure))]
    body = tag(
        "div",
        {"class": "accuracy"},
        tag(
            "p",
            {"class": "value"},
            decimal(figure),
            tag("span", None, f"{primary.in_line}, mean of folds"),
        ),
        track(value, ends) if value is not None else Html(""),
        tag("p", {"class": "words"}, words, *sure),
    )
    return tag("section", {"id": "headline", "aria-label": "Headline figures"}, body)


def _fold_by_fold(report: FoldsReport) -> Section:
    presentation = PRESENTATIONS[report.task]
    names = [report.primary, *(name for name in report.metrics if name != report.primary)]
    columns = [
        Column(title="figure", width="17em"),
        Column(title="mean, interval", width="9em", numeric=True),
        *(Column(title=_link(each["fold"]), width="5em", numeric=True) for each in report.folds),
        Column(title=""),
    ]
    tested = [each["n"] for each in report.folds]
    rows: list[Row] = [["images tested", count(sum(tested)), *map(count, tested), ""]]
    for name in names:
        figure = report.metrics[name]
        mean = join(decimal(figure), tag("small", None, interval(figure)))
        title = _title(presentation.metric(name))
        rows.append([title, mean, *(decimal(each["metrics"][name]) for each in report.folds), ""])
    body = join(note(_CAUTION), table(columns, rows))
    return Section(anchor="folds", title="Fold by fold", short="Folds", body=body)


def _link(fold: int) -> Html:
    return tag("a", {"href": f"fold-{fold}/report.html"}, f"fold {fold}")


def _use() -> Section:
    command = tag("p", None, tag("code", None, "foveal train --config config.json --folds 0"))
    return Section(anchor="use", title="Which network to use", short="Use", body=join(note(_USE), command))


def _title(metric: Metric) -> Html:
    return join(metric.title, " ", tag("small", None, metric.hint))
