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
