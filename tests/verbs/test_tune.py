"""`foveal.tune` end to end."""

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from tests.made import shape_folder, shapes

import foveal
from foveal.errors import DataError, DivergedError, Interrupted, RunError, UsageError
from foveal.files import read_json
from foveal.read import read_dataset
from foveal.runs import RunFolder, read_events
from foveal.verbs import tune as module

SMALL: dict[str, Any] = {"models": ["resnet20_cifar"], "epochs": 2, "batch_size": 16, "precision": "float32"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shape_folder(tmp_path_factory.mktemp("tune") / "data")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, data: Path) -> dict[str, Any]:
    return foveal.tune(data, trials=3, out=tmp_path_factory.mktemp("tune") / "out", **SMALL)


def test_it_tells_every_trial_and_the_best(tuned: dict[str, Any]) -> None:
    assert [each["number"] for each in tuned["trials"]] == [1, 2, 3]
    assert tuned["best"]["figure"] == max(each["figure"] for each in tuned["trials"])
    assert len({each["shown"]["lr"] for each in tuned["trials"]}) == 3
    assert "What made a difference" in (Path(tuned["run"]) / "report.html").read_text(encoding="utf-8")


def test_trials_never_see_the_test_images(tuned: dict[str, Any], data: Path) -> None:
    held_out = len(read_dataset(data).of_split("test"))
    assert held_out
    for number in (1, 2, 3):
        metrics = read_json(Path(tuned["run"]) / f"trial-{number:03}" / "metrics.json")
        assert metrics["evaluation"]["split"] == "val"
        assert "test" not in metrics["data"]["counts"]


def test_only_the_best_keeps_its_weights(tuned: dict[str, Any]) -> None:
    kept = sorted(each.parent.name for each in Path(tuned["run"]).glob("trial-*/*.safetensors"))
    assert kept == [f"trial-{tuned['best']['number']:03}"]


def test_the_config_trains_with_the_best_settings_and_tests(tuned: dict[str, Any], tmp_path: Path) -> None:
    foveal.train(config=tuned["config"], epochs=1, out=tmp_path / "run")
    settings = read_json(tmp_path / "run" / "config.json")["settings"]
    assert settings["lr"] == tuned["best"]["shown"]["lr"]
    assert settings["model"] == "resnet20_cifar"
    assert read_json(tmp_path / "run" / "metrics.json")["evaluation"]["split"] == "test"


def test_it_goes_on_with_more_trials(tuned: dict[str, Any]) -> None:
    assert foveal.tune(resume=tuned["run"]) == tuned  # nothing is left to do
    again = foveal.tune(resume=tuned["run"], trials=4)
    assert again["trials"][:3] == tuned["trials"]
    assert len(again["trials"]) == 4
    with pytest.raises(UsageError, match="only --trials can change, not lr"):
        foveal.tune(resume=tuned["run"], lr=0.1)


def test_a_trial_that_was_broken_off_is_tried_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = module.train
    runs: list[dict[str, Any]] = []

    def stopped_at_the_second(*args: Any, **settings: Any) -> dict[str, Any]:
        runs.append(settings)
        if len(runs) == 2:
            raise Interrupted("stopped", exit_code=130)
        return train(*args, **settings)

    monkeypatch.setattr(module, "train", stopped_at_the_second)
    with pytest.raises(Interrupted):
        foveal.tune(data, trials=2, out=tmp_path / "out", **SMALL)
    found = foveal.tune(resume=tmp_path / "out")
    assert len(found["trials"]) == 2
    assert [each["lr"] for each in runs[1:]] == [runs[1]["lr"]] * 2


def test_a_hopeless_trial_is_given_up(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optuna.trial.Trial, "should_prune", lambda trial: trial.number == 1)
    found = foveal.tune(data, trials=2, out=tmp_path / "out", **{**SMALL, "epochs": 3})
    first, second = found["trials"]
    assert (first["ended"], second["ended"], second["figure"]) == ("", "given up", None)
    epochs = [each for each in read_events(RunFolder(tmp_path / "out" / "trial-002")) if each["event"] == "epoch"]
    assert len(epochs) == 1


def test_a_trial_that_diverges_is_passed_over(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverges(*args: Any, **settings: Any) -> dict[str, Any]:
        raise DivergedError("training diverged")

    monkeypatch.setattr(module, "train", diverges)
    with pytest.raises(DivergedError, match="all 2 trials diverged"):
        foveal.tune(data, trials=2, out=tmp_path / "out", **SMALL)


def test_the_time_is_shared_out(data: Path, tmp_path: Path) -> None:
    found = foveal.tune(data, trials=2, time="8s", out=tmp_path / "out", models=["resnet20_cifar"], batch_size=16)
    assert len(found["trials"]) == 2
    assert read_json(tmp_path / "out" / "trial-001" / "config.json")["settings"]["time"] == "4.0s"
    assert "time" not in json.loads(Path(found["config"]).read_text(encoding="utf-8"))["settings"]


def test_what_can_not_be_is_said(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="--trials 0: expected at least 1"):
        foveal.tune(data, trials=0, out=out)
    with pytest.raises(UsageError, match="--time and --epochs both set the length"):
        foveal.tune(data, time="1m", epochs=2, out=out)
    with pytest.raises(DataError, match="no images are held out to judge trials by"):
        foveal.tune(data, val_share=0.0, out=out, **SMALL)
    with pytest.raises(UsageError, match="leave --folds to foveal train"):
        foveal.tune(data, folds=3, out=out, **SMALL)
    with pytest.raises(UsageError, match="leave --find-lr out"):
        foveal.tune(data, find_lr=True, out=out)
    with pytest.raises(UsageError, match="--weights fits one network"):
        foveal.tune(data, weights="run", out=out)
    with pytest.raises(RunError, match="no tuning to go on with here"):
        foveal.tune(resume=tmp_path)
    with pytest.raises(UsageError, match="unknown settings: speed"):
        foveal.tune(shapes(), speed=3, out=out)
    assert not out.exists()
