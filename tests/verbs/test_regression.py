"""Numbers of images, from a table and from arrays, through every verb."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

import foveal
from foveal.annotations import Numbers
from foveal.bundle import load_bundle
from foveal.cli import main
from foveal.errors import DataError, RunError, UsageError
from foveal.events import Event, StepDone
from foveal.read.arrays import from_arrays
from foveal.read.dataset import read_dataset
from foveal.read.splits import assign_splits

OPTIONS = {"model": "resnet20_cifar", "size": 16, "batch_size": 16, "epochs": 3.0, "ema": 0.5}


def discs(count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(count, 16, 20) uint8, and (count, 2) float64: across how far a disc lies, from 1000 to 1020, and its light."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:16, :20]
    images = rng.integers(0, 40, (count, 16, 20)).astype(np.uint8)
    across, light = rng.uniform(4, 16, count), rng.uniform(0.3, 1, count)
    for image, centre, bright in zip(images, across, light, strict=True):
        image[np.hypot(y - 8, x - centre) < 4] = round(255 * bright)
    return images, np.stack([1000 + across, light], axis=1)


def made(folder: Path, *, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """64 discs as a table with the columns path, id, across, light, split."""
    images, targets = discs(64)
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", encoding=encoding, newline="") as file:
        table = csv.writer(file, delimiter=delimiter)
        table.writerow(["path", "id", "across", "light", "split"])
        for index, (image, row) in enumerate(zip(images, targets.tolist(), strict=True)):
            Image.fromarray(image).save(folder / "images" / f"{index}.png")
            split = "train" if index < 44 else "val" if index < 52 else "test"
            table.writerow([f"images/{index}.png", index, *row, split])
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(run folder, data folder)."""
    folder = tmp_path_factory.mktemp("regression")
    made(folder / "data")
    foveal.train(folder / "data", target=("across", "light"), out=folder / "run", **OPTIONS)
    return folder / "run", folder / "data"


def test_every_file_says_the_same(trained: tuple[Path, Path]) -> None:
    run, data = trained
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    assert config["settings"]["task"] == "regress"
    assert config["settings"]["target"] == ["across", "light"]
    assert "may change a target" in config["reasons"]["augment"]
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics["metrics"]) == {"relative_mae", "r2"}
    evaluated = foveal.evaluate(run, data)
    assert evaluated["metrics"] == metrics["metrics"]
    assert evaluated["n"] == 12
    assert list(evaluated["per_target"]) == ["across", "light"]
    settings = load_bundle(run / "model.safetensors").contract.task_settings
    training = discs(64)[1][:44]
    assert settings["mean"] == pytest.approx(training.mean(axis=0).tolist())
    assert settings["spread"] == pytest.approx(training.std(axis=0).tolist())
    assert evaluated["spreads"] == pytest.approx(dict(zip(("across", "light"), settings["spread"], strict=True)))
    report = (run / "report.html").read_text(encoding="utf-8")
    for words in ("Predictions and ground truth", "Target by target", "Largest errors", "in standard deviations"):
        assert words in report


def test_predictions_are_numbers_by_name(trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run, data = trained
    images = [data / "images" / f"{index}.png" for index in range(52, 64)]
    predictions = [each.answer.values for each in foveal.predict(run, images, engine="eager", precision="float32")]
    assert all(list(each) == ["across", "light"] for each in predictions)
    said = np.array([list(each.values()) for each in predictions])
    true = discs(64)[1][52:]
    measured = foveal.evaluate(run, data)["per_target"]
    for column, name in enumerate(("across", "light")):
        assert measured[name]["mae"]["value"] == pytest.approx(np.abs(said - true)[:, column].mean(), rel=1e-4)
    alone = foveal.load(run, engine="eager", precision="float32")(images[0]).values
    assert alone == pytest.approx(predictions[0], rel=1e-5)
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(run), str(images[0]), "--engine", "eager", "--tta"])
    assert ended.value.code == 0
    printed = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[1] for line in printed] == ["across", "light"]
    assert 900 < float(printed[0][2]) < 1100
    with pytest.raises(UsageError, match="--draw draws boxes"):
        list(foveal.predict(run, images[:1], draw=data / "drawn"))
    with pytest.raises(UsageError, match="--tile"):
        list(foveal.predict(run, images[:1], tile=8))


def test_evaluate_finds_the_columns_and_says_what_is_missing(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = trained
    data = made(tmp_path / "other", delimiter=";", encoding="utf-8-sig")
    with pytest.raises(SystemExit):
        main(["evaluate", str(run), str(data / "labels.csv")])
    printed = capsys.readouterr().out
    assert "by target, mae and rmse in its unit" in printed
    assert "relative_mae" in printed
    images, targets = discs(12, seed=1)
    arrays = foveal.evaluate(run, (images, targets))
    assert arrays["n"] == 12
    swapped = from_arrays(images, targets[:, ::-1], classes=["light", "across"])
    assert foveal.evaluate(run, swapped)["metrics"] == arrays["metrics"]
    (data / "labels.csv").write_text("path,across\nimages/1.png,3\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column light; the header has path, across"):
        foveal.evaluate(run, data / "labels.csv")


def test_resume_is_bit_identical(trained: tuple[Path, Path], tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == 5:
            raise Killed

    with pytest.raises(Killed):
        foveal.train(
            trained[1],
            target=("across", "light"),
            out=tmp_path / "run",
            on_event=kill,
            checkpoint_seconds=0.0,
            **OPTIONS,
        )
    foveal.train(resume=tmp_path / "run")
    ours, theirs = (load_file(each / "model.safetensors") for each in (tmp_path / "run", trained[0]))
    assert all(ours[name].equal(theirs[name]) for name in theirs)
    dataset = read_dataset(trained[1], names=("across", "light"))
    other = tuple(
        replace(each, annotation=Numbers(tuple(value + 1 for value in each.known(Numbers).values)))
        for each in dataset.samples
    )
    with pytest.raises(RunError, match="other images, labels or held-out ones"):
        foveal.train(replace(dataset, samples=other), resume=tmp_path / "run")


def test_any_unit_learns_at_the_same_rate(tmp_path: Path) -> None:
    """The same targets in another unit: the same network, and the same figures in that unit."""
    images, targets = discs(60)
    results = []
    for scale in (1.0, 2.0**20):
        data = (images, targets[:, 0] * scale)
        results.append(foveal.train(data, out=tmp_path / str(scale), **OPTIONS)["metrics"])
    assert results[1]["mae"]["value"] == pytest.approx(results[0]["mae"]["value"] * 2**20, rel=1e-5)
    assert results[1]["r2"]["value"] == pytest.approx(results[0]["r2"]["value"], rel=1e-5)


def test_it_learns_and_says_what_it_leaves_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, targets = discs(220)
    options = {**OPTIONS, "epochs": 12.0}
    result = foveal.train((images, targets[:, 0]), target="across", out=tmp_path / "run", **options)
    said = capsys.readouterr().err
    assert "1 target to regress, 220 images" in said
    assert "augmentation: brightness, contrast (numbers: slight light alone. Mirroring, turns" in said
    assert result["metrics"]["r2"]["value"] > 0.8
    assert foveal.load(result["run"])(images[0]).values["across"] == pytest.approx(targets[0, 0], abs=3)


def test_whole_numbers_are_classes_unless_asked(tmp_path: Path) -> None:
    images, targets = discs(60)
    whole = targets[:, 0].astype(int)
    assert "accuracy" in foveal.train((images, whole), out=tmp_path / "classes", **{**OPTIONS, "epochs": 1})["metrics"]
    result = foveal.train((images, whole), task="regress", out=tmp_path / "numbers", **{**OPTIONS, "epochs": 1})
    assert set(result["metrics"]) == {"mae", "rmse", "r2"}
    assert foveal.evaluate(result["run"], (images, whole))["n"] == 12


def test_a_network_of_ones_own(tmp_path: Path) -> None:
    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, 1)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.layer(images.mean(dim=(1, 2, 3))[:, None])

    images, targets = discs(60)
    result = foveal.train((images, targets[:, 1]), model=Mean(), epochs=2, out=tmp_path / "run")
    assert "values" in foveal.load(result["run"], module=Mean())(images[0]).to_json()


def test_what_can_not_be_learned_is_said(tmp_path: Path) -> None:
    images, targets = discs(60)
    with pytest.raises(DataError, match="target is 3 for all 43 training images: there is nothing to learn"):
        foveal.train((images, np.full(60, 3.0)), out=tmp_path / "run")
    with pytest.raises(DataError, match="each label has to be a number; these are not: cat, dog"):
        foveal.train(from_arrays(images, ["cat", "dog"] * 30), task="regress", out=tmp_path / "run")
    with pytest.raises(DataError, match="expected one class an image, got what --task regress learns"):
        foveal.train((images, targets), task="classify", out=tmp_path / "run")
    with pytest.raises(UsageError, match="--target names the columns of a table; arrays has target"):
        foveal.train(from_arrays(images, targets[:, 0]), target="across", out=tmp_path / "run")
    unknown = from_arrays(images, targets[:, 0])
    unknown = replace(unknown, samples=tuple(replace(each, annotation=None) for each in unknown.samples))
    with pytest.raises(DataError, match="have no numbers to regress"):
        foveal.train(unknown, task="regress", out=tmp_path / "run")


def test_one_image_under_two_numbers_is_named(tmp_path: Path) -> None:
    images, targets = discs(60)
    images, targets = np.concatenate([images, images[:1]]), np.concatenate([targets, targets[:1] + 1.5])
    data = from_arrays(images, targets[:, :1], classes=["across"], splits=["train"] * 50 + ["test"] * 10 + ["train"])
    foveal.train(data, out=tmp_path / "run", **{**OPTIONS, "epochs": 1})
    warnings = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))["warnings"]
    both = " and ".join(sorted(f"across {value:.9g}" for value in (targets[0, 0], targets[-1, 0])))
    assert f"1 image stands under more than one label, byte for byte the same (one of them under {both})" in warnings


def test_splits_have_their_share_of_every_tenth() -> None:
    images, targets = discs(200)
    dataset = assign_splits(from_arrays(images, targets[:, 0]), val_share=0.1, test_share=0.2, seed=0)
    tenth = np.argsort(np.argsort(targets[:, 0])) // 20
    held = np.array([sample.split == "test" for sample in dataset.samples])
    assert np.bincount(tenth[held]).tolist() == [4] * 10
    again = assign_splits(from_arrays(images, targets[:, 0]), val_share=0.1, test_share=0.2, seed=0)
    assert [each.split for each in again.samples] == [each.split for each in dataset.samples]
    few = assign_splits(from_arrays(images[:7], targets[:7, 0]), val_share=0.2, test_share=0.2, seed=0)
    assert {each.split for each in few.samples} == {"train", "val", "test"}
    grouped = from_arrays(images, targets[:, 0], groups=[str(index // 4) for index in range(200)])
    grouped = assign_splits(grouped, val_share=0.1, test_share=0.2, seed=0)
    splits = [{each.split for each in grouped.samples[start : start + 4]} for start in range(0, 200, 4)]
    assert all(len(each) == 1 for each in splits)


def test_a_table_that_is_converted_comes_back(trained: tuple[Path, Path], tmp_path: Path) -> None:
    _, data = trained
    foveal.convert(data, to="csv", out=tmp_path / "csv", target=["across", "light"], format="csv")
    foveal.convert(tmp_path / "csv", to="arrays", out=tmp_path / "a.npz")
    expected = {tuple(row) for row in discs(64)[1].tolist()}
    for path in (tmp_path / "csv", tmp_path / "a.npz"):
        dataset = read_dataset(path)
        assert dataset.classes == ("across", "light")
        assert {each.known(Numbers).values for each in dataset.samples} == expected
        assert len(dataset.of_split("test")) == 12
    with pytest.raises(DataError, match="this format holds one class an image; csv and arrays hold numbers and sets"):
        foveal.convert(tmp_path / "csv", to="class-folders", out=tmp_path / "folders")
