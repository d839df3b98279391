"""The example in docs/metrics.md runs and prints what it says."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_example_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    first, folds, second = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    exec(first, {})
    accuracy, recall = capsys.readouterr().out.splitlines()
    assert accuracy.startswith("Interval(value=0.75, low=0.")
    assert recall in first
    exec(folds, {})
    assert capsys.readouterr().out.startswith("Interval(value=0.898, low=0.868")
    exec(second, {})
    assert capsys.readouterr().out.startswith("0.5049")
    assert "0.5049…" in second
