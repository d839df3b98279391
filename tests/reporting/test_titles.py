"""Each number of the page stands under its own title, in its own row, and the rows in the order that is promised."""

import re
from dataclasses import replace
from typing import Any

import pytest
from tests.reporting.test_labels import labels
from tests.reporting.test_numbers import regression
from tests.reporting.test_places import EXAMPLES, detector, segmentation
from tests.reporting.test_report import Page, happened, report

from foveal.reporting.report import Report, render


class Tables(Page):
    """The tables of a page as rows of cells, small print left out, and the figures at its top by their titles."""

    def __init__(self, html: str) -> None:
        self.tables: list[list[list[str]]] = []
        self.figures: dict[str, str] = {}
        self._title = ""
        super().__init__(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("th", "td"):
            self.tables[-1][-1].append("")

    def handle_data(self, data: str) -> None:
        super().handle_data(data)
        if "small" not in self.open and ("th" in self.open or "td" in self.open):
            self.tables[-1][-1][-1] += data
        if self.open[-1:] == ["dt"]:
            self._title = data
        if self.open[-2:] == ["dd", "b"]:
            self.figures[self._title] = data

    def of(self, first: str, other: str = "") -> list[dict[str, str]]:
        """The rows of the table whose first column is called so, and some other one so, by their columns' titles."""
        head, *rows = next(each for each in self.tables if each[0][0] == first and (not other or other in each[0]))
        return [dict(zip(head, row, strict=True)) for row in rows]


def figure(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.05, "high": value + 0.04}


def distinct(names: list[str], start: float = 0.2) -> dict[str, dict[str, float]]:
    """By name a figure that no other has."""
    return {name: figure(round(start + 0.011 * index, 3)) for index, name in enumerate(names)}


def with_evaluation(record: Report, **changes: Any) -> Report:
    return replace(record, evaluation={**record.evaluation, **changes})


def of_classes(names: list[str], primary: str, **counts: list[float]) -> dict[str, dict[str, Any]]:
    """Three classes with figures all their own, in no order."""
    made = {}
    for index, (name, start) in enumerate({"ant": 0.5, "bee": 0.2, "cat": 0.7}.items()):
        figures = {**distinct(names, start), **{count: values[index] for count, values in counts.items()}}
        made[name] = figures
    assert sorted(made, key=lambda name: made[name][primary]["value"]) == ["bee", "ant", "cat"]
    return made


TITLES = {
    "top5": "Top-5 accuracy",
    "precision_macro": "Precision",
    "recall_macro": "Recall",
    "f1_macro": "Macro F1",
    "auroc_macro": "AUROC",
    "average_precision_macro": "Average precision",
    "log_loss": "Log loss",
    "ece": "Calibration error",
}


def test_the_figures_of_a_classifier_stand_under_their_titles() -> None:
    metrics = {"accuracy": figure(0.9), **distinct(list(TITLES))}
    found = Tables(render(with_evaluation(report(), metrics=metrics))).figures
    for name, title in TITLES.items():
        assert found[title] == f"{metrics[name]['value']:.3f}"


DETECTORS = {
    "AP50": "AP50",
    "AP75": "AP75",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "mask_AP": "Mask AP",
    "mask_AP50": "Mask AP50",
    "AR1": "AR1",
    "AR10": "AR10",
    "AR100": "AR100",
}


def test_those_of_other_tasks_too() -> None:
    record = detector()
    metrics = {**record.evaluation["metrics"], "AP": figure(0.9), **distinct(list(DETECTORS))}
    found = Tables(render(with_evaluation(record, metrics=metrics))).figures
    assert {title: found[title] for title in DETECTORS.values()} == {
        title: f"{metrics[name]['value']:.3f}" for name, title in DETECTORS.items()
    }
    metrics = {"mIoU": figure(0.9), **distinct(["mean_dice", "pixel_accuracy", "boundary_f1"])}
    found = Tables(render(with_evaluation(segmentation(), metrics=metrics))).figures
    assert [found[title] for title in ("Dice", "Pixel accuracy", "Boundary F1")] == ["0.200", "0.211", "0.222"]
    metrics = {"mae": figure(0.9), **distinct(["rmse", "r2"])}
    found = Tables(render(with_evaluation(regression(("age",)), metrics=metrics))).figures
    assert [found[title] for title in ("RMSE", "R²")] == ["0.2", "0.211"]
    record = labels(("cat", "dog", "owl"))
    metrics = {"mAP": figure(0.9), **distinct(["f1_micro", "precision_micro", "recall_micro", "f1_macro"])}
    found = Tables(render(with_evaluation(record, metrics=metrics))).figures
    assert [found[each] for each in ("Micro F1", "Precision", "Recall", "Macro F1")] == [
        f"{each['value']:.3f}" for each in list(metrics.values())[1:]
    ]


CLASSIFIED = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "AP",
}
BOXES = {name: name for name in ("AP", "AP50", "AP75", "AR100", "precision", "recall")}
BOXES |= {"f1": "F1", "mask_AP": "mask AP", "mask_AP50": "mask AP50"}
PIXELS = {"iou": "IoU", "dice": "Dice", "boundary_f1": "boundary F1"}


@pytest.mark.parametrize(
    ("record", "titles", "primary", "counted"),
    [
        (report(), CLASSIFIED, "f1", ("support", "images")),
        (detector(("ant", "bee", "cat")), BOXES, "AP", ("objects", "objects")),
        (segmentation(("ant", "bee", "cat")), PIXELS, "iou", ("pixels", "pixels")),
    ],
)
def test_the_table_by_class(record: Report, titles: dict[str, str], primary: str, counted: tuple[str, str]) -> None:
    """Worst first, each figure in the column of its name."""
    count, heading = counted
    figures = of_classes(list(titles), primary, **{count: [7, 8, 9]})
    rows = Tables(render(with_evaluation(record, per_class=figures))).of("class")
    assert [row["class"] for row in rows] == ["bee", "ant", "cat"]
    for row in rows:
        own = figures[row["class"]]
        assert row[heading] == f"{own[count]}"
        assert {title: row[title] for title in titles.values()} == {
            title: f"{own[name]['value']:.3f}" for name, title in titles.items()
        }


def test_the_table_by_label() -> None:
    names = ["precision", "recall", "f1", "average_precision"]
    record = labels(("ant", "bee", "cat"))
    figures = of_classes(names, "f1", support=[7, 8, 9], threshold=[0.31, 0.32, 0.33])
    rows = Tables(render(with_evaluation(record, per_class=figures))).of("label")
    assert [row["label"] for row in rows] == ["bee", "ant", "cat"]
    assert [row["images"] for row in rows] == ["8", "7", "9"]
    assert [row["threshold"] for row in rows] == ["0.320", "0.310", "0.330"]
    assert [row["AP"] for row in rows] == ["0.233", "0.533", "0.733"]


def test_the_table_by_target() -> None:
    """The lowest R² first."""
    record = regression(("age", "size"))
    figures = {
        "age": {"r2": figure(0.9), "mae": figure(0.31), "rmse": figure(0.41)},
        "size": {"r2": figure(0.5), "mae": figure(0.32), "rmse": figure(0.42)},
    }
    rows = Tables(render(with_evaluation(record, per_target=figures))).of("target")
    assert [[row[title] for title in ("target", "R²", "MAE", "RMSE")] for row in rows] == [
        ["size", "0.500", "0.32", "0.42"],
        ["age", "0.900", "0.31", "0.41"],
    ]


def test_images_by_class_and_split() -> None:
    counts = {"train": {"ant": 41, "bee": 42}, "val": {"ant": 11, "bee": 12}, "test": {"ant": 21, "bee": 22}}
    record = report(("ant", "bee"))
    record = replace(record, data={**record.data, "counts": counts})
    rows = Tables(render(record)).of("class", "test")
    assert [[row["training"], row["validation"], row["test"]] for row in rows] == [
        ["83", "23", "43"],
        ["41", "11", "21"],
        ["42", "12", "22"],
    ]


def test_the_worst_and_the_best_are_called_so() -> None:
    words = Page(render(segmentation())).words
    places = [words.index(each) for each in ("The worst", EXAMPLES.worst[0].words, "At random")]
    assert places == sorted(places)
    assert words.index("The best") < words.index(EXAMPLES.best[0].words)


def test_a_dot_lies_at_its_recall_across_and_its_precision_up() -> None:
    """Found nearly all and invented much: at the lower right."""
    record = detector()
    metrics = {**record.evaluation["metrics"], "precision": figure(0.1), "recall": figure(0.9)}
    html = render(with_evaluation(record, metrics=metrics))
    (x, y), *_ = re.findall(
        r'all objects: precision 0.100, recall 0.900</title><circle[^>]* cx="([\d.]+)" cy="([\d.]+)"', html
    )
    assert float(x) > 380
    assert float(y) > 280


@pytest.mark.parametrize(("accuracy", "words"), [(0.6, "overconfident"), (0.95, "underconfident")])
def test_a_network_that_is_surer_than_right_is_called_overconfident(accuracy: float, words: str) -> None:
    bins = [{"low": 0.8, "high": 0.9, "confidence": 0.85, "accuracy": accuracy, "count": 20}]
    page = Page(render(with_evaluation(report(), calibration={"bins": bins})))
    assert f"is {words} by {abs(0.85 - accuracy):.3f}" in page.words


def test_a_prediction_that_is_too_high_lies_above_the_line() -> None:
    points = {"age": [(10.0, 14.0), (20.0, 20.0), (30.0, 29.0)]}
    record = regression(("age",), items=3)
    page = Page(render(replace(record, gallery=replace(record.gallery, points=points))))
    _, residuals = (
        [tuple(map(float, pair.split(","))) for pair in (each["d"] or "").replace("h0", "").split("M")[1:]]
        for tag, each in page.tags
        if tag == "path" and "dots" in (each.get("class") or "")
    )
    by_place = [y for _, y in sorted(residuals)]  # predicted 14, 20 and 29
    assert by_place[0] < by_place[1] < by_place[2]  # down the page


def test_curves_are_those_of_their_split() -> None:
    """An accuracy of 1 on validation images alone is the validation curve's."""
    events = happened()
    for event in events:
        if event["event"] == "epoch":
            event["train"]["accuracy"], event["val"]["accuracy"] = 0.25, 0.75
    words = Page(render(report(events=events))).words
    assert "training, epoch 1: 0.25" in words
    assert "validation, epoch 1: 0.75" in words
