"""A segmentation from a folder of images and label maps through every verb."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

import foveal
from foveal.errors import UsageError
from foveal.events import Event, StepDone
from foveal.images.label_map import read_label_map, write_label_map
from foveal.read.dataset import read_dataset

OPTIONS = {"size": 96, "batch_size": 4, "epochs": 2.0, "ema": 0.5, "void": 2}


def made(folder: Path) -> Path:
    """Images of 96×64 pixels: noise with a bright disc, whose edge is void (index 2)."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:64, :96]
    for index in range(16):
        split = "train" if index < 12 else "val" if index < 14 else "test"
        distance = np.hypot(y - random.integers(20, 44), x - random.integers(20, 76))
        pixels = random.integers(60, 120, (64, 96, 3)) + 120 * (distance < 16)[:, :, None]
        labels = np.where(distance < 15, 1, np.where(distance < 17, 2, 0))
        for name in ("images", "masks"):
            (folder / name / split).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / split / f"{index}.png")
        write_label_map(labels.astype(np.uint8), folder / "masks" / split / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(run folder, data folder)."""
    folder = tmp_path_factory.mktemp("segmentation")
    foveal.train(made(folder / "data"), out=folder / "run", **OPTIONS)
    return folder / "run", folder / "data"


def test_the_data_says_what_is_learned(trained: tuple[Path, Path]) -> None:
    run, data = trained
    settings = json.loads((run / "config.json").read_text(encoding="utf-8"))["settings"]
    assert (settings["task"], settings["decoder"], settings["aspect"]) == ("segment", "unet", 1.5)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics["metrics"]) == {"mIoU", "mean_dice", "pixel_accuracy", "boundary_f1"}
    assert metrics["evaluation"]["classes"] == ["class 0", "class 1"]
    evaluated = foveal.evaluate(run, data)
    assert evaluated["metrics"] == metrics["metrics"]
    assert evaluated["n"] == 2
    pixels = [each["pixels"] for each in evaluated["per_class"].values()]
    assert [sum(row) for row in evaluated["confusion"]] == pixels
    report = (run / "report.html").read_text(encoding="utf-8")
    assert "mean IoU of the classes" in report
    assert "Ground truth and predictions" in report
    assert "a cell the share of its row" in report


def test_predictions_are_label_maps_of_the_images_size(trained: tuple[Path, Path], tmp_path: Path) -> None:
    run, data = trained
    images = sorted((data / "images" / "test").iterdir())
    predictions = list(foveal.predict(run, images, draw=tmp_path / "drawn", masks=tmp_path / "masks"))
    for image, each in zip(images, predictions, strict=True):
        assert each.answer.label_map.shape == (64, 96)
        assert sum(each.to_json()["shares"].values()) == pytest.approx(1)
        assert np.array_equal(read_label_map(tmp_path / "masks" / image.name), each.answer.label_map)
        assert (tmp_path / "drawn" / f"{image.stem}.jpg").is_file()
    with pytest.raises(UsageError, match="--tta"):
        list(foveal.predict(run, images, tta=True))


def test_resume_is_bit_identical(trained: tuple[Path, Path], tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == 4:
            raise Killed

    with pytest.raises(Killed):
        foveal.train(trained[1], out=tmp_path / "run", on_event=kill, checkpoint_seconds=0.0, **OPTIONS)
    foveal.train(resume=tmp_path / "run")
    ours, theirs = (load_file(each / "model.safetensors") for each in (tmp_path / "run", trained[0]))
    assert ours.keys() == theirs.keys()
    assert all(ours[name].equal(theirs[name]) for name in ours)


def test_every_decoder_and_loss_trains(trained: tuple[Path, Path], tmp_path: Path) -> None:
    for index, option in enumerate(({"decoder": "fpn", "loss": "dice"}, {"loss": "focal"})):
        options = {**OPTIONS, **option, "epochs": 1}
        result = foveal.train(read_dataset(trained[1]), out=tmp_path / str(index), **options)
        assert 0 <= result["metrics"]["mIoU"]["value"] <= 1
    with pytest.raises(UsageError, match="--balance sampler is for classify, and the task is to segment"):
        foveal.train(trained[1], balance="sampler", out=tmp_path / "none")
    with pytest.raises(UsageError, match="--loss mean_squared_error: expected one of cross_entropy, dice"):
        foveal.train(trained[1], loss="mean_squared_error", out=tmp_path / "none")
