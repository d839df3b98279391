"""What the page shows of several labels an image."""

import numpy as np
import pytest
from tests.reporting.test_report import HOSTILE, Page, report, shown

from foveal.metrics.labels import label_metrics
from foveal.reporting.report import Report, render
from foveal.reporting.tasks.multilabel import Gallery
from foveal.reporting.words import decimal


def labels(names: tuple[str, ...], *, mistakes: bool = True) -> Report:
    """The last label occurs nowhere."""
    rng = np.random.default_rng(0)
    truths = rng.random((40, len(names))) < 0.4
    truths[:, -1] = False
    probs = np.clip(0.4 * truths + 0.6 * rng.random(truths.shape), 0, 1)
    measured = label_metrics(probs, truths, classes=names, thresholds=[0.45] * len(names), resamples=20).to_json()
    return report(
        evaluation={
            "task": "multilabel",
            "n": 40,
            "split": "test",
            "classes": list(names),
            "metrics": measured.pop("overall"),
            **measured,
        },
        data={**report().data, "counts": {"train": dict.fromkeys(names, 90), "test": dict.fromkeys(names, 20)}},
        gallery=Gallery(mistakes=[shown("cat, dog", "no owl")] if mistakes else ()),
    )


def test_the_sections() -> None:
    record = labels(("cat", "dog", "owl"))
    page = Page(render(record))
    own = ["curves", "precision-recall", "classes", "mistakes", "filters"]
    assert [each for each in page.ids if each in own] == own
    metrics = record.evaluation["metrics"]
    assert f"{decimal(metrics['mAP'])}mean average precision of the labels" in page.words
    assert f"{decimal(metrics['precision_micro'])} (" in page.words
    assert "330 labels of insects in 3 classes" in page.words
    assert "0.450" in page.words  # the threshold
    assert "cat, dog → no owl" in page.words
    assert page.count("polyline", "class-1") == 1
    assert page.count("polyline", "class-2") == 0  # it occurs nowhere, and has no curve
    assert "all labels: precision" in page.words


@pytest.mark.parametrize("count", [2, 9])
def test_any_number_of_labels_and_any_names(count: int) -> None:
    page = Page(render(labels((HOSTILE, *(f"label {index}" for index in range(count - 1))), mistakes=False)))
    assert page.count("script") == 0
    assert HOSTILE in page.words
    assert "None: every label is right." in page.words
    assert "nan" not in page.words
