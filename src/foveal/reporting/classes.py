"""The table by class, worst first."""

from collections.abc import Mapping, Sequence

from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Column, Row, Section, folded_table, note, track
from foveal.reporting.words import count, decimal, interval, interval_of, number_of

MOST_ROWS = 40
TITLES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "AP",
}


def classes(per_class: Mapping[str, Mapping]) -> Section:
    """The section of figures by class."""
    words = note(
        "Worst first. Precision: of the images predicted as the class, the share that is. Recall: of "
        "the images of the class, the share predicted as it. F1: their harmonic mean. AUROC and AP: how "
        "well the score ranks the class's images before all others. Small figures and pale "
        "bands are 95\u00a0% intervals; "
        "few images make them wide."
    )
    return Section(
        anchor="classes",
        title="Class by class",
        short="Classes",
        body=join(words, by_support(per_class, one="class", many="classes")),
    )


def by_support(per_class: Mapping[str, Mapping], *, one: str, many: str) -> Html:
    """The table of figures and of `support`, in images; a row is called `one`, and several `many`."""
    measured = {name for figures in per_class.values() for name in figures} - {"support"}
    names = [name for name in TITLES if name in measured] + sorted(measured - set(TITLES))
    primary = next((name for name in ("f1", "recall", *names) if name in measured), "")
    ordered = sorted(per_class.items(), key=lambda item: _rank(item[1], primary))
    columns = [
        Column(title=one),
        Column(title="images", width="5.5em", numeric=True),
        Column(title=f"{_title(primary)}, 0 to 1", width="17%"),
        *(Column(title=_title(name), width="7.4em", numeric=True) for name in names),
    ]
    rows = [_row(name, figures, names, primary) for name, figures in ordered]
    return tag("div", {"class": "by-class"}, folded_table(columns, rows, most=MOST_ROWS, others=f"more {many}"))


def _rank(figures: Mapping, primary: str) -> tuple[bool, float, float]:
    """Unmeasured classes last, then the worst first, and of equals the one with more images."""
    value = number_of(figures.get(primary))
    return value is None, value or 0.0, -(number_of(figures.get("support")) or 0.0)


def _row(name: str, figures: Mapping, names: Sequence[str], primary: str) -> Row:
    value, ends = number_of(figures.get(primary)), interval_of(figures.get(primary))
    scale = Html("") if value is None else track(value, ends)
    return [name, count(figures.get("support")), scale, *(_cell(figures.get(each)) for each in names)]


def _cell(record: Mapping | None) -> Html:
    return join(decimal(record), tag("small", None, interval(record)))


def _title(name: str) -> str:
    return TITLES.get(name, name.replace("_", " "))
