"""`foveal train` and `foveal predict` on several processes: one run folder, one voice, one end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.launched import Ended, Launched, together
from tests.made import SHAPES, shape_folder, shapes
from torch import Tensor, nn

import foveal
from foveal.cli import main
from foveal.errors import ProcessLost
from foveal.events import Event, StepDone
from foveal.processes.launch import launched
from foveal.read.arrays import from_samples
from foveal.runs import RunFolder, read_events
from foveal.speed.noise import noise_samples
from foveal.tasks.task import Targets
from foveal.training.batches import Batches
from foveal.types import TaskName

FAST = ["--model", "lenet5", "--precision", "float32", "--batch-size", "16"]


def command(words: list[object], world: int) -> Launched:
    """`foveal WORDS` on each of the processes."""
    return Launched(main, world, [str(word) for word in words])


def assert_tensors(first: Path, second: Path, *, atol: float = 0.0) -> None:
    one, other = load_file(first), load_file(second)
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=0, atol=atol, msg=name)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shape_folder(tmp_path_factory.mktemp("data"), count=50)


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Ended]]:
    """A run by two processes, and how they ended."""
    out = tmp_path_factory.mktemp("two") / "run"
    words = ["train", data, *FAST, "--l2", 0.01, "--epochs", 2, "--out", out, "--json"]
    return out, command(words, 2).wait()


def test_one_process_writes_and_speaks(trained: tuple[Path, list[Ended]], data: Path, tmp_path: Path) -> None:
    out, (first, other) = trained
    assert [first.exit_code, other.exit_code] == [0, 0], first.err
    assert (other.out, other.err) == ("", "")
    assert json.loads(first.out)["run"] == str(out)
    assert first.err.count("epoch 1/2") == 1
    assert "processes: 2" in first.err
    assert "memory-mapped" in first.err
    files = {"model.safetensors", "last.safetensors", "events.jsonl", "metrics.json", "config.json", "report.html"}
    assert {path.name for path in out.iterdir()} - {".lock"} == files
    foveal.train(data, model="lenet5", precision="float32", batch_size=16, l2=0.01, epochs=2, out=tmp_path / "one")
    assert_tensors(out / "last.safetensors", tmp_path / "one" / "last.safetensors", atol=1e-5)
    one, two = (json.loads((path / "metrics.json").read_text()) for path in (tmp_path / "one", out))
    assert two["metrics"]["log_loss"]["value"] == pytest.approx(one["metrics"]["log_loss"]["value"], abs=1e-5)
    kinds = [[record["event"] for record in read_events(RunFolder(path))] for path in (tmp_path / "one", out)]
    assert kinds[0] == kinds[1]


def trained_on_noise(task: TaskName, out: str) -> None:
    samples = noise_samples(task, ("a", "b"), count=50, side=32, channels=1, folder=Path(out).parent)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 7 * 7, 2))
    options: dict[str, Any] = {"size": 32, "precision": "float32", "batch_size": 10, "epochs": 2}
    foveal.train(from_samples(samples, ("a", "b")), model=network, task=task, out=out, **options)


@pytest.mark.parametrize("task", ["regress", "multilabel"])
def test_other_tasks_learn_the_same_together(task: TaskName, tmp_path: Path) -> None:
    together(trained_on_noise, 2, task, str(tmp_path / "two"))
    trained_on_noise(task, str(tmp_path / "one"))
    assert_tensors(tmp_path / "two" / "last.safetensors", tmp_path / "one" / "last.safetensors", atol=1e-5)


def test_predictions_come_from_the_first_in_order(
    trained: tuple[Path, list[Ended]], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.png").write_bytes(b"")
    words = ["predict", trained[0], tmp_path / "bad.png", data / "train", data / "test", "--json"]
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code == 3
    expected = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(expected) == 101
    first, *others = command(words, 3).wait()
    assert first.exit_code == 3
    assert [(each.exit_code, each.out, each.err) for each in others] == [(0, "", "")] * 2
    found = [json.loads(line) for line in first.out.splitlines()]
    assert [each["path"] for each in found] == [each["path"] for each in expected]
    for each, wanted in zip(found, expected, strict=True):
        assert each.get("error") == wanted.get("error")
        assert each.get("scores") == pytest.approx(wanted.get("scores"), abs=1e-6)


def test_an_error_of_all_is_said_once(data: Path) -> None:
    first, other = command(["train", data, *FAST, "--epochs", "-3"], 2).wait()
    assert [first.exit_code, other.exit_code] == [2, 2]
    assert first.err == "foveal: --epochs -3.0: expected a number above 0\n"
    assert (other.out, other.err) == ("", "")


def test_the_batch_that_fits_is_for_one_process(data: Path, tmp_path: Path) -> None:
    first, other = command(["train", data, "--batch-size", "auto", "--out", tmp_path / "run"], 2).wait()
    assert [first.exit_code, other.exit_code] == [2, 2]
    assert first.err == "foveal: --batch-size auto is for one process, and these are 2: give a number\n"
    assert not (tmp_path / "run").exists()


def test_bad_images_are_listed_once(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=30)
    bad = data / "train" / SHAPES[0] / "000.png"
    bad.write_bytes(b"")
    first, other = command(["train", data, *FAST, "--out", tmp_path / "run"], 2).wait()
    assert [first.exit_code, other.exit_code] == [1, 1]
    assert first.err.count("1 image can't be decoded") == first.err.count(str(bad)) == 1
    assert other.err == ""
    assert not (tmp_path / "run").exists()


def full_disk(words: list[str]) -> None:
    """A command of which the second process fails in the midst of training."""
    batch_of, calls = Batches.make, []

    def fails(self: Batches, draws: Tensor, *, epoch: int, size: int) -> tuple[Tensor, Tensor]:
        calls.append(1)
        if launched().rank == 1 and len(calls) == 3:
            raise OSError(28, "No space left on device")
        return batch_of(self, draws, epoch=epoch, size=size)

    Batches.make = fails  # type: ignore[method-assign]
    main(words)


def test_a_failure_of_one_ends_all_with_one_line(data: Path, tmp_path: Path) -> None:
    words = ["train", str(data), *FAST, "--epochs", "50", "--out", str(tmp_path / "run")]
    first, failed = Launched(full_disk, 2, words).wait(seconds=30)
    assert [first.exit_code, failed.exit_code] == [1, 1]
    assert first.err.splitlines()[-1] == "foveal: process 1 of 2 failed: [Errno 28] No space left on device"
    assert "Traceback" not in first.err
    assert failed.err == ""


def test_a_diverged_loss_ends_all(data: Path, tmp_path: Path) -> None:
    first, other = command(["train", data, *FAST, "--lr", "1e38", "--epochs", 5, "--out", tmp_path / "run"], 2).wait()
    assert [first.exit_code, other.exit_code] == [1, 1]
    assert "foveal: training diverged" in first.err.splitlines()[-1]
    assert other.err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at SIGTERM without asking it")
def test_a_signal_to_one_stops_all_after_the_same_step(data: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    running = command(["train", data, *FAST, "--epochs", 100_000, "--out", run.path], 2)
    _wait_for(lambda: any(record["event"] == "epoch" for record in read_events(run)))
    os.kill(running.processes[1].pid or 0, signal.SIGTERM)
    first, other = running.wait()
    assert [first.exit_code, other.exit_code] == [143, 143]
    assert f"saved; continue with: foveal train --resume {run.path}" in first.err.splitlines()[-1]
    assert other.err == ""
    stopped = read_events(run)[-1]
    assert (stopped["event"], stopped["reason"]) == ("stopped", "SIGTERM")


def _wait_for(condition: Any, *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.02)


class _Killed(BaseException):
    """Stands in for a kill: nothing of the program runs after it."""


def traced(run: str, kill_at: int | None = None) -> list[set[int]]:
    """Trains into `run`, or on from where it stands; gives the images that this process learned from at each step."""
    seen: list[set[int]] = []
    batch_of = Batches.own

    def spy(self: Batches, part: Tensor, count: int, *, epoch: int, size: int) -> tuple[Tensor, Targets]:
        seen.append(set(part[self._processes.share(len(part))].tolist()))
        return batch_of(self, part, count, epoch=epoch, size=size)

    def kill(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == kill_at:
            raise _Killed

    begun = (Path(run) / "config.json").is_file()
    where: dict[str, Any] = {"resume": run} if begun else {"out": run, **OPTIONS}
    Batches.own = spy  # type: ignore[method-assign]
    try:
        foveal.train(shapes(60), on_event=kill, **where)
    except (_Killed, ProcessLost):
        assert kill_at is not None
    finally:
        Batches.own = batch_of  # type: ignore[method-assign]
    return seen


OPTIONS: dict[str, Any] = {
    "model": "lenet5",
    "precision": "float32",
    "batch_size": 10,
    "epochs": 3,
    "checkpoint_seconds": 0.0,
    "hflip": 0.5,
    "erase": 0.5,
}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, list[set[int]]]:
    """A run of two processes from its beginning to its end, and the images of each step."""
    run = RunFolder(tmp_path_factory.mktemp("unbroken") / "run")
    return run, _steps(together(traced, 2, str(run.path)))


def _steps(by_process: list[list[set[int]]]) -> list[set[int]]:
    """The images of each step that all processes took."""
    return [set().union(*shares) for shares in zip(*by_process, strict=False)]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, list[set[int]]]:
    """The same, killed at its 7th step: that one is not in the checkpoint."""
    run = RunFolder(tmp_path_factory.mktemp("killed") / "run")
    return run, _steps(together(traced, 2, str(run.path), 7))[:6]


@pytest.mark.parametrize("world", [1, 2, 3])
def test_a_run_goes_on_with_any_number_of_processes(
    unbroken: tuple[RunFolder, list[set[int]]],
    killed: tuple[RunFolder, list[set[int]]],
    tmp_path: Path,
    world: int,
) -> None:
    (whole, steps), (broken, before) = unbroken, killed
    run = RunFolder(tmp_path / "run")
    shutil.copytree(broken.path, run.path)
    assert before + _steps(together(traced, world, str(run.path))) == steps
    assert len(steps) == 12
    exact = world == 2
    for path in ("last.safetensors", "model.safetensors"):
        assert_tensors(run.path / path, whole.path / path, atol=0.0 if exact else 1e-5)
    losses = [[record["loss"] for record in read_events(each) if record["event"] == "step"] for each in (run, whole)]
    assert losses[0] == (losses[1] if exact else pytest.approx(losses[1], abs=1e-5))


@pytest.mark.skipif(sys.platform == "win32", reason="torchrun restarts nothing on Windows")
def test_torchrun_starts_a_killed_run_again(data: Path, tmp_path: Path) -> None:
    """A real torchrun, a real kill; nobody says where the run lies."""
    words = ["train", str(data), *FAST, "--epochs", "60", "--checkpoint-seconds", "0"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    with (tmp_path / "err").open("w") as err:
        running = subprocess.Popen(
            [*torchrun, "--max-restarts", "1", "-m", "foveal", *words], cwd=tmp_path, stderr=err, stdout=err
        )
    try:
        _wait_for(
            lambda: (
                '"checkpoint", "step": ' in "".join(each.read_text() for each in tmp_path.glob("runs/*/events.jsonl"))
            )
        )
        workers = subprocess.run(["pgrep", "-P", str(running.pid)], stdout=subprocess.PIPE, text=True, check=True)
        os.kill(int(workers.stdout.split()[0]), signal.SIGKILL)
        assert running.wait(timeout=120) == 0, (tmp_path / "err").read_text()
    finally:
        running.kill()
    (path,) = (tmp_path / "runs").iterdir()
    said = (tmp_path / "err").read_text()
    assert said.count(f"started again: continuing runs/{path.name}") == 1
    assert "Traceback" not in said
    records = read_events(RunFolder(path))
    plans = [record["reason"] for record in records if record["event"] == "plan"]
    assert plans == ["at the start", "after a resume"]
    assert [record["event"] for record in records].count("finished") == 1
    steps = [record["step"] for record in records if record["event"] == "step"]
    assert steps == sorted(set(steps))
    first, _ = command([*words, "--out", tmp_path / "unbroken"], 2).wait()
    assert first.exit_code == 0, first.err
    assert_tensors(path / "last.safetensors", tmp_path / "unbroken" / "last.safetensors")
    assert steps == [
        record["step"] for record in read_events(RunFolder(tmp_path / "unbroken")) if record["event"] == "step"
    ]
