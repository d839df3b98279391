"""A killed and resumed run ends bit for bit where an unbroken one does."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.made import shape_folder, shapes
from torch import Tensor, nn

import foveal
from foveal.errors import Interrupted, RunError, UsageError
from foveal.events import Event, StepDone
from foveal.runs import RunFolder, read_events

OPTIONS = {"batch_size": 10, "ema": 0.9, "checkpoint_seconds": 0.0, "erase": 0.5, "mixup": 0.4, "hflip": 0.5}


class _Killed(BaseException):
    """Stands in for a kill: nothing of the program runs after it."""


def kill_at(step: int) -> Callable[[Event], None]:
    def consume(event: Event) -> None:
        if isinstance(event, StepDone) and event.step >= step:
            raise _Killed

    return consume


class Dropped(nn.Module):
    """A user's own module with batch norm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(4))
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(128, 3))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images).flatten(1))


@pytest.mark.parametrize("step", [1, 3, 6])
def test_resume_is_bit_identical(tmp_path: Path, step: int) -> None:
    data = shapes(60)
    options = {**OPTIONS, "epochs": 2.0, "lr": 0.01}
    foveal.train(data, model=seeded(), out=tmp_path / "whole", **options)
    with pytest.raises(_Killed):
        foveal.train(data, model=seeded(), out=tmp_path / "killed", on_event=kill_at(step), **options)
    foveal.train(data, model=seeded(seed=9), resume=tmp_path / "killed")
    whole, resumed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    assert_same_tensors(whole.model, resumed.model)
    assert_same_tensors(whole.last, resumed.last)
    losses = [
        [(record["step"], record["loss"]) for record in read_events(run) if record["event"] == "step"]
        for run in (whole, resumed)
    ]
    assert losses[0] == losses[1]


def seeded(seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    return Dropped()


def assert_same_tensors(first: Path, second: Path) -> None:
    one, other = load_file(first), load_file(second)
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_the_seed_makes_a_difference(tmp_path: Path) -> None:
    for seed in (0, 1):
        foveal.train(shapes(30), model="lenet5", epochs=1, seed=seed, out=tmp_path / str(seed))
    with pytest.raises(AssertionError):
        assert_same_tensors(tmp_path / "0" / "model.safetensors", tmp_path / "1" / "model.safetensors")


def test_epochs_can_be_raised_and_nothing_else(tmp_path: Path) -> None:
    data = shapes(30)
    foveal.train(data, model="lenet5", epochs=1, out=tmp_path / "run")
    with pytest.raises(UsageError, match="only --epochs can change, not batch_size"):
        foveal.train(data, resume=tmp_path / "run", batch_size=4)
    foveal.train(data, resume=tmp_path / "run", epochs=3)
    epochs = [record["epoch"] for record in read_events(RunFolder(tmp_path / "run")) if record["event"] == "epoch"]
    assert epochs == [1, 2, 3]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["settings"]["epochs"] == 3


def test_resume_needs_a_run_and_the_same_data(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run to resume here"):
        foveal.train(resume=tmp_path)
    foveal.train(shapes(30), model="lenet5", epochs=1, out=tmp_path / "run")
    with pytest.raises(RunError, match="this run's data came from Python"):
        foveal.train(resume=tmp_path / "run")
    with pytest.raises(RunError, match="the data changed since this run started"):
        foveal.train(shapes(45), resume=tmp_path / "run", epochs=2)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at SIGTERM without asking it")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path: Path, number: int, code: int) -> None:
    data = shape_folder(tmp_path / "data")
    run = tmp_path / "run"
    command = [sys.executable, "-m", "foveal", "train", str(data), "--model", "lenet5", "--out", str(run)]
    with subprocess.Popen([*command, "--epochs", "5000"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 2/"):
                break
        process.send_signal(number)
        assert process.wait(timeout=60) == code
        assert f"foveal train --resume {run}" in process.stderr.read()
    assert (run / "last.safetensors").is_file()
    assert read_events(RunFolder(run))[-1]["event"] == "stopped"
    epochs = read_events(RunFolder(run))[-1]["step"] / read_events(RunFolder(run))[0]["steps_per_epoch"]
    result = foveal.train(resume=run, epochs=epochs + 1)
    assert Path(result["model"]).is_file()


def test_interrupted_names_its_exit_code(tmp_path: Path) -> None:
    def send(event: Event) -> None:
        if isinstance(event, StepDone):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)

    with pytest.raises(Interrupted, match="saved; continue with") as caught:
        foveal.train(shapes(30), model="lenet5", epochs=50, out=tmp_path / "run", on_event=send)
    assert caught.value.exit_code == 143
