"""`foveal.tune` end to end."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from tests.made import shape_folder, shape_images, shapes

import foveal
from foveal.errors import DataError, DivergedError, FovealError, Interrupted, ModelError, RunError, UsageError
from foveal.events import EpochDone, Planned
from foveal.files import read_json, write_json
from foveal.read.arrays import from_arrays
from foveal.read.dataset import read_dataset
from foveal.runs import RunFolder, read_events
from foveal.verbs import trials as module

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
    command = f"foveal tune --resume {shlex.quote(str(tmp_path / 'out'))}"
    with pytest.raises(Interrupted, match=re.escape(f"stopped in trial 2 of 2; continue with: {command}")) as stopped:
        foveal.tune(data, trials=2, out=tmp_path / "out", **SMALL)
    assert stopped.value.exit_code == 130
    found = foveal.tune(resume=tmp_path / "out")
    assert len(found["trials"]) == 2
    assert [each["lr"] for each in runs[1:]] == [runs[1]["lr"]] * 2


def test_of_an_error_the_least_is_the_best_and_each_trials_is_that_of_its_kept_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = iter([0.5, 0.2, 0.7])

    def trains(*args: Any, out: Path, on_event: Any, **settings: Any) -> None:
        error = next(errors)
        common: dict[str, Any] = {"train": {}, "lr": 0.1, "images_per_second": 1.0, "seconds": 1.0}
        on_event(Planned(step=0, total_steps=2, steps_per_epoch=1, reason=""))
        on_event(EpochDone(step=1, epoch=1, val={"mae": error}, kept=True, **common))
        on_event(EpochDone(step=2, epoch=2, val={"mae": 9.0}, kept=False, **common))
        out.mkdir(parents=True)
        RunFolder(out).model.write_bytes(b"weights")
        write_json(RunFolder(out).config, {"settings": {}})

    monkeypatch.setattr(module, "train", trains)
    images, labels = shape_images(30)
    found = foveal.tune(from_arrays(images, labels / 2), trials=3, out=tmp_path / "out")
    assert [each["figure"] for each in found["trials"]] == [0.5, 0.2, 0.7]
    assert (found["figure"], found["best"]["number"]) == ("mae", 2)
    assert [each.parent.name for each in (tmp_path / "out").glob("trial-*/*.safetensors")] == ["trial-002"]


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


def test_a_trial_that_fails_is_passed_over(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train = module.train

    def short_of_memory(*args: Any, **settings: Any) -> dict[str, Any]:
        if settings["out"].name != "trial-002":
            raise FovealError("out of memory in a step")
        return train(*args, **settings)

    monkeypatch.setattr(module, "train", short_of_memory)
    found = foveal.tune(data, trials=3, out=tmp_path / "out", **{**SMALL, "epochs": 1})
    assert [each["ended"] for each in found["trials"]] == ["failed", "", "failed"]
    assert found["best"]["number"] == 2
    assert capsys.readouterr().err.count("out of memory in a step\n") == 2
    assert foveal.tune(resume=tmp_path / "out") == found
    with pytest.raises(FovealError, match="none of 1 trials came to an end; the last one: out of memory in a step"):
        foveal.tune(data, trials=1, out=tmp_path / "none", **SMALL)


def test_what_all_trials_would_end_in_ends_the_tuning(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, error in enumerate((DataError("bad"), RunError("bad"), UsageError("bad"), ModelError("bad"))):

        def fails(*args: Any, error: FovealError = error, **settings: Any) -> dict[str, Any]:
            raise error

        monkeypatch.setattr(module, "train", fails)
        with pytest.raises(type(error), match="bad"):
            foveal.tune(data, trials=2, out=tmp_path / str(number), **SMALL)


def test_without_a_held_out_figure_it_ends(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=12, splits=("train", "val"))
    for path in (data / "val").rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="no held-out image can be decoded to judge trials by"):
        foveal.tune(data, trials=2, out=tmp_path / "out", on_bad_image="skip", **{**SMALL, "epochs": 1})


def test_other_data_does_not_continue(tmp_path: Path) -> None:
    options = {**SMALL, "models": ["lenet5"], "epochs": 1, "trials": 1}
    found = foveal.tune(shapes(40), out=tmp_path / "out", **options)
    with pytest.raises(RunError, match="the data changed since this tuning started; start a new one"):
        foveal.tune(shapes(40, seed=1), resume=tmp_path / "out", trials=2)
    assert foveal.tune(shapes(40), resume=tmp_path / "out") == found
    plan = read_json(tmp_path / "out" / "tuning.json")
    del plan["digest"]  # as an earlier version left it
    write_json(tmp_path / "out" / "tuning.json", plan)
    assert foveal.tune(shapes(40), resume=tmp_path / "out") == found


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"models": ["lenet5", "resnet81"]}, ModelError, "resnet81"),
        ({"models": ["resnet20_cifar", "vgg11"], "size": 20}, ModelError, "--size 20: vgg11 needs at least"),
        ({"models": ["resnet18_d", "vgg11_bn"], "drop_path": 0.1}, UsageError, "drop-path"),
        ({"models": ["lenet5", "resnet18"], "weights": "run"}, UsageError, "--weights run fits one network, and --mod"),
        ({"models": ["resnet18_d", "lenet5"], "weights": "imagenet"}, ModelError, "no ImageNet weights for resnet18_d"),
    ],
)
def test_every_network_is_checked_before_the_first_trial(
    data: Path, tmp_path: Path, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        foveal.tune(data, out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_paths_and_a_single_target_are_kept_as_text(tmp_path: Path) -> None:
    foveal.train(shapes(30), model="lenet5", epochs=1, out=tmp_path / "run")
    options = {"models": ["lenet5"], "weights": tmp_path / "run", "trials": 1, "epochs": 1}
    foveal.tune(shapes(30, seed=1), out=tmp_path / "out", **options)
    assert read_json(tmp_path / "out" / "tuning.json")["settings"]["weights"] == str(tmp_path / "run")
    images, _ = shape_images(30)
    numbers = from_arrays(images, np.linspace(0, 1, 30)[:, None], classes=("angle",))
    foveal.tune(numbers, target="angle", out=tmp_path / "numbers", models=["resnet20_cifar"], trials=1, epochs=1)
    assert read_json(tmp_path / "numbers" / "best.json")["settings"]["target"] == ["angle"]


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
