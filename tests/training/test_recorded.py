"""Steps recorded on a GPU, against steps taken as they are; skipped where there is no GPU."""

import pytest
import torch
from tests.training.test_loop import trainer

from foveal.training.loop import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
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


def steps(ours: Trainer, count: int) -> None:
    for _ in range(count):
        ours.step()
    ours.settle()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['model']} {case['optimiser']}")
def test_replayed_steps_are_the_plain_ones(case: dict[str, object]) -> None:
    """Six steps, four of them replayed; dropout drops the same units. The order of sums differs, so bits do."""
    recorded, plain = (trainer(device="cuda", **{**PLAIN, **case}) for _ in range(2))
    assert recorded._recorded is not None
    plain._recorded = None
    with torch.backends.cudnn.flags(allow_tf32=False, benchmark=False, deterministic=True):
        for ours in (recorded, plain):
            steps(ours, 6)
    found, expected = (ours.state.network.state_dict() for ours in (recorded, plain))
    for name, value in expected.items():
        assert torch.allclose(found[name].float(), value.float(), rtol=1e-3, atol=1e-4), name
    sums = [ours.state.progress.epoch_sums for ours in (recorded, plain)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-3)


def test_a_size_that_is_new_is_recorded_anew() -> None:
    ours = trainer(device="cuda", **{**PLAIN, "train_sizes": (24, 40), "size": 40, "side": 48})
    list(ours.run())
    assert ours._recorded is not None
    assert {inputs[2] for inputs, _ in ours._recorded._begun} == {24, 40}
    assert {inputs[2] for inputs, _ in ours._recorded._recordings} == {40}


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
