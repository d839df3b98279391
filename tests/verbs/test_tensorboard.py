"""`foveal train --tensorboard`, read back by TensorBoard itself."""

import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.made import shapes

import foveal
from foveal.errors import RunError
from foveal.events import Event, StepDone
from foveal.runs import RunFolder, read_events

OPTIONS = {"model": "resnet20_cifar", "epochs": 2, "batch_size": 16, "precision": "float32", "tensorboard": True}


class _Killed(BaseException):
    """Stands in for a kill: nothing of the program runs after it."""


def _curves(run: RunFolder) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard draws of a run: (step, value) by name."""
    drawn = EventAccumulator(str(run.tensorboard))
    drawn.Reload()
    return {tag: [(each.step, each.value) for each in drawn.Scalars(tag)] for tag in drawn.Tags()["scalars"]}


def _logged(run: RunFolder, kind: str, part: str, figure: str) -> list[tuple[int, float]]:
    records = [record for record in read_events(run) if record["event"] == kind]
    return [(record["step"], pytest.approx((record[part] if part else record)[figure])) for record in records]


def test_its_curves_are_those_of_the_events(tmp_path: Path) -> None:
    foveal.train(shapes(90), out=tmp_path / "run", **OPTIONS)
    run = RunFolder(tmp_path / "run")
    curves = _curves(run)
    for name in ("loss", "lr", "images_per_second", "size"):
        assert curves[f"steps/{name}"] == _logged(run, "step", "", name)
    assert curves["steps/accuracy"] == _logged(run, "step", "figures", "accuracy")
    assert curves["training/loss"] == _logged(run, "epoch", "train", "loss")
    assert curves["held_out/accuracy"] == _logged(run, "epoch", "val", "accuracy")
    assert len(curves["held_out/accuracy"]) == 2


def test_a_resumed_run_has_no_step_twice(tmp_path: Path) -> None:
    def kill(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == 6:
            raise _Killed

    run = RunFolder(tmp_path / "run")
    with pytest.raises(_Killed):
        foveal.train(shapes(90), out=run.path, on_event=kill, **OPTIONS)
    assert len(_curves(run)["steps/loss"]) == 6
    foveal.train(shapes(90), resume=run.path)
    assert _curves(run)["steps/loss"] == _logged(run, "step", "", "loss")


def test_without_the_package_nothing_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(RunError, match=r'pip install "foveal\[tensorboard\]"'):
        foveal.train(shapes(90), out=tmp_path / "run", **OPTIONS)
    with pytest.raises(RunError, match=r'pip install "foveal\[tensorboard\]"'):
        foveal.tune(shapes(90), trials=1, out=tmp_path / "run", tensorboard=True)
    assert not (tmp_path / "run").exists()
