"""A detector from a folder of annotated images through every verb."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tests.read.packing import pack

import foveal
from foveal.annotations import Instance, Objects
from foveal.errors import DataError, UsageError
from foveal.events import Event, StepDone
from foveal.images.sources import FileImage
from foveal.metrics.detection import Detections, GroundTruth
from foveal.read import READERS
from foveal.read.dataset import read_dataset
from foveal.tasks import make_task
from foveal.types import Dataset, Sample

CLASSES = ("disc", "square")
OPTIONS = {"model": "resnet18_d", "size": 96, "batch_size": 4, "epochs": 2.0, "ema": 0.5}


def made(folder: Path, *, count: int = 14) -> Dataset:
    """Images of 96×64 pixels with a bright square or a dark one each, the last of a split with none."""
    random = np.random.default_rng(0)
    samples = []
    folder.mkdir(parents=True)
    for index in range(count):
        pixels = random.integers(90, 160, (64, 96, 3)).astype(np.uint8)
        label, x, y = index % 2, int(random.integers(4, 50)), int(random.integers(4, 24))
        pixels[y : y + 32, x : x + 36] = 250 * label
        Image.fromarray(pixels).save(folder / f"{index}.png")
        found = (Instance(label=label, box_xyxy=(x, y, x + 36, y + 32)),) if index % 7 < 6 else ()
        split = "train" if index < count - 4 else "val" if index < count - 2 else "test"
        samples.append(
            Sample(
                id=f"{index}.png",
                image=FileImage(folder / f"{index}.png"),
                split=split,
                annotation=Objects(found),
                size_hw=(64, 96),
            )  # type: ignore[arg-type]
        )
    return Dataset(name="squares", format="coco", root=folder, classes=CLASSES, samples=tuple(samples))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(run folder, data folder)."""
    folder = tmp_path_factory.mktemp("detector")
    READERS["coco"].write(made(folder / "images"), folder / "data")
    foveal.train(folder / "data", out=folder / "run", **OPTIONS)
    return folder / "run", folder / "data"


def test_what_reading_left_out_is_told(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, data = trained
    copy = Path(shutil.copytree(data, tmp_path / "data"))
    file = copy / "annotations" / "instances_train.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["annotations"][0]["bbox"][2] = 0
    file.write_text(json.dumps(content), encoding="utf-8")
    told = "left out 1 of 9 annotations, for boxes without area"
    result = foveal.train(copy, out=tmp_path / "run", **{**OPTIONS, "epochs": 1.0})
    metrics = json.loads((Path(result["run"]) / "metrics.json").read_text(encoding="utf-8"))
    assert told in " ".join(metrics["warnings"])
    assert told in " ".join(foveal.evaluate(run, copy)["warnings"])
    assert told in " ".join(foveal.convert(copy, to="yolo", out=tmp_path / "yolo")["left_out"])
    assert capsys.readouterr().err.count(told) == 3


def test_the_data_says_what_is_learned(trained: tuple[Path, Path]) -> None:
    run, data = trained
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    assert config["settings"]["task"] == "detect"
    assert config["settings"]["aspect"] == 1.5
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics["metrics"]) >= {"AP", "AP50", "AR100"}
    assert metrics["data"]["size_hw"] == [64, 96]
    evaluated = foveal.evaluate(run, data)
    assert evaluated["task"] == "detect"
    assert evaluated["n"] == 2
    assert evaluated["metrics"] == metrics["metrics"]
    assert {"precision", "recall", "f1"} <= set(evaluated["metrics"])
    assert evaluated["score_threshold"] == 0.25
    assert set(evaluated["recall_by_size"]) == {"small", "medium", "large"}
    assert evaluated["confusion"] == metrics["evaluation"]["confusion"]
    assert sum(map(sum, evaluated["confusion"][:-1])) == sum(
        each["objects"] for each in evaluated["per_class"].values()
    )
    report = (run / "report.html").read_text(encoding="utf-8")
    assert "Ground truth and predictions" in report
    assert "average precision" in report
    missed = sum(row[-1] for row in evaluated["confusion"])
    assert (f"Missed (false negatives): {missed}" if missed else "Missed (false negatives): none") in report


def test_a_test_of_backgrounds_alone_ends_in_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = made(tmp_path / "images")
    bare = [replace(each, annotation=Objects(())) if each.split == "test" else each for each in data.samples]
    result = foveal.train(replace(data, samples=tuple(bare)), out=tmp_path / "run", **{**OPTIONS, "epochs": 0.5})
    assert result["metrics"]["AP"]["value"] is None
    assert "test AP undefined (2 images), " in capsys.readouterr().err
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_look_during_training_pays_for_no_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("foveal.metrics.detection.operating_point", fail)
    task = make_task("detect", CLASSES, {})
    nothing = Detections(boxes_xyxy=np.zeros((0, 4)), scores=np.zeros(0), labels=np.zeros(0, int))
    there = GroundTruth(
        boxes_xyxy=np.array([[0.0, 0, 9, 9]]),
        labels=np.array([0]),
        areas=np.array([81.0]),
        crowd=np.array([False]),
        ignored=np.array([False]),
    )
    assert task.judging.validation_metrics([[(nothing, there)]])[0] == {"AP": 0.0, "AP50": 0.0}
    with pytest.raises(AssertionError):
        task.judging.evaluation_metrics([[(nothing, there)]])


def test_predictions_name_objects_in_pixels_of_the_image(trained: tuple[Path, Path], tmp_path: Path) -> None:
    run, data = trained
    images = sorted(data.rglob("*.png"))[:2]
    predictions = list(foveal.predict(run, images, draw=tmp_path / "drawn"))
    assert [each.path for each in predictions] == [str(path) for path in images]
    for each in predictions:
        found = json.loads(json.dumps(each.to_json()))["objects"]
        assert all(each["label"] in CLASSES and 0.25 <= each["score"] <= 1 for each in found)
        assert all(0 <= x1 <= x2 <= 96 and 0 <= y1 <= y2 <= 64 for x1, y1, x2, y2 in (f["box"] for f in found))
    drawn = sorted((tmp_path / "drawn").iterdir())
    assert [path.name for path in drawn] == [f"{path.stem}.jpg" for path in images]
    with Image.open(drawn[0]) as image:
        assert image.size == (96, 64)
    assert foveal.load(run)(images[0]).to_json() == predictions[0].answer.to_json()


def test_what_is_found_in_an_archive_is_drawn_and_told(trained: tuple[Path, Path], tmp_path: Path) -> None:
    run, data = trained
    archive = pack(data, tmp_path / "squares.zip")
    found = list(foveal.predict(run, archive, draw=tmp_path / "drawn", coco=tmp_path / "found.json"))
    assert len(list((tmp_path / "drawn").iterdir())) == len(found) == len(list(data.rglob("*.png")))
    told = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert {(each["width"], each["height"]) for each in told["images"]} == {(96, 64)}
    assert len(told["annotations"]) == sum(len(each.answer.labels) for each in found)


def test_resume_is_bit_identical(trained: tuple[Path, Path], tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == 3:
            raise Killed

    with pytest.raises(Killed):
        foveal.train(trained[1], out=tmp_path / "run", on_event=kill, checkpoint_seconds=0.0, **OPTIONS)
    foveal.train(resume=tmp_path / "run")
    ours, theirs = (load_file(each / "model.safetensors") for each in (tmp_path / "run", trained[0]))
    assert ours.keys() == theirs.keys()
    assert all(ours[name].equal(theirs[name]) for name in ours)


def test_what_can_not_be_is_said(trained: tuple[Path, Path], tmp_path: Path) -> None:
    run, data = trained
    image = next(data.rglob("*.png"))
    with pytest.raises(UsageError, match="--tta"):
        list(foveal.predict(run, image, tta=True))
    with pytest.raises(UsageError, match="--loss dice: expected one of cross_entropy"):
        foveal.train(data, loss="dice", out=tmp_path / "run")
    for option in ({"recipe": "fast"}, {"mixup": 0.2}, {"balance": "loss"}, {"balance": "sampler"}):
        with pytest.raises(UsageError, match=r"is for classify.*, and the task is to detect"):
            foveal.train(data, out=tmp_path / "run", **option)
    with pytest.raises(UsageError, match="your own module sees whole images"):
        foveal.train(data, model=torch.nn.Conv2d(3, 2, 1), out=tmp_path / "run")
    with pytest.raises(DataError, match="says where things are; expected one class an image"):
        foveal.train(data, task="classify", out=tmp_path / "run")
    dataset = read_dataset(data)
    assert dataset.counts()["train"] == {"disc": 4, "square": 5}


def test_bccd_trains(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    """One epoch of real images with every box kept: the loss is finite, and something is found."""
    dataset = read_dataset(real_data("bccd"))
    few = tuple(sample for split in ("train", "val", "test") for sample in dataset.of_split(split)[:8])  # type: ignore[arg-type]
    data = Dataset(name="bccd", format="voc", root=None, classes=dataset.classes, samples=few)
    result = foveal.train(data, out=tmp_path / "run", size=128, epochs=1, batch_size=4)
    assert result["metrics"]["AR100"]["value"] >= 0
