"""`--batch-size auto`: a run with the batch that fits, and what follows from it by rule."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.made import shapes

import foveal
from foveal.cli import main
from foveal.errors import UsageError
from foveal.training.loop import Trainer

OPTIONS: dict[str, Any] = {"model": "lenet5", "epochs": 1, "precision": "float32"}


def settings(run: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((run / "config.json").read_text(encoding="utf-8"))
    return {**config["settings"], "why": config["reasons"].get("batch_size")}


def test_with_memory_enough_it_is_the_rules(tmp_path: Path) -> None:
    foveal.train(shapes(60), batch_size="auto", out=tmp_path / "auto", **OPTIONS)
    foveal.train(shapes(60), out=tmp_path / "plain", **OPTIONS)
    auto, plain = settings(tmp_path / "auto"), settings(tmp_path / "plain")
    assert auto.pop("why") == "fits into memory"
    assert "training images" in plain.pop("why")
    assert auto == plain
    last = [load_file(tmp_path / name / "last.safetensors") for name in ("auto", "plain")]
    assert all(torch.equal(value, last[1][name]) for name, value in last[0].items())


def test_the_rate_follows_the_batch_that_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_four(trainer: Trainer, batch_size: int) -> None:
        if batch_size > 4:
            raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr("foveal.job.trials.try_batch", only_four)
    foveal.train(shapes(60), batch_size="auto", out=tmp_path / "auto", **OPTIONS)
    foveal.train(shapes(60), batch_size=4, out=tmp_path / "four", **OPTIONS)
    auto, four = settings(tmp_path / "auto"), settings(tmp_path / "four")
    assert auto["batch_size"] == 4
    assert {**auto, "why": None} == {**four, "why": None}


def test_weights_are_fitted_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foveal.train(shapes(60), out=tmp_path / "first", **OPTIONS)
    capsys.readouterr()
    foveal.train(shapes(60), batch_size="auto", weights=str(tmp_path / "first"), out=tmp_path / "run", **OPTIONS)
    assert capsys.readouterr().err.count("weights: ") == 1


def test_other_words_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="--batch-size 0: expected at least 1"):
        foveal.train(shapes(30), batch_size=0, out=tmp_path / "run")
    for words, code, said in (("auto", 1, "nowhere"), ("some", 2, "--batch-size")):
        with pytest.raises(SystemExit) as ended:
            main(["train", "nowhere", "--batch-size", words])
        assert ended.value.code == code
        assert said in capsys.readouterr().err
