"""`--find-lr`: a sweep before a run that changes nothing of the run but its rate."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from tests.made import shapes

import foveal
from foveal.errors import UsageError
from foveal.runs import RunFolder, read_events

OPTIONS: dict[str, Any] = {"model": "lenet5", "epochs": 2, "batch_size": 16, "precision": "float32", "mixup": 0.2}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("found") / "run"
    foveal.train(shapes(60), find_lr=True, out=folder, **OPTIONS)
    return folder


def weights(run: Path) -> dict[str, list[float]]:
    return {name: value.flatten().tolist() for name, value in load_file(run / "last.safetensors").items()}


def test_the_rate_is_kept_and_drawn(found: Path) -> None:
    config = json.loads((found / "config.json").read_text(encoding="utf-8"))
    sweep, plan = read_events(RunFolder(found))[:2]
    assert (sweep["event"], plan["event"]) == ("rate", "plan")
    assert config["settings"]["lr"] == sweep["lr"]
    assert sweep["lr"] in [float(f"{rate:.3g}") for rate in sweep["rates"]]
    assert len(sweep["rates"]) == len(sweep["losses"])
    assert "sweep falls most steeply" in config["reasons"]["lr"]
    assert "Sweep of the learning rate" in (found / "report.html").read_text(encoding="utf-8")


def test_the_run_is_the_one_with_that_rate_to_the_bit(found: Path, tmp_path: Path) -> None:
    lr = json.loads((found / "config.json").read_text(encoding="utf-8"))["settings"]["lr"]
    foveal.train(shapes(60), lr=lr, out=tmp_path / "plain", **OPTIONS)
    assert weights(found) == weights(tmp_path / "plain")
    foveal.train(shapes(60), config=found / "config.json", out=tmp_path / "again")
    assert weights(found) == weights(tmp_path / "again")
    assert read_events(RunFolder(tmp_path / "again"))[0]["event"] == "plan"


def test_a_resumed_run_keeps_the_rate(found: Path) -> None:
    before = json.loads((found / "config.json").read_text(encoding="utf-8"))["settings"]["lr"]
    foveal.train(shapes(60), resume=found, epochs=3)
    assert json.loads((found / "config.json").read_text(encoding="utf-8"))["settings"]["lr"] == before
    events = read_events(RunFolder(found))
    assert [event["event"] for event in events].count("rate") == 1


def test_a_rate_given_and_one_to_be_found_are_two(tmp_path: Path, found: Path) -> None:
    with pytest.raises(UsageError, match=r"--find-lr and --lr 0.1 both set the learning rate"):
        foveal.train(shapes(30), find_lr=True, lr=0.1, out=tmp_path / "run")
    foveal.train(shapes(60), config=found / "config.json", find_lr=True, seed=1, epochs=1, out=tmp_path / "other")
    assert read_events(RunFolder(tmp_path / "other"))[0]["event"] == "rate"


def test_a_cross_validation_takes_the_rate_that_a_run_found(tmp_path: Path, found: Path) -> None:
    foveal.train(shapes(60), config=found / "config.json", folds=2, epochs=1, out=tmp_path / "folds")
    lr = json.loads((found / "config.json").read_text(encoding="utf-8"))["settings"]["lr"]
    assert json.loads((tmp_path / "folds" / "config.json").read_text(encoding="utf-8"))["settings"]["lr"] == lr


def test_a_cross_validation_takes_values_that_were_found(tmp_path: Path) -> None:
    for option in ({"find_lr": True}, {"batch_size": "auto"}):
        with pytest.raises(UsageError, match="--find-lr and --batch-size auto are for single runs: give --fold too"):
            foveal.train(shapes(30), folds=3, out=tmp_path / "run", **option)
