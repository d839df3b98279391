"""A cross-validation's page: whole, escaped, its figures where they belong, undefined ones a dash."""

from dataclasses import replace

from tests.reporting.test_report import HOSTILE, Page

from foveal.reporting.folds import FoldsReport, render_folds

REPORT = FoldsReport(
    title="lenet5 on digits",
    warnings=["fold 2: 1 image can't be decoded and was left out"],
    about={"images": 60, "of": 75, "classes": 10},
    task="classify",
    primary="accuracy",
    metrics={
        "log_loss": {"value": 0.2, "low": -0.1, "high": 0.5},
        "accuracy": {"value": 0.9, "low": 0.85, "high": 0.95},
        "auroc_macro": {"value": None, "low": None, "high": None},
    },
    folds=[
        {"fold": 1, "seconds": 61.0, "n": 30, "metrics": {"log_loss": 0.3, "accuracy": 0.875, "auroc_macro": None}},
        {"fold": 2, "seconds": 65.0, "n": 30, "metrics": {"log_loss": 0.1, "accuracy": 0.925, "auroc_macro": None}},
    ],
    config={"folds": 2, "lr": 0.1},
    reasons={"lr": "usual"},
    network={"name": "lenet5", "title": "LeNet-5", "paper": "1998", "parameters": 60_000, "chosen": "the last"},
    machine={"cores": 2},
)


def test_the_page_says_what_was_measured() -> None:
    page = Page(render_folds(REPORT))
    words = " ".join(page.words.split())
    for expected in (
        "60 images in 10 classes",
        "15 images of the test split took no part",
        "from 0.875 to 0.925 by fold",
        "95 % t-interval 0.850–0.950",
        "fold 2: 1 image can't be decoded",
        "2 min 6 s",
    ):
        assert expected in words
    assert "the last" not in words  # no fold's weights are the ones to use
    links = [attributes["href"] for name, attributes in page.tags if name == "a"]
    assert links[-2:] == ["fold-1/report.html", "fold-2/report.html"]
    assert words.count("–") >= 3  # AUROC is undefined in both folds, and so is its mean


def test_nothing_in_the_names_is_markup() -> None:
    page = Page(render_folds(replace(REPORT, title=HOSTILE, warnings=[HOSTILE])))
    assert page.count("script") == page.count("img") == 0
    assert page.words.count(HOSTILE) == 3  # head, heading and warning


def test_a_figure_that_is_undefined_in_all_folds_stands_large_too() -> None:
    undefined = {"value": None, "low": None, "high": None}
    folds = [{**each, "metrics": {**each["metrics"], "accuracy": None}} for each in REPORT.folds]
    page = Page(render_folds(replace(REPORT, metrics={**REPORT.metrics, "accuracy": undefined}, folds=folds)))
    assert "undefined in all folds" in page.words
