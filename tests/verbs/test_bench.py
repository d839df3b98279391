"""`foveal bench` accounts for the whole of what it measured."""

import json
from pathlib import Path

import pytest
from tests.made import shape_folder

import foveal
from foveal.cli import main
from foveal.errors import ModelError
from foveal.read.arrays import from_samples
from foveal.speed.ceilings import Ceilings
from foveal.speed.noise import noise_samples
from foveal.types import TaskName

CEILINGS = Ceilings(
    convolution_flop_s={"float32": 50e9, "bfloat16": 90e9},
    matrix_flop_s={"float32": 60e9, "bfloat16": 100e9},
    memory_bytes_s=10e9,
    decode_images_s=900.0,
)


@pytest.fixture(autouse=True)
def quick_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foveal.speed.ceilings.measure_ceilings", lambda device: CEILINGS)
    monkeypatch.setattr("foveal.speed.profile._SECONDS", 0.05)


def test_the_parts_are_the_whole() -> None:
    result = foveal.bench("resnet20_cifar", batch_size=16, precision="float32")
    assert (result["model"], result["size"], result["batch_size"], result["precision"]) == (
        "resnet20_cifar",
        32,
        16,
        "float32",
    )
    for profile in (result["training"], *result["prediction"]):
        assert sum(part["share"] for part in profile["parts"]) == pytest.approx(1)
        assert sum(part["seconds"] for part in profile["parts"]) == pytest.approx(profile["seconds"])
        rate = profile["batch_size"] / profile["seconds"]
        assert profile["images_per_second"] == pytest.approx(rate)
    parts = {part["name"]: part for part in result["training"]["parts"]}
    assert {"gather and augment", "convolutions", "norms", "activations", "update of the weights"} <= set(parts)
    convolutions = parts["convolutions"]
    flop = convolutions["of_ceiling"] * CEILINGS.convolution_flop_s["float32"] * convolutions["seconds"]
    multiply_adds = 40_551_040  # resnet20_cifar at 32 px, all but the first by images and weights
    assert flop == pytest.approx(16 * 2 * 3 * multiply_adds, rel=0.02)
    assert [profile["batch_size"] for profile in result["prediction"]] == [1, 32]
    assert result["advice"]


def test_a_model_file_is_measured_with_its_own_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = shape_folder(tmp_path / "data", count=12)
    foveal.train(data, model="lenet5", epochs=1, batch_size=8, out=tmp_path / "run")
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["bench", str(tmp_path / "run"), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert (result["model"], result["size"], result["batch_size"]) == ("lenet5", 32, 8)


@pytest.mark.parametrize("task", ["regress", "multilabel", "detect", "segment"])
def test_a_model_of_any_task_is_measured(tmp_path: Path, task: TaskName) -> None:
    samples = noise_samples(task, ("a", "b"), count=10, side=64, channels=3, folder=tmp_path)
    options = {"model": "resnet18_d_half", "size": 64, "epochs": 1, "batch_size": 4}
    foveal.train(from_samples(samples, ("a", "b")), task=task, out=tmp_path / "run", **options)
    result = foveal.bench(tmp_path / "run", batch_size=2)
    assert (result["model"], result["size"], result["batch_size"]) == ("resnet18_d_half", 64, 2)
    parts = {part["name"] for part in result["training"]["parts"]}
    assert {"gather and augment", "convolutions", "update of the weights"} <= parts
    assert [profile["batch_size"] for profile in result["prediction"]] == [1, 32]


def test_the_tables_name_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench", "lenet5", "--size", "28", "--batch-size", "8"])
    out = capsys.readouterr().out
    assert "lenet5 at 28 px on cpu" in out
    assert "prediction of 32 images, batch 32" in out
    assert "█" in out
    assert "of convolution" in out


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ModelError, match="no network is named 'resnet19'; did you mean"):
        foveal.bench("resnet19")
