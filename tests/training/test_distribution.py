"""Training on several processes against training on one: the same images, losses and weights."""

from typing import Any

import pytest
import torch
from tests.launched import Launched, together
from tests.made import shapes
from torch import Tensor, nn

from foveal.errors import RunError, UsageError
from foveal.events import EpochDone, StepDone
from foveal.processes.group import ALONE, Processes, joined
from foveal.processes.launch import Launch, launched
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import probe
from foveal.recipes.heads import prepare_task
from foveal.recipes.options import TrainOptions
from foveal.training.distribution import share_state, synchronised
from foveal.training.hooks import NO_HOOKS, Hooks
from foveal.training.loop import Trainer
from foveal.training.prepare import prepare_data, prepare_state
from foveal.training.trials import measure_step_seconds

FIXED = {"precision": "float32", "epochs": 2.0, "val_share": 0.0, "test_share": 0.0}
MIXED = {"mixup": 0.4, "cutmix": 1.0, "erase": 0.5}


class Small(nn.Module):
    """Convolutions and, where asked for, batch norm and dropout; one parameter is never used."""

    def __init__(self, *, normed: bool = False, dropped: bool = False) -> None:
        super().__init__()
        self.features = nn.Conv2d(1, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8) if normed else nn.Identity()
        self.head = nn.Sequential(nn.Dropout(0.5 if dropped else 0.0), nn.Linear(8 * 121, 3))
        self.unused = nn.Parameter(torch.ones(2, 2))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.norm(self.features(images)).relu().flatten(1))


def made(
    settings: dict[str, Any],
    processes: Processes,
    *,
    module: nn.Module | None = None,
    count: int = 37,
    hooks: Hooks = NO_HOOKS,
) -> Trainer:
    """A trainer of the made-up shapes, with 7 of them held out."""
    samples, cpu = shapes(count + 7).samples, torch.device("cpu")
    resolved = resolve(TrainOptions(**{**FIXED, **settings}), probe(samples, 3), own_module=True).settings
    data = prepare_data(samples[:count], samples[count:], resolved, channels=1)
    task = prepare_task(resolved, ("bar", "disc", "ring"), data.train.samples)
    state = prepare_state(resolved, task, data, device=cpu, module=module or Small(), processes=processes)
    share_state(state, processes)
    return Trainer(task, state, data.preprocess, data.train, data.val, device=cpu, processes=processes, hooks=hooks)


def trained(
    settings: dict[str, Any], *, normed: bool = False, dropped: bool = False, count: int = 37, seed: int = 1
) -> dict[str, Any]:
    """One process's part in a training: its figures and final tensors."""
    with joined() as processes:
        torch.manual_seed(seed + processes.rank)  # a script's module may differ between processes
        trainer = made(settings, processes, module=Small(normed=normed, dropped=dropped), count=count)
        events = list(trainer.run())
        epochs = [event for event in events if isinstance(event, EpochDone)]
        assert trainer.state.ema is not None
        average = trainer.state.ema.state_dict()["average"]
        return {
            "losses": [event.loss for event in events if isinstance(event, StepDone)],
            "train": [dict(event.train) for event in epochs],
            "val": [dict(event.val) for event in epochs],
            "tensors": {
                **trainer.state.network.state_dict(),
                **{f"average of {name}": value for name, value in average.items()},
            },
        }


SGD = {"optimiser": "sgd", "lr": 0.05, "batch_size": 8, "schedule": "constant", "warmup": 0.0, "ema": 0.9}
CASES: dict[str, dict[str, Any]] = {
    "plain": {**SGD, "augmentation": "none"},
    "adamw, augmented, clipped": {**SGD, "optimiser": "adamw", "lr": 0.003, "clip_norm": 0.5},
    "mixed, in parts": {**SGD, "augment": MIXED, "batch_size": 7, "accumulate": 3},
    "weighted classes": {**SGD, "balance": "loss", "augment": MIXED, "label_smoothing": 0.1, "accumulate": 2},
    "focal, classes drawn equally": {**SGD, "balance": "sampler", "loss": "focal", "augment": MIXED},
    "fewer images than processes": {**SGD, "lr": 0.01, "batch_size": 2, "epochs": 0.5},
}


def all_cases() -> dict[str, dict[str, Any]]:
    return {case: trained(settings) for case, settings in CASES.items()}


@pytest.fixture(scope="module")
def alone() -> dict[str, dict[str, Any]]:
    """What one process makes of the cases."""
    return all_cases()


@pytest.mark.parametrize("world", [2, 3])
def test_several_processes_are_one(alone: dict[str, dict[str, Any]], world: int) -> None:
    several = together(all_cases, world)
    for case, expected in alone.items():
        assert len(expected["losses"]) >= 2
        assert torch.equal(expected["tensors"]["module.unused"], torch.ones(2, 2))  # no gradient: no decay either
        for each in several:
            found = each[case]
            assert found["losses"] == pytest.approx(expected["losses"], abs=1e-5), case
            for split in ("train", "val"):
                for figures, wanted in zip(found[split], expected[split], strict=True):
                    assert figures == pytest.approx(wanted, abs=1e-5), case
            for name, value in expected["tensors"].items():
                torch.testing.assert_close(found["tensors"][name], value, rtol=0, atol=1e-5, msg=f"{case}: {name}")
                assert torch.equal(found["tensors"][name], several[0][case]["tensors"][name]), f"{case}: {name}"


def normed(seed: int) -> dict[str, Any]:
    return trained({**SGD, "batch_size": 12}, normed=True, dropped=True, seed=seed)


def test_batch_norm_is_each_processs_own_and_its_statistics_are_shared() -> None:
    """Then the losses are not those of one process, but no farther from them than another seed's are."""
    alone, other = normed(1), normed(50)
    several = together(normed, 2, 1)
    for name, value in several[0]["tensors"].items():
        assert torch.equal(several[1]["tensors"][name], value), name
    assert several[0]["losses"] == several[1]["losses"] != pytest.approx(alone["losses"], abs=1e-5)
    far = max(abs(one - another) for one, another in zip(other["losses"], alone["losses"], strict=True))
    assert several[0]["losses"] == pytest.approx(alone["losses"], abs=far)
    running = several[0]["tensors"]["module.norm.running_mean"]
    torch.testing.assert_close(running, alone["tensors"]["module.norm.running_mean"], rtol=0.2, atol=0.05)


def draws() -> list[list[float]]:
    """Random numbers of two steps, as dropout draws them, twice."""
    found = []
    with joined() as processes:
        for _ in range(2):
            trainer = made(SGD, processes)
            numbers: list[float] = []
            trainer.learn = lambda *_, numbers=numbers, **__: numbers.extend(torch.rand(2).tolist())
            trainer.step()
            trainer.step()
            found.append(numbers)
    return found


def test_dropout_differs_between_processes_and_steps_and_comes_again() -> None:
    first, second = together(draws, 2)
    assert first[0] == first[1]
    assert second[0] == second[1]
    assert len(set(first[0] + second[0])) == 8
    assert draws()[0] == first[0]  # one process draws what it drew before there were several


def timed() -> tuple[int, int, list[int]]:
    """A run whose processes would each plan another number of steps, and measure for another time."""
    with joined() as processes:
        trainer = made(SGD, processes)
        sizes = measure_step_seconds(trainer, most_seconds=0.0 if processes.first else 1e9)
        steps = trainer.state.progress.step
        hooks = Hooks(replan=lambda _: 7 + processes.rank, replan_seconds=0.0)
        trainer = made({**SGD, "epochs": 100.0}, processes, hooks=hooks)
        list(trainer.run())
        return steps, trainer.state.progress.step, list(sizes)


def test_time_is_the_first_processs() -> None:
    assert together(timed, 2) == [(2, 7, [24])] * 2


def test_on_gpus_batch_norm_is_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    two = Processes(Launch(world=2, local_world=2))
    network, cuda = Small(normed=True), torch.device("cuda")
    assert synchronised(network, torch.device("cpu"), two) is network
    assert synchronised(network, cuda, ALONE) is network
    with pytest.raises(UsageError, match="use --device cpu"):
        synchronised(network, torch.device("mps"), two)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(UsageError, match="2 processes on a machine with 1 GPUs: start one a GPU"):
        synchronised(network, cuda, two)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    names = list(network.state_dict())
    converted = synchronised(network, cuda, two)
    assert isinstance(converted.get_submodule("norm"), nn.SyncBatchNorm)
    assert list(converted.state_dict()) == names


def test_a_share_too_small_for_batch_norm_is_refused() -> None:
    ended = Launched(small_normed, 2).wait()
    for each in ended:
        assert isinstance(each.error, UsageError)
        assert "--batch-size 3 over 2 processes leaves one with 1 images, and batch norm needs 2: take 4" in str(
            each.error
        )


def small_normed() -> None:
    trained({**SGD, "batch_size": 3}, normed=True)


def other_data() -> None:
    rank = launched().rank
    trained(SGD, count=37 + rank)


def test_processes_with_other_data_are_refused() -> None:
    first, other = Launched(other_data, 2).wait()
    assert isinstance(other.error, RunError)
    assert "process 1 found other images or labels than the first" in str(first.error)
