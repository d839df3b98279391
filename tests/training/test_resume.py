"""A killed and resumed run ends bit for bit where an unbroken one does."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tests.made import shape_folder, shape_images, shapes
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


def test_dropped_paths_are_resumed_bit_identically(tmp_path: Path) -> None:
    options = {**OPTIONS, "model": "resnet20_cifar", "epochs": 1.0, "drop_path": 0.5, "l1": 1e-4}
    foveal.train(shapes(60), out=tmp_path / "whole", **options)
    with pytest.raises(_Killed):
        foveal.train(shapes(60), out=tmp_path / "killed", on_event=kill_at(2), **options)
    foveal.train(shapes(60), resume=tmp_path / "killed")
    whole, resumed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    assert_same_tensors(whole.last, resumed.last)
    epochs = [[each["train"] for each in read_events(run) if each["event"] == "epoch"] for run in (whole, resumed)]
    assert epochs[0] == epochs[1]
    assert epochs[0][0]["l1"] > 0


def test_gradient_checkpointing_changes_nothing_but_memory(tmp_path: Path) -> None:
    options = {**OPTIONS, "model": "resnet20_cifar", "epochs": 1.0, "drop_path": 0.3}
    for given in (False, True):
        foveal.train(shapes(30), out=tmp_path / str(given), gradient_checkpointing=given, **options)
    assert_same_tensors(tmp_path / "False" / "last.safetensors", tmp_path / "True" / "last.safetensors")


def test_a_plateaus_count_is_resumed(tmp_path: Path) -> None:
    options = {**OPTIONS, "model": "lenet5", "epochs": 12.0, "lr": 1e-9, "schedule": "plateau", "ema": 0.0}
    foveal.train(shapes(60), out=tmp_path / "whole", **options)
    with pytest.raises(_Killed):
        foveal.train(shapes(60), out=tmp_path / "killed", on_event=kill_at(17), **options)
    foveal.train(shapes(60), resume=tmp_path / "killed")
    runs = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    assert_same_tensors(runs[0].last, runs[1].last)
    rates = [[each["lr"] for each in read_events(run) if each["event"] == "epoch"] for run in runs]
    assert rates[0] == rates[1]
    assert len(set(rates[0])) == 3
    with pytest.raises(UsageError, match="--schedule plateau needs held-out images"):
        foveal.train(shapes(60), schedule="plateau", val_share=0, out=tmp_path / "none")


def test_what_has_no_paths_is_refused_before_anything_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--drop-path 0\.2: drops residual branches"):
        foveal.train(shapes(30), model="lenet5", drop_path=0.2, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


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


def call_handler(number: int) -> None:
    """What a signal calls. A real one can end a process in which OpenVINO has used AMX: the kernel's frame is larger
    than the stack set aside for signals. `test_a_signal_saves_and_says_how_to_go_on` sends real ones."""
    handler = signal.getsignal(number)
    assert callable(handler)
    handler(number, None)


def test_interrupted_names_its_exit_code(tmp_path: Path) -> None:
    def send(event: Event) -> None:
        if isinstance(event, StepDone):
            call_handler(signal.SIGTERM)

    with pytest.raises(Interrupted, match="saved; continue with") as caught:
        foveal.train(shapes(30), model="lenet5", epochs=50, out=tmp_path / "run", on_event=send)
    assert caught.value.exit_code == 143


def test_a_run_that_stopped_early_stays_stopped(tmp_path: Path) -> None:
    data = shapes(30)
    foveal.train(data, model="lenet5", epochs=60, patience=1, out=tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    model, last = run.model.read_bytes(), read_events(run)[-1]["step"]
    assert last < 60 * 2
    (run.report).unlink()
    seen: list[str] = []
    foveal.train(data, resume=run.path, on_event=lambda event: seen.append(event.kind))
    assert "epoch" not in seen
    assert run.model.read_bytes() == model
    assert run.report.is_file()


def test_fewer_epochs_than_were_taken_are_refused_and_change_nothing(tmp_path: Path) -> None:
    data = shapes(30)
    foveal.train(data, model="lenet5", epochs=3, out=tmp_path / "run")
    config = (tmp_path / "run" / "config.json").read_bytes()
    with pytest.raises(UsageError, match="--epochs 2: this run has taken 3; give more"):
        foveal.train(data, resume=tmp_path / "run", epochs=2)
    assert (tmp_path / "run" / "config.json").read_bytes() == config


def test_as_many_images_with_other_labels_are_other_data(tmp_path: Path) -> None:
    images, labels = shape_images(30)
    foveal.train((images, labels), model="lenet5", epochs=1, out=tmp_path / "run")
    with pytest.raises(RunError, match="other images, labels or held-out ones"):
        foveal.train((images, labels[::-1].copy()), resume=tmp_path / "run", epochs=2)
    with pytest.raises(RunError, match="other images, labels or held-out ones"):
        foveal.train((images[::-1].copy(), labels), resume=tmp_path / "run", epochs=2)


def test_another_module_does_not_fit(tmp_path: Path) -> None:
    foveal.train(shapes(30), model=seeded(), epochs=1, out=tmp_path / "run")
    other = nn.Sequential(nn.Flatten(), nn.Linear(576, 3))
    with pytest.raises(RunError, match="its weights do not fit this network"):
        foveal.train(shapes(30), model=other, resume=tmp_path / "run", epochs=2)


def test_a_signal_while_the_report_is_made_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(session: object) -> None:
        call_handler(signal.SIGINT)

    monkeypatch.setattr("foveal.verbs.whole_run.finish_run", interrupted)
    # A shell's background job starts with SIGINT ignored, and these tests may run in one.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            foveal.train(shapes(30), model="lenet5", epochs=1, out=tmp_path / "run")
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_time_before_a_resume_counts(tmp_path: Path) -> None:
    options = {**OPTIONS, "epochs": 2.0}
    with pytest.raises(_Killed):
        foveal.train(shapes(60), model="lenet5", out=tmp_path / "run", on_event=kill_at(6), **options)
    run = RunFolder(tmp_path / "run")
    header = safe_open(run.last, framework="pt").metadata()["foveal_checkpoint"]
    content = json.loads(header)
    content["progress"]["seconds"] += 1000.0  # far more than what is left takes
    before = content["progress"]["seconds"]
    save_file(load_file(run.last), run.last, metadata={"foveal_checkpoint": json.dumps(content)})
    result = foveal.train(shapes(60), resume=run.path)
    times = json.loads(run.metrics.read_text())["times"]
    assert times["training"] >= before
    assert result["seconds"] >= times["training"]
