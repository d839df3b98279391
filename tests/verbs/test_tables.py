"""Tables say the whole of names and numbers, whatever is in them and however narrow the terminal."""

import pytest

import foveal
from foveal.verbs import tables

FIGURE = {"value": 0.5, "low": 0.4, "high": 0.6}
NAMES = ("[/b]", "[unknown]", "cat :dog:")


def test_class_names_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    figures = dict.fromkeys(("precision", "recall", "f1", "auroc", "average_precision"), FIGURE)
    tables.evaluation_table(
        {
            "task": "classify",
            "n": 3,
            "split": "test",
            "classes": NAMES,
            "metrics": {"accuracy": FIGURE},
            "per_class": {name: {"support": 1, **figures} for name in NAMES},
            "confusion": [[1, 0, 0]] * 3,
        }
    )
    printed = capsys.readouterr().out
    assert all(name in printed for name in NAMES)


def test_each_figure_of_a_class_stands_in_its_own_column(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("precision", "recall", "f1", "auroc", "average_precision")
    figures = {name: {**FIGURE, "value": 0.31 + place / 10} for place, name in enumerate(names)}
    tables.evaluation_table(
        {
            "task": "classify",
            "n": 3,
            "split": "test",
            "classes": ["cat", "dog"],
            "metrics": {"accuracy": FIGURE},
            "per_class": {"cat": {"support": 7, **figures}, "dog": {"support": 5, **figures}},
            "confusion": [[4, 3], [1, 4]],
        }
    )
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["class", "images", "precision", "recall", "f1", "auroc", "average", "precision"] in rows
    assert ["cat", "7", "0.3100", "0.4100", "0.5100", "0.6100", "0.7100"] in rows
    assert ["cat", "4", "3"] in rows  # the truth's row
    assert ["dog", "1", "4"] in rows


def test_a_row_of_folds_is_the_mean_its_interval_and_each_fold(capsys: pytest.CaptureFixture[str]) -> None:
    folds = [{"fold": fold, "n": 10 * fold, "metrics": {"accuracy": value}} for fold, value in ((1, 0.7), (2, 0.9))]
    tables.folds_table({"metrics": {"accuracy": {"value": 0.8, "low": 0.6, "high": 0.95}}, "folds": folds})
    printed = capsys.readouterr().out
    assert "cross-validation: 30 images in 2 folds" in printed
    assert ["accuracy", "0.8000", "0.6000", "to", "0.9500", "0.7000", "0.9000"] in [
        line.split() for line in printed.splitlines()
    ]


def test_a_detectors_confusion_has_a_background_and_pixels_are_shares(capsys: pytest.CaptureFixture[str]) -> None:
    result = {"n": 3, "split": "test", "classes": ["cat", "dog"], "metrics": {"AP": FIGURE}}
    boxes = dict.fromkeys(("AP", "AP50", "AP75", "AR100"), 0.5) | dict.fromkeys(("precision", "recall", "f1"), FIGURE)
    detector = {
        "task": "detect",
        "score_threshold": 0.25,
        "per_class": {name: {"objects": 7, **boxes} for name in ("cat", "dog")},
        "confusion": [[5, 1, 1], [0, 6, 1], [2, 3, 0]],
    }
    tables.evaluation_table({**result, **detector})
    printed = capsys.readouterr().out
    assert "with a score from 0.25 on" in printed
    assert printed.split()[-4:] == ["background", "2", "3", "·"]
    pixels = dict.fromkeys(("iou", "dice", "boundary_f1"), FIGURE)
    segmentation = {
        "task": "segment",
        "per_class": {name: {"pixels": 4000, **pixels} for name in ("cat", "dog")},
        "confusion": [[3000, 1000], [0, 4000]],
    }
    tables.evaluation_table({**result, **segmentation})
    assert capsys.readouterr().out.split()[-6:] == ["cat", "0.75", "0.25", "dog", "·", "1.00"]


def test_numbers_stay_whole_in_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    tables.description_table(foveal.describe("resnet18"))
    tables.models_table(foveal.models())
    printed = capsys.readouterr().out
    assert "118,013,952" in printed
    assert "alexnet_one_tower" in printed
    assert "…" not in printed
