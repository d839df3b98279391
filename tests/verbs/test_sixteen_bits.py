"""Greys of 16 bits from file to prediction: nothing of them is rounded to 8."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import foveal
from foveal.answers.classify import Classified
from foveal.bundle import load_bundle

SIDE = 32
GROUND = 3 * 257


def microscope(folder: Path, *, count: int) -> Path:
    """Class folders of dim 16-bit images: spots or stripes of 120 levels on a ground of noise, all below one level of 8
    bits."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    for split, number in (("train", count), ("test", count // 2)):
        for name in ("spots", "stripes"):
            (folder / split / name).mkdir(parents=True)
            for index in range(number):
                phase = random.uniform(0, 2 * np.pi, 2)
                waves = np.sin(x / 1.5 + phase[0]), np.sin(y / 1.5 + phase[1])
                pattern = waves[0] * waves[1] if name == "spots" else waves[0]
                levels = GROUND + 60 * pattern + random.normal(0, 8, (SIDE, SIDE)).clip(-40, 40)
                assert set(((levels + 128) // 257).astype(int).ravel()) == {3}  # all one level of 8 bits
                Image.fromarray(levels.round().astype(np.uint16)).save(folder / split / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict]:
    folder = tmp_path_factory.mktemp("sixteen")
    data = microscope(folder / "data", count=40)
    result = foveal.train(data, model="resnet20_cifar", epochs=8, augmentation="none", device="cpu", out=folder / "run")
    return data, folder / "run", result


def test_what_8_bits_cannot_hold_is_learned(trained: tuple[Path, Path, dict]) -> None:
    _, run, result = trained
    assert result["metrics"]["accuracy"]["value"] > 0.9
    preprocess = load_bundle(run / "model.safetensors").contract.preprocess
    assert (preprocess.depth, preprocess.white, preprocess.channels) == ("uint16", 65535, 1)
    assert preprocess.mean[0] == pytest.approx(GROUND / 65535, rel=0.01)


@pytest.mark.parametrize("engine", ["eager", "onnxruntime", "openvino"])
def test_every_engine_and_every_way_in_predicts_the_same(trained: tuple[Path, Path, dict], engine: str) -> None:
    data, run, _ = trained
    model = foveal.load(run, engine=engine, precision="float32", device="cpu")  # type: ignore[arg-type]
    files = sorted((data / "test").rglob("*.png"))
    answers = list(model.predict(files))
    right = [
        isinstance(each, Classified) and each.label == file.parent.name
        for each, file in zip(answers, files, strict=True)
    ]
    assert np.mean(right) > 0.9
    of_file, of_array = model(files[0]), model(np.asarray(Image.open(files[0])))
    assert of_file.to_json() == of_array.to_json()


def test_evaluation_and_augmentation_pictures_read_the_same_files(
    trained: tuple[Path, Path, dict], tmp_path: Path
) -> None:
    data, run, result = trained
    assert foveal.evaluate(run, data)["metrics"] == result["metrics"]
    shown = foveal.show_augmentation(data, out=tmp_path / "seen", images=2, variants=1)
    assert Path(shown["sheet"]).is_file()
