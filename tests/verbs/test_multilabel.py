"""Several labels an image, from a table and from arrays, through every verb."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

import foveal
from foveal.annotations import LabelSet
from foveal.bundle import load_bundle
from foveal.cli import main
from foveal.contract import read_contract
from foveal.errors import DataError, UsageError
from foveal.events import Event, StepDone
from foveal.metrics.labels import best_thresholds
from foveal.read.arrays import from_arrays
from foveal.read.dataset import read_dataset
from foveal.read.splits import assign_splits

NAMES = ("left", "right", "top")
OPTIONS = {"model": "resnet20_cifar", "size": 16, "batch_size": 16, "epochs": 3.0, "ema": 0.5}


def corners(count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(count, 16, 16) uint8, and (count, 3) of 0 and 1: a bright bar on the left, on the right, at the top."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 60, (count, 16, 16)).astype(np.uint8)
    truths = rng.integers(0, 2, (count, 3))
    for image, truth in zip(images, truths, strict=True):
        for bar, there in zip((image[4:, :4], image[4:, -4:], image[:3]), truth, strict=True):
            if there:
                bar[:] = 200
    return images, truths


def made(folder: Path, *, as_cells: bool, tested: bool = True) -> Path:
    """64 images as a table with a column a label, or one for all; no test image has a label where none is tested."""
    images, truths = corners(64)
    truths[52:] *= tested
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "split", *(["labels"] if as_cells else NAMES)])
        for index, (image, truth) in enumerate(zip(images, truths.tolist(), strict=True)):
            Image.fromarray(image).save(folder / "images" / f"{index}.png")
            split = "train" if index < 44 else "val" if index < 52 else "test"
            cell = "|".join(name for name, there in zip(NAMES, truth, strict=True) if there)
            table.writerow([f"images/{index}.png", split, *([cell] if as_cells else truth)])
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(run folder, data folder)."""
    folder = tmp_path_factory.mktemp("labels")
    made(folder / "data", as_cells=True)
    foveal.train(folder / "data", out=folder / "run", **OPTIONS)
    return folder / "run", folder / "data"


def test_every_file_says_the_same(trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run, data = trained
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    assert (config["settings"]["task"], config["settings"]["loss"]) == ("multilabel", "binary_cross_entropy")
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics["metrics"]) == {"mAP", "f1_micro", "f1_macro", "precision_micro", "recall_micro"}
    evaluated = foveal.evaluate(run, data)
    assert evaluated["metrics"] == metrics["metrics"]
    assert (evaluated["n"], tuple(evaluated["per_class"])) == (12, NAMES)
    report = (run / "report.html").read_text(encoding="utf-8")
    for words in ("Precision and recall", "Label by label", "Most confident mistakes"):
        assert words in report
    with pytest.raises(SystemExit):
        main(["evaluate", str(run), str(data)])
    assert "threshold" in capsys.readouterr().out


def test_an_undefined_figure_is_said_as_that(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "data", as_cells=False, tested=False)
    result = foveal.train(tmp_path / "data", out=tmp_path / "run", **{**OPTIONS, "epochs": 1.0})
    assert result["metrics"]["mAP"] == {"value": None, "low": None, "high": None}
    assert "test mAP undefined (12 images), " in capsys.readouterr().err
    assert (tmp_path / "run" / "report.html").is_file()
    images, truths = corners(20)
    nothing = from_arrays(images, 0 * truths, classes=NAMES)
    foveal.train(nothing, task="multilabel", folds=2, out=tmp_path / "folds", **{**OPTIONS, "epochs": 1.0})
    assert "mean mAP over 2 folds undefined\n" in capsys.readouterr().err


def test_thresholds_are_those_of_the_held_out_images(trained: tuple[Path, Path]) -> None:
    run, data = trained
    thresholds = load_bundle(run / "model.safetensors").contract.decision["thresholds"]
    model = foveal.load(run, engine="eager", precision="float32")
    held_out = [data / "images" / f"{index}.png" for index in range(44, 52)]
    scores = np.array([model(path).probabilities for path in held_out])
    truths = corners(64)[1][44:52].astype(bool)
    assert thresholds == pytest.approx(best_thresholds(scores, truths).tolist(), abs=1e-6)
    for each in foveal.predict(run, held_out, engine="eager", precision="float32"):
        told = [
            name for name, threshold in zip(NAMES, thresholds, strict=True) if each.answer.scores[name] >= threshold
        ]
        assert sorted(each.answer.labels) == told


def test_both_kinds_of_tables_say_the_same(trained: tuple[Path, Path], tmp_path: Path) -> None:
    run, data = trained
    columns = made(tmp_path / "columns", as_cells=False)
    assert read_dataset(columns).samples[3].annotation == read_dataset(data).samples[3].annotation
    assert foveal.evaluate(run, columns)["metrics"] == foveal.evaluate(run, data)["metrics"]
    images, truths = corners(64)
    one = foveal.evaluate(run, (images[52:], truths[52:]))
    assert one["metrics"] == foveal.evaluate(run, data)["metrics"]
    few = tmp_path / "columns" / "few.csv"
    few.write_text("path,labels\nimages/1.png,left\nimages/2.png,\n", encoding="utf-8")
    evaluated = foveal.evaluate(run, few)
    assert evaluated["per_class"]["top"]["support"] == 0
    assert evaluated["per_class"]["top"]["recall"]["value"] is None
    few.write_text("path,labels\nimages/1.png,left|bottom\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"1 the model does not know \(bottom\)"):
        foveal.evaluate(run, few)


def test_predictions_are_lines(trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run, data = trained
    path = str(data / "images" / "60.png")
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(run), path, "--engine", "eager", "--precision", "float32"])
    assert ended.value.code == 0
    printed = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    expected = foveal.load(run, engine="eager", precision="float32")(path).to_json()["labels"]
    assert [line[1:] for line in printed] == [[each["label"], f"{each['score']:.4f}"] for each in expected]
    averaged = next(iter(foveal.predict(run, path, tta=True)))
    assert set(averaged.answer.scores) == set(NAMES)


def test_resume_is_bit_identical(trained: tuple[Path, Path], tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == 5:
            raise Killed

    with pytest.raises(Killed):
        foveal.train(trained[1], out=tmp_path / "run", on_event=kill, checkpoint_seconds=0.0, **OPTIONS)
    foveal.train(resume=tmp_path / "run")
    ours, theirs = (load_file(each / "model.safetensors") for each in (tmp_path / "run", trained[0]))
    assert all(ours[name].equal(theirs[name]) for name in theirs)
    ours, theirs = (read_contract(each / "model.safetensors") for each in (tmp_path / "run", trained[0]))
    assert (ours.task_settings, ours.decision) == (theirs.task_settings, theirs.decision)


@pytest.mark.parametrize("options", [{"loss": "focal"}, {"mixup": 0.4, "cutmix": 1.0, "label_smoothing": 0.1}])
def test_it_learns(options: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, truths = corners(220)
    dataset = from_arrays(images, truths, classes=NAMES)
    result = foveal.train(dataset, out=tmp_path / "run", **{**OPTIONS, "epochs": 12.0, **options})
    assert "3 labels, any number of them an image, 220 images" in capsys.readouterr().err
    assert result["metrics"]["mAP"]["value"] > 0.95
    assert result["metrics"]["f1_micro"]["value"] > 0.85


def test_one_class_an_image_is_several_labels_where_asked(tmp_path: Path) -> None:
    images, truths = corners(60)
    options = {**OPTIONS, "epochs": 1.0}
    result = foveal.train((images, truths[:, 0]), task="multilabel", val_share=0, out=tmp_path / "run", **options)
    assert load_bundle(tmp_path / "run" / "model.safetensors").contract.decision["thresholds"] == [0.5]
    assert foveal.evaluate(result["run"], (images, truths[:, 0]))["n"] == 12
    with pytest.raises(DataError, match="expected one class an image, got what --task multilabel learns"):
        foveal.train((images, truths), task="classify", out=tmp_path / "none")
    with pytest.raises(UsageError, match="--balance loss is for classify and segment, and the task is to multilabel"):
        foveal.train((images, truths), balance="loss", out=tmp_path / "none")


def test_splits_have_their_share_of_every_label() -> None:
    rng = np.random.default_rng(0)
    truths = (rng.random((400, 3)) < [0.5, 0.1, 0.03]).astype(int)
    dataset = from_arrays(np.zeros((400, 4, 4), np.uint8), truths, classes=NAMES)
    dataset = assign_splits(dataset, val_share=0.1, test_share=0.2, seed=0)
    held = np.array([sample.split == "test" for sample in dataset.samples])
    assert held.sum() == 80
    for column, apart in enumerate((4, 1, 1)):  # the rarer, the nearer
        assert truths[held, column].sum() == pytest.approx(0.2 * truths[:, column].sum(), abs=apart)


def test_a_table_that_is_converted_comes_back(trained: tuple[Path, Path], tmp_path: Path) -> None:
    columns = made(tmp_path / "columns", as_cells=False)
    foveal.convert(columns, to="csv", out=tmp_path / "csv")
    foveal.convert(tmp_path / "csv", to="arrays", out=tmp_path / "a.npz")
    expected = sorted((each.known(LabelSet).indices, each.split) for each in read_dataset(trained[1]).samples)
    for path in (tmp_path / "csv", tmp_path / "a.npz"):
        dataset = read_dataset(path)
        assert dataset.classes == NAMES
        assert sorted((each.known(LabelSet).indices, each.split) for each in dataset.samples) == expected
    with pytest.raises(DataError, match="this format holds one class an image; csv and arrays hold numbers and sets"):
        foveal.convert(tmp_path / "csv", to="class-folders", out=tmp_path / "folders")
