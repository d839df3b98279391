"""Cross-validation and fractions end to end: a run a fold, each image tested once, stopped and continued."""

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy import stats
from tests.launched import Launched
from tests.made import SHAPES, shape_folder, shape_images, shapes
from tests.verbs.test_segmentation import OPTIONS as SEGMENT
from tests.verbs.test_segmentation import made as label_mapped
from torch import nn

import foveal
from foveal.bundle import load_bundle
from foveal.cli import main
from foveal.errors import BadImagesError, DataError, ModelError, RunError, UsageError
from foveal.events import Event, StepDone
from foveal.feed.decoding import content_hash
from foveal.processes.group import Processes
from foveal.recipes.options import TrainOptions
from foveal.runs import RunFolder

OPTIONS: dict[str, Any] = {"model": "lenet5", "epochs": 2, "batch_size": 8, "precision": "float32"}


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    """(run folder, data folder, result) of three folds over a folder with train/ and test/, of 30 images each."""
    folder = tmp_path_factory.mktemp("folds")
    data = shape_folder(folder / "data", count=30)
    return folder / "run", data, foveal.train(data, folds=3, out=folder / "run", **OPTIONS)


def metrics_of(run: Path) -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    return metrics


def test_every_fold_is_a_run_and_all_are_summed_up(crossed: tuple[Path, Path, dict[str, Any]]) -> None:
    run, _, result = crossed
    assert set(result) == {"run", "seconds", "metrics", "folds"}
    assert {path.name for path in run.iterdir()} - {".lock"} == {
        *("config.json", "metrics.json", "report.html", "fold-1", "fold-2", "fold-3"),
    }
    assert [(each["fold"], each["n"]) for each in result["folds"]] == [(1, 10), (2, 10), (3, 10)]
    for each in result["folds"]:
        of_fold = metrics_of(Path(each["run"]))
        assert of_fold["evaluation"]["split"] == "test"
        assert each["metrics"] == {name: figure["value"] for name, figure in of_fold["metrics"].items()}
    losses = [each["metrics"]["log_loss"] for each in result["folds"]]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(losses), scale=stats.sem(losses))
    assert result["metrics"]["log_loss"] == pytest.approx({"value": np.mean(losses), "low": low, "high": high})
    written = metrics_of(run)
    assert {name: written[name] for name in result} == result
    assert result["seconds"] > sum(each["seconds"] for each in result["folds"])


def test_each_image_is_tested_once_and_given_test_images_never(crossed: tuple[Path, Path, dict[str, Any]]) -> None:
    run, data, _ = crossed
    learned: Counter[int] = Counter()
    for fold in (1, 2, 3):
        contract = load_bundle(run / f"fold-{fold}" / "model.safetensors")
        learned.update(contract.seen_hashes.tolist())
        counts = contract.contract.data["counts"]
        assert sum(counts["test"].values()) == 10
        assert sum(counts["unused"].values()) == 30
        assert contract.contract.data["split"]["fold"] == fold
    assert set(learned.values()) == {2}  # of three networks all but the one that is tested on it
    assert len(learned) == 30
    assert not {content_hash(path.read_bytes()) for path in (data / "test").rglob("*.png")} & set(learned)


def test_given_test_images_are_not_even_opened(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=24)
    for path in (data / "test").rglob("*.png"):
        path.write_bytes(b"")
    result = foveal.train(data, folds=2, out=tmp_path / "run", **OPTIONS)
    assert [each["n"] for each in result["folds"]] == [12, 12]
    assert metrics_of(tmp_path / "run")["warnings"] == []


def test_all_folds_have_the_settings_of_the_whole(crossed: tuple[Path, Path, dict[str, Any]]) -> None:
    run, _, _ = crossed
    whole = json.loads((run / "config.json").read_text())
    assert (whole["settings"]["folds"], whole["settings"]["fold"]) == (3, 0)
    for fold in (1, 2, 3):
        config = json.loads((run / f"fold-{fold}" / "config.json").read_text())
        assert config["settings"] == {**whole["settings"], "fold": fold}
        assert config["reasons"] == whole["reasons"]


def test_the_page_shows_the_folds(crossed: tuple[Path, Path, dict[str, Any]]) -> None:
    run, _, result = crossed
    page = (run / "report.html").read_text(encoding="utf-8")
    for fold in (1, 2, 3):
        assert f'href="fold-{fold}/report.html"' in page
    assert f"{result['metrics']['accuracy']['value']:.3f}" in page
    assert "30 images of the test split took no part" in page
    assert "Grandvalet" in page
    assert "lenet5 on data, fold 2 of 3" in (run / "fold-2" / "report.html").read_text(encoding="utf-8")


def test_a_folds_model_is_evaluated_on_its_fold(crossed: tuple[Path, Path, dict[str, Any]]) -> None:
    run, data, result = crossed
    again = foveal.evaluate(run / "fold-2", data)
    assert again["n"] == 10
    assert {name: figure["value"] for name, figure in again["metrics"].items()} == result["folds"][1]["metrics"]
    assert again["warnings"] == []
    with pytest.raises(ModelError, match="no such model file"):
        foveal.evaluate(run, data)


def test_one_fold_alone_is_that_fold(crossed: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    run, data, _ = crossed
    foveal.train(data, folds=3, fold=2, out=tmp_path / "run", **OPTIONS)
    ours, theirs = (load_file(each / "model.safetensors") for each in (tmp_path / "run", run / "fold-2"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_model_to_use_learns_from_all(crossed: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    result = foveal.train(config=crossed[0] / "config.json", folds=0, out=tmp_path / "run")
    counts = load_bundle(Path(result["model"])).contract.data["counts"]
    assert {split: sum(of_class.values()) for split, of_class in counts.items()} == {"train": 27, "val": 3, "test": 30}


class _Killed(BaseException):
    """Stands in for a kill: nothing of the program runs after it."""


@pytest.mark.parametrize("kill_at", [1, 5, 9])
def test_a_killed_cross_validation_goes_on(
    crossed: tuple[Path, Path, dict[str, Any]], tmp_path: Path, kill_at: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of four steps a fold: in the first, in the midst of the second, at the beginning of the third."""
    whole, data, result = crossed
    steps: list[Event] = []

    def kill(event: Event) -> None:
        steps.extend([event] if isinstance(event, StepDone) else [])
        if len(steps) == kill_at:
            raise _Killed

    with pytest.raises(_Killed):
        foveal.train(data, folds=3, out=tmp_path / "run", on_event=kill, checkpoint_seconds=0.0, **OPTIONS)
    done = sorted(path.parent.name for path in tmp_path.glob("run/fold-*/metrics.json"))
    assert len(done) == (kill_at - 1) // 4
    capsys.readouterr()
    again = foveal.train(resume=tmp_path / "run")
    assert capsys.readouterr().err.count(": done\n") == len(done)
    assert again["metrics"] == result["metrics"]
    for fold in (1, 2, 3):
        ours, theirs = (load_file(each / f"fold-{fold}" / "last.safetensors") for each in (tmp_path / "run", whole))
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at SIGTERM without asking it")
def test_a_signal_stops_all_folds_and_says_how_to_go_on(tmp_path: Path) -> None:
    data, run = shape_folder(tmp_path / "data", count=30), tmp_path / "run"
    command = [sys.executable, "-m", "foveal", "train", str(data), "--model", "lenet5", "--folds", "2"]
    with subprocess.Popen(
        [*command, "--out", str(run), "--epochs", "5000"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 2/"):
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 143
        said = process.stderr.read()
    assert f"stopped in fold 1 of 2, saved; continue with: foveal train --resume {run}\n" in said
    assert not (run / "fold-2").exists()


def test_other_data_does_not_continue(tmp_path: Path) -> None:
    foveal.train(shapes(30), folds=2, out=tmp_path / "run", **OPTIONS)
    (tmp_path / "run" / "fold-2" / "metrics.json").unlink()
    with pytest.raises(RunError, match="the data changed since its fold 1 was trained"):
        foveal.train(shapes(33), resume=tmp_path / "run")
    with pytest.raises(UsageError, match="--resume of a cross-validation takes no --epochs"):
        foveal.train(shapes(30), resume=tmp_path / "run", epochs=3)


def test_the_time_is_for_all_folds(tmp_path: Path) -> None:
    result = foveal.train(shapes(60), model="lenet5", folds=2, time="10s", out=tmp_path / "run")
    assert 7 <= result["seconds"] <= 13  # a machine that does nothing else keeps closer to it
    given = [
        json.loads((Path(each["run"]) / "config.json").read_text())["settings"]["time"] for each in result["folds"]
    ]
    assert 2 < float(given[0].removesuffix("s")) <= 5
    whole = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert (whole["time"], whole["epochs"]) == ("10s", None)


def test_a_bad_image_of_any_fold_stops_before_the_first(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=30, splits=("train",))
    for index in range(30):
        if index % 10 == 0:
            (data / "train" / SHAPES[index % 3] / f"{index:03}.png").write_bytes(b"")
    with pytest.raises(BadImagesError) as caught:
        foveal.train(data, folds=3, test_share=0.0, out=tmp_path / "run", **OPTIONS)
    assert len(caught.value.errors) == 3
    assert not (tmp_path / "run").exists()
    result = foveal.train(data, folds=3, test_share=0.0, on_bad_image="skip", out=tmp_path / "run", **OPTIONS)
    assert sum(each["n"] for each in result["folds"]) == 27
    assert any(warning.startswith("fold 1: ") for warning in metrics_of(tmp_path / "run")["warnings"])


def test_a_users_own_module_starts_anew_in_each_fold(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(576, 3))
    before = module[1].weight.detach().clone()
    foveal.train(shapes(30), model=module, folds=2, epochs=1, out=tmp_path / "run")
    assert torch.equal(module[1].weight, before)


def test_a_fraction_is_said_kept_and_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, labels = shape_images(90)
    foveal.train((images, labels), fraction=0.25, out=tmp_path / "run", **OPTIONS)
    said = capsys.readouterr().err
    assert "  train: 16 (" in said
    assert "  unused: 49 (" in said
    contract = load_bundle(tmp_path / "run" / "model.safetensors").contract
    assert (contract.recipe["fraction"], contract.data["split"]["fraction"]) == (0.25, 0.25)
    assert sum(contract.data["counts"]["train"].values()) == 16
    found = {
        split: foveal.evaluate(tmp_path / "run", (images, labels), split=split) for split in ("train", "val", "test")
    }
    assert {split: each["n"] for split, each in found.items()} == {"train": 16, "val": 7, "test": 18}
    assert found["test"]["warnings"] == []
    assert "49 unused" in (tmp_path / "run" / "report.html").read_text()


def test_the_table_stands_on_standard_output(
    crossed: tuple[Path, Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            main(["train", "--resume", str(crossed[0]), *words])
        assert not ended.value.code
        captured = capsys.readouterr()
        assert "a model to use learns from all images: foveal train --config" in captured.err
        if words:
            assert json.loads(captured.out)["metrics"] == crossed[2]["metrics"]
        else:
            assert re.search(r"log_loss +1\.\d{4} +\d\.\d{4} to \d\.\d{4}( +1\.\d{4}){3}", captured.out)


def test_folds_of_several_processes(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=24, splits=("train",))
    words = ["train", str(data), "--model", "lenet5", "--epochs", "1", "--folds", "2", "--batch-size", "8"]
    first, other = Launched(main, 2, [*words, "--out", str(tmp_path / "run"), "--json"]).wait()
    assert [first.exit_code, other.exit_code] == [0, 0], first.err
    assert (other.out, other.err) == ("", "")
    assert [each["fold"] for each in json.loads(first.out)["folds"]] == [1, 2]
    assert first.err.count("fold 2 of 2\n") == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"folds": 1}, "--folds 1: expected 2 or more, or 0 for none"),
        ({"folds": -2}, "--folds -2: expected 0 or more"),
        ({"fold": 3}, "--fold 3: expected one of the --folds, 1 to 0"),
        ({"folds": 2, "fold": 3}, "--fold 3: expected one of the --folds, 1 to 2"),
        ({"fraction": 0.0}, "--fraction 0.0: expected above 0, at most 1"),
        ({"fraction": 1.5}, "--fraction 1.5: expected above 0, at most 1"),
    ],
)
def test_refusals(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        TrainOptions(**settings)
    assert TrainOptions(fraction=1.0).fraction == 1


def test_a_class_that_can_not_be_in_two_folds_is_named(tmp_path: Path) -> None:
    images, _ = shape_images(12)
    labels = ["common"] * 11 + ["rare"]
    with pytest.raises(DataError, match="learned and tested: rare"):
        foveal.train((images, labels), folds=2, out=tmp_path / "run", **OPTIONS)
    assert not RunFolder(tmp_path / "run").path.exists()


def test_segmentations_are_cross_validated_too(tmp_path: Path) -> None:
    data = label_mapped(tmp_path / "data")
    options = {**SEGMENT, "epochs": 0.5, "fraction": 0.5, "test_share": 0.0}
    result = foveal.train(data, folds=2, out=tmp_path / "run", **options)
    assert [each["n"] for each in result["folds"]] == [7, 7]  # the data's own two test images are left alone
    assert "mIoU" in result["metrics"]
    counts = load_bundle(tmp_path / "run" / "fold-1" / "model.safetensors").contract.data["counts"]
    assert {split: of_split["images"] for split, of_split in counts.items()} == {
        "train": 3,
        "val": 1,
        "test": 7,
        "unused": 5,
    }
    assert "mean IoU of the classes" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_what_torchrun_starts_again_is_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else processes in the place of killed ones would end with the fold that these were in."""
    kept: set[tuple[str, str]] = set()
    monkeypatch.setattr(Processes, "keep", lambda self, name, value: kept.add((name, value)))
    foveal.train(shapes(12), folds=2, out=tmp_path / "run", **{**OPTIONS, "epochs": 1, "val_share": 0.0})
    assert kept == {("run", str(tmp_path / "run"))}
