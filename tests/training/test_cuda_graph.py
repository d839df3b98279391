"""Steps captured on a GPU, against steps taken as they are."""

import pytest
import torch
from tests.training.test_loop import trainer

from foveal.training.cuda_graph import CapturedSteps, _Captured
from foveal.training.loop import Trainer

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
PLAIN = {"precision": "float32", "batch_size": 8, "epochs": 4.0, "count": 48}
CASES = (
    {"model": "resnet20_cifar", "optimiser": "sgd", "lr": 0.05},
    {"model": "resnet20_cifar", "optimiser": "adamw", "lr": 1e-3, "clip_norm": 1.0, "l2": 1e-4},
    {"model": "fastnet", "optimiser": "muon", "lr": 0.05, "side": 32, "ema": 0.9},
    {"model": "lenet5", "optimiser": "lion", "lr": 1e-4, "side": 32},
    {"model": "googlenet", "optimiser": "adam", "lr": 1e-4, "side": 64},  # dropout, auxiliary outputs
)
EVERYTHING = {
    "hflip": 0.5,
    "rotate_deg": 10.0,
    "crop_area": (0.5, 1.0),
    "brightness": 0.2,
    "contrast": 0.2,
    "erase": 0.3,
    "blur_px": 0.5,
    "noise": 0.05,
    "operations": 1,
}


class _Graph:
    """Stands in for CUDA's: a replay tells what it was given."""

    def __init__(self, inputs: torch.Tensor, told: list[tuple[str, int, float]]) -> None:
        self.inputs, self.told = inputs, told

    def replay(self) -> None:
        self.told.append(("replayed", len(self.inputs), float(self.inputs[0])))


def test_the_first_of_each_shape_is_taken_as_it_is_and_the_second_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int, float]] = []

    def capture(_: CapturedSteps, work: object, inputs: torch.Tensor, targets: torch.Tensor) -> _Captured:
        copies = inputs.clone(), targets.clone()
        told.append(("captured", len(inputs), float(inputs[0])))
        return _Captured(_Graph(copies[0], told), *copies)  # type: ignore[arg-type]

    monkeypatch.setattr(CapturedSteps, "_capture", capture)
    captured = CapturedSteps()
    for value, count in enumerate((2, 2, 2, 3, 3, 2)):
        inputs = torch.full((count,), float(value))
        captured(lambda inputs, _: told.append(("taken", len(inputs), float(inputs[0]))), inputs, inputs)
    two, three = [("taken", 2, 0), ("captured", 2, 1), ("replayed", 2, 1), ("replayed", 2, 2)], [("taken", 3, 3)]
    assert told == [*two, *three, ("captured", 3, 4), ("replayed", 3, 4), ("taken", 2, 5)]


def steps(ours: Trainer, count: int) -> None:
    for _ in range(count):
        ours.step()
    ours.settle()


@needs_gpu
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['model']} {case['optimiser']}")
def test_replayed_steps_are_the_plain_ones(case: dict[str, object]) -> None:
    """Six steps, four of them replayed; dropout drops the same units. The order of sums differs, so bits do."""
    captured, plain = (trainer(device="cuda", **{**PLAIN, **case}) for _ in range(2))
    assert captured._captured is not None
    plain._captured = None
    with torch.backends.cudnn.flags(allow_tf32=False, benchmark=False, deterministic=True):
        for ours in (captured, plain):
            steps(ours, 6)
    found, expected = (ours.state.network.state_dict() for ours in (captured, plain))
    for name, value in expected.items():
        assert torch.allclose(found[name].float(), value.float(), rtol=1e-3, atol=1e-4), name
    sums = [ours.state.progress.epoch_sums for ours in (captured, plain)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-3)


@needs_gpu
def test_a_size_that_is_new_is_recorded_anew() -> None:
    ours = trainer(device="cuda", **{**PLAIN, "train_sizes": (24, 40), "size": 40, "side": 48})
    list(ours.run())
    assert ours._captured is not None
    assert ours._captured._graph is not None
    assert ours._captured._graph.inputs.shape[2] == 40


@needs_gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.parametrize("mixup", [0.0, 0.2])
def test_steps_wait_for_nothing(mixup: float) -> None:
    """With all of augmentation, images on the GPU, and an average; mixed, and several steps' batches made at once."""
    augment = {**EVERYTHING, "mixup": mixup, "cutmix": mixup}
    ours = trainer(device="cuda", **{**PLAIN, "augmentation": None, "augment": augment, "ema": 0.9})
    steps(ours, 6)  # to the end of an epoch: the next step makes batches
    ours._is_looked_at = lambda step: False  # type: ignore[method-assign]
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            ours.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    ours.settle()
    assert ours.state.progress.images == 72
