"""The demo keeps its promise."""

from pathlib import Path

import foveal


def test_the_demo_reads_digits(tmp_path: Path) -> None:
    result = foveal.demo(out=tmp_path / "demo")
    assert result["metrics"]["accuracy"]["value"] >= 0.98
    assert len(result["predictions"]) == 5
    assert sum(each["label"] == each["truth"] for each in result["predictions"]) >= 4
    assert (tmp_path / "demo" / "report.html").stat().st_size > 10_000
