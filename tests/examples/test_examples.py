"""The examples run from a new folder, and say what their headers promise."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from foveal.bundle import load_bundle
from foveal.errors import ModelError
from foveal.runs import RunFolder, read_events

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> ModuleType:
    """A script of examples/ as a module."""
    found = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_train_your_own_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example("train_your_own_folder").main(tmp_path, per_class=15, epochs=1)
    counted, *predicted, report = capsys.readouterr().out.splitlines()
    assert counted.startswith("30 test images; the class missed most often is ")
    assert [line.split(":")[0] for line in predicted] == [
        str(tmp_path / "digits" / "7" / f"{number:03}.png") for number in range(3)
    ]
    assert Path(report.removeprefix("the report: ")).is_file()


def test_your_own_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = example("your_own_network")
    module.main(tmp_path / "run", epochs=1)
    *read, counts = capsys.readouterr().out.splitlines()
    assert [line[:11] for line in read] == ["a 0, read a", "a 1, read a", "a 2, read a"]
    parameters = sum(each.numel() for each in module.TwoConvolutions(10).parameters())
    assert counts.startswith(f"{parameters:,} parameters, ")
    with pytest.raises(ModelError, match="holds the weights of your own module"):
        load_bundle(tmp_path / "run" / "model.safetensors")


def test_watch_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = example("watch_training")
    module.main(tmp_path / "run", epochs=3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("steps planned")
    assert [line.split(":")[0] for line in lines[1:4]] == ["epoch 1", "epoch 2", "epoch 3"]
    epochs = [record for record in read_events(RunFolder(tmp_path / "run")) if record["event"] == "epoch"]
    assert module.learning_curve(tmp_path / "run") == [record["train"]["loss"] for record in epochs]
    assert [len(line.split()[-1]) for line in lines[4:]] == [3, 3]


def test_a_sparkline_reaches_from_an_eighth_to_a_full_block() -> None:
    assert example("watch_training").sparkline([0.0, 3.0, 7.0]) == "▁▄█"
