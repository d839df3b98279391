"""What the page shows of a regression."""

from dataclasses import replace

import numpy as np
import pytest
from tests.reporting.test_report import HOSTILE, Page, report, shown

from foveal.metrics.regression import regression_metrics
from foveal.reporting.numbers import MOST_POINTS
from foveal.reporting.report import Report, render
from foveal.reporting.tasks.regress import Gallery
from foveal.reporting.words import decimal, interval, measure, measure_interval


def regression(names: tuple[str, ...], *, items: int = 40, unit: float = 1.0) -> Report:
    rng = np.random.default_rng(0)
    true = unit * rng.normal(size=(items, len(names)))
    predicted = true + unit * rng.normal(scale=0.2, size=true.shape)
    measured = regression_metrics(predicted, true, names=names, stds=[unit] * len(names), resamples=20).to_json()
    return report(
        evaluation={
            "task": "regress",
            "n": items,
            "split": "test",
            "classes": list(names),
            "metrics": measured.pop("overall"),
            **measured,
        },
        data={**report().data, "counts": {"train": {"images": 90}, "test": {"images": items}}},
        gallery=Gallery(
            mistakes=[shown("3.5", "7")],
            points={
                name: list(zip(true[:, column].tolist(), predicted[:, column].tolist(), strict=True))
                for column, name in enumerate(names)
            },
        ),
    )


def test_the_sections_of_one_target() -> None:
    record = regression(("age",), unit=1234.0)
    page = Page(render(record))
    own = ["curves", "agreement", "targets", "mistakes", "filters"]
    assert [each for each in page.ids if each in own] == own
    assert "with 1 number each" in page.words
    assert "mean absolute error" in page.words
    figure = record.evaluation["metrics"]["mae"]
    assert figure["value"] > 100
    assert f"{measure(figure)}mean absolute error" in page.words
    assert f"{measure(figure['low'])}–{measure(figure['high'])}" in page.words
    assert "3.5 → 7" in page.words
    dots = [each["d"] or "" for tag, each in page.tags if tag == "path" and "dots" in (each.get("class") or "")]
    assert [each.count("h0") for each in dots] == [40, 40]


def test_each_figure_of_a_target_stands_in_its_own_column() -> None:
    record = regression(("age",), unit=1234.0)
    figures = record.evaluation["per_target"]["age"]
    words = Page(render(record)).words
    assert "targetR², 0 to 1R²MAERMSE" in words
    mae, rmse = (f"{measure(figures[name])}{measure_interval(figures[name])}" for name in ("mae", "rmse"))
    assert mae != rmse
    assert f"{decimal(figures['r2'])}{interval(figures['r2'])}{mae}{rmse}" in words


def test_a_wrong_place_of_a_dot_would_show() -> None:
    """One image at each end: the dots lie at opposite corners of the drawing, on the diagonal."""
    record = regression(("age",), items=2)
    ends = {"age": [(0.0, 0.0), (10.0, 10.0)]}
    page = Page(render(replace(record, gallery=replace(record.gallery, points=ends))))
    scatter, residuals = (
        [pair.split(",") for pair in (each["d"] or "").replace("h0", "").split("M")[1:]]
        for tag, each in page.tags
        if tag == "path"
    )
    (x1, y1), (x2, y2) = ((float(x), float(y)) for x, y in scatter)
    assert x1 < 100 < 400 < x2
    assert y2 < 50 < 300 < y1
    assert residuals[0][1] == residuals[1][1]


@pytest.mark.parametrize("count", [2, 7])
def test_several_targets_fold_where_there_are_many(count: int) -> None:
    page = Page(render(regression((HOSTILE, *(f"target {index}" for index in range(count - 1))))))
    assert page.count("path", "dots") == 2 * count
    assert page.count("script") == 0
    assert HOSTILE in page.words
    assert ("1 more" in page.words) == (count == 7)
    assert "mean error, in standard deviations" in page.words


def test_many_images_are_thinned() -> None:
    page = Page(render(regression(("age",), items=MOST_POINTS + 1000)))
    dots = [each["d"] or "" for tag, each in page.tags if tag == "path"]
    assert all(each.count("h0") == MOST_POINTS for each in dots)
