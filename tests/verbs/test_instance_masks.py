"""Masks of objects from a folder of annotated images through every verb."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file
from tests.verbs.test_detection import OPTIONS, made

import foveal
from foveal.annotations import Instance, Objects, Polygons
from foveal.errors import UsageError
from foveal.events import Event, StepDone
from foveal.ops.masks import from_json, pixels_of
from foveal.read import READERS
from foveal.read.dataset import read_dataset
from foveal.types import Dataset


def with_outlines(dataset: Dataset) -> Dataset:
    """Each object outlined as a diamond in its box, but for those of the first image."""

    def outlined(instance: Instance) -> Instance:
        x1, y1, x2, y2 = instance.box_xyxy
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        return replace(instance, mask=Polygons(((x, y1, x2, y, x, y2, x1, y),)))

    samples = [
        replace(sample, annotation=Objects(tuple(map(outlined, sample.known(Objects).instances)))) if index else sample
        for index, sample in enumerate(dataset.samples)
    ]
    return replace(dataset, samples=tuple(samples))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(run folder, data folder)."""
    folder = tmp_path_factory.mktemp("masks")
    READERS["coco"].write(with_outlines(made(folder / "images")), folder / "data")
    foveal.train(folder / "data", out=folder / "run", **OPTIONS)
    return folder / "run", folder / "data"


def test_the_annotations_say_that_masks_are_learned(trained: tuple[Path, Path]) -> None:
    run, data = trained
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    assert config["settings"]["instances"] is True
    assert config["reasons"]["instances"] == "8 training objects have a mask"
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics["metrics"]) >= {"AP", "AP50", "mask_AP", "mask_AP50", "mask_APs", "mask_AR100"}
    assert set(metrics["evaluation"]["per_class"]["disc"]) >= {"AP", "mask_AP", "mask_AP50"}
    assert metrics["warnings"] == ["1 of 9 training objects have no mask: they teach none, and boxes as ever"]
    assert foveal.evaluate(run, data)["metrics"] == metrics["metrics"]
    report = (run / "report.html").read_text(encoding="utf-8")
    assert "Mask AP50" in report
    assert "mask AP50" in report


def test_predictions_have_masks_of_the_images_size(trained: tuple[Path, Path], tmp_path: Path) -> None:
    run, data = trained
    image = next(data.rglob("0.png"))
    model = foveal.load(run)
    assert model.contract.task_settings["masks"] is True
    model.decision = replace(model.decision, score_threshold=0.0)  # however unsure
    found = model(image).to_json()["objects"]
    assert found
    for each in json.loads(json.dumps(found)):
        pixels = pixels_of(each["mask"])
        assert pixels.shape == (64, 96)
        assert pixels.sum() == each["area"] > 0
        x1, y1, x2, y2 = each["box"]
        rows, columns = np.nonzero(pixels)
        assert int(x1) <= columns.min() <= columns.max() <= x2 + 1
        assert int(y1) <= rows.min() <= rows.max() <= y2 + 1
    list(foveal.predict(model, image, draw=tmp_path / "drawn", coco=image.parent / "found.json"))
    with Image.open(tmp_path / "drawn" / "0.jpg") as drawn:
        assert drawn.size == (96, 64)
    written = read_dataset(image.parent / "found.json").samples[0].known(Objects).instances
    assert written is not None
    assert [(each.mask, each.area) for each in written] == [(from_json(each["mask"]), each["area"]) for each in found]


def test_masks_of_tiles_lie_in_the_whole_image(trained: tuple[Path, Path]) -> None:
    run, data = trained
    model = foveal.load(run)
    model.decision = replace(model.decision, score_threshold=0.0)
    found = model(next(data.rglob("0.png")), tile=48).to_json()["objects"]
    assert found
    for each in found:
        rows, columns = np.nonzero(pixels_of(each["mask"]))
        x1, y1, x2, y2 = each["box"]
        assert each["mask"]["size"] == [64, 96]
        assert int(x1) <= columns.min() <= columns.max() <= x2 + 1
        assert int(y1) <= rows.min() <= rows.max() <= y2 + 1
    assert max(each["box"][2] for each in found) > 60  # beyond the first tile


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
    assert any(name.startswith("masks.") for name in ours)
    assert ours.keys() == theirs.keys()
    assert all(ours[name].equal(theirs[name]) for name in ours)


def test_boxes_alone_train_with_masks_on_and_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    READERS["coco"].write(made(tmp_path / "images"), tmp_path / "data")
    options = {**OPTIONS, "epochs": 1.0}
    off = foveal.train(tmp_path / "data", out=tmp_path / "off", **options)
    assert "mask_AP" not in off["metrics"]
    assert "no training object has a mask" not in capsys.readouterr().err
    on = foveal.train(tmp_path / "data", out=tmp_path / "on", instances=True, **options)
    assert on["metrics"]["mask_AP"] == {"value": None, "low": None, "high": None}
    warning = "no training object has a mask: masks are not learned, boxes are (--no-instances leaves them out)"
    assert f"warning: {warning}" in capsys.readouterr().err
    assert json.loads((tmp_path / "on" / "metrics.json").read_text(encoding="utf-8"))["warnings"] == [warning]


def test_masks_can_be_left_out_and_are_of_detectors(trained: tuple[Path, Path], tmp_path: Path) -> None:
    result = foveal.train(trained[1], out=tmp_path / "run", instances=False, **{**OPTIONS, "epochs": 1.0})
    assert "mask_AP" not in result["metrics"]
    with pytest.raises(UsageError, match="--instances is for detect, and the task is to classify: leave it out"):
        foveal.train((np.zeros((12, 8, 8), np.uint8), np.arange(12) % 2), instances=True, out=tmp_path / "other")
