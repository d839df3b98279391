"""The loop's own arithmetic, against plain PyTorch."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from tests.made import shapes
from torch import nn

from foveal.annotations import ClassLabel
from foveal.augment.draws import Draws
from foveal.augment.mosaic import draw_mosaic, mosaic_pixels
from foveal.augment.settings import AugmentSettings
from foveal.errors import FovealError
from foveal.events import CheckpointSaved, EpochDone, StepDone
from foveal.feed.inputs import to_input
from foveal.feed.order import epoch_order
from foveal.feed.store import on_gpu
from foveal.networks.build import Network
from foveal.processes.group import Processes
from foveal.processes.launch import Launch
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import probe
from foveal.recipes.heads import prepare_task
from foveal.recipes.options import TrainOptions
from foveal.training.budget import TimeBudget
from foveal.training.hooks import NO_HOOKS, Hooks
from foveal.training.loop import Trainer
from foveal.training.memory import fitting_batch
from foveal.training.prepare import prepare_data, prepare_state
from foveal.training.state import TrainState
from foveal.training.trials import measure_step_seconds, sweep, try_batch


def trainer(
    module: nn.Module | None = None,
    count: int = 40,
    side: int = 24,
    device: str = "cpu",
    hooks: Hooks = NO_HOOKS,
    **settings: object,
) -> Trainer:
    values = {"model": "resnet20_cifar", "epochs": 1.0, "batch_size": 8, "augmentation": "none", **settings}
    samples = shapes(count + 6, side=side).samples
    facts = probe(samples[:count], 3)
    resolved = resolve(TrainOptions(**values), facts, own_module=module is not None).settings  # type: ignore[arg-type]
    data = prepare_data(samples[:count], samples[count:], resolved, channels=1)
    task = prepare_task(resolved, ("bar", "disc", "ring"), data.train.samples)
    on = torch.device(device)
    state = prepare_state(resolved, task, data, device=on, module=module)
    return Trainer(task, state, data.preprocess, on_gpu([data.train], on)[0], data.val, device=on, hooks=hooks)


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(576, 3))


def test_the_losses_are_those_of_a_plain_loop() -> None:
    ours = trainer(
        linear(),
        optimiser="sgd",
        lr=0.05,
        weight_decay=0.01,
        ema=0.0,
        nesterov=False,
        schedule="constant",
        warmup=0.0,
        precision="float32",
    )
    plain = linear()
    optimiser = torch.optim.SGD(
        [{"params": [plain[1].weight], "weight_decay": 0.01}, {"params": [plain[1].bias]}],
        lr=0.05,
        momentum=0.9,
    )
    images = to_input(ours.preprocess, ours.batches.store.gather(torch.arange(40)))
    labels = torch.tensor([sample.known(ClassLabel).index for sample in ours.batches.store.samples])
    order = epoch_order(40, seed=0, epoch=0)
    expected = []
    for batch in order.split(8):
        loss = nn.functional.cross_entropy(plain(images[batch]), labels[batch])
        expected.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    losses = [event.loss for event in ours.run() if isinstance(event, StepDone)]
    assert losses == pytest.approx(expected, rel=1e-5)
    assert expected[-1] != pytest.approx(expected[0], rel=1e-2)


def test_steps_that_are_settled_together_give_the_same_records() -> None:
    """As on a GPU, which is waited for only where somebody wants to know."""
    each, seldom = trainer(epochs=2.0, batch_size=1), trainer(epochs=2.0, batch_size=1)
    seldom._waits = False
    told = [[event for event in ours.run() if isinstance(event, StepDone | EpochDone)] for ours in (each, seldom)]
    assert len(told[0]) == len(told[1]) > 40
    for first, second in zip(*told, strict=True):
        if isinstance(first, StepDone):
            assert isinstance(second, StepDone)
            assert (first.step, first.loss, first.figures) == (
                second.step,
                pytest.approx(second.loss),
                pytest.approx(second.figures),
            )
        else:
            assert isinstance(second, EpochDone)
            assert first.train == pytest.approx(second.train)
    progress = [ours.state.progress for ours in (each, seldom)]
    assert progress[0].images == progress[1].images == 80


def test_what_can_be_captured() -> None:
    """A network that only tells of a whole image, with rates that a GPU reads; not a detector, which is one too."""

    class Other(Network):
        pass

    ours = trainer()
    assert not ours._can_capture()
    ours.device = torch.device("cuda")
    assert not ours._can_capture()
    for group in ours.state.optimiser.param_groups:
        group["lr"] = torch.tensor(0.1)
    assert ours._can_capture()
    ours.state.network.__class__ = Other
    assert not ours._can_capture()


def test_a_stop_settles_what_is_pending() -> None:
    saved: list[tuple[int, int]] = []
    hooks = Hooks(
        save_checkpoint=lambda state: saved.append((state.progress.step, state.progress.images)),
        stop=lambda: "asked to" if ours.state.progress.step == 3 else None,
    )
    ours = trainer(epochs=2.0, batch_size=1, hooks=hooks)
    ours._waits = False
    list(ours.run())
    assert saved[-1] == (3, 3)
    assert ours.state.progress.epoch_images == 3


def test_accumulation_gives_the_large_batchs_gradient() -> None:
    """Without batch norm, 2 passes of 8 images are one of 16."""
    options = {"optimiser": "sgd", "lr": 0.05, "ema": 0.0, "weight_decay": 0.0, "precision": "float32"}
    whole = trainer(linear(), batch_size=16, **options)
    parts = trainer(linear(), batch_size=8, accumulate=2, **options)
    for each in (whole, parts):
        list(each.run())
    weights = [each.state.network.state_dict()["module.1.weight"] for each in (whole, parts)]
    assert torch.allclose(*weights, atol=1e-6)
    assert whole.state.progress.step == parts.state.progress.step == 2
    assert not torch.allclose(weights[0], linear()[1].weight, atol=1e-4)


def test_a_step_announces_its_images_and_the_nexts() -> None:
    """What is announced is what is gathered, mixing's neighbours and parts of a step among it, over epochs."""
    ours = trainer(epochs=2.0, batch_size=8, accumulate=2, augment={"mixup": 0.2})
    gather, announced, missed = ours.batches.store.gather, [torch.empty(0)], []

    def gather_announced(indices: torch.Tensor) -> torch.Tensor:
        missed.extend(set(indices.tolist()) - set(announced[-1].tolist()))
        return gather(indices)

    ours.batches.store = replace(ours.batches.store, gather=gather_announced, announce=announced.append)
    list(ours.run())
    steps = [set(each.tolist()) for each in announced[1:]]
    assert not missed
    assert [len(each) for each in steps[:1]] == [32]
    assert all(this & following for this, following in pairwise(steps))
    assert len(steps[-1]) == 16


def test_clipping_bounds_the_step() -> None:
    options = {
        "optimiser": "sgd",
        "lr": 1.0,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warmup": 0.0,
        "ema": 0.0,
    }
    clipped = trainer(linear(), clip_norm=0.01, **options)
    before = {name: value.clone() for name, value in clipped.state.network.state_dict().items()}
    clipped.step()
    after = clipped.state.network.state_dict()
    moved = torch.cat([(after[name] - before[name]).flatten() for name in before]).norm()
    assert moved.item() == pytest.approx(0.01, rel=1e-3)


def test_events_come_in_their_order() -> None:
    events = list(trainer(epochs=2.0).run())
    kinds = [type(event).kind for event in events]
    assert kinds[0] == "plan"
    assert kinds.count("epoch") == 2
    assert isinstance(events[-1], CheckpointSaved)
    epochs = [event for event in events if isinstance(event, EpochDone)]
    assert [event.epoch for event in epochs] == [1, 2]
    assert [event.step for event in epochs] == [5, 10]


def test_the_average_is_what_is_kept() -> None:
    kept = []

    def keep(network: nn.Module, *_: object) -> None:
        kept.append({name: value.clone() for name, value in network.state_dict().items()})

    ours = trainer(ema=0.5, hooks=Hooks(save_best=keep))
    list(ours.run())
    name = "backbone.stem.0.weight" if "backbone.stem.0.weight" in kept[0] else next(iter(kept[0]))
    assert not torch.equal(kept[0][name], ours.state.network.state_dict()[name])
    assert ours.state.ema is not None
    assert torch.equal(kept[0][name], ours.state.ema.state_dict()["average"][name])


def test_replanning_shortens_a_slow_run() -> None:
    budget = TimeBudget(seconds=10.0, finish_seconds=0.0, step_seconds={24: 0.01}, evaluation_seconds=0.0)

    def replan(state: object) -> int:
        ours.state.progress.step_seconds = {"24": 0.1}  # ten times slower than measured
        return budget.replan(ours.state, elapsed=ours.state.progress.step * 0.1)

    ours = trainer(epochs=50.0, hooks=Hooks(replan=replan))
    total = ours.state.plan.total_steps
    plans = [event.total_steps for event in ours.run() if event.kind == "plan"]  # type: ignore[attr-defined]
    assert plans[0] == total == 250
    assert ours.state.progress.step == pytest.approx(100, abs=5)


def test_growing_trains_at_smaller_sizes_first() -> None:
    sizes: list[int] = []
    ours = trainer(size=32, train_sizes=(16, 32), epochs=3.0)
    seen = ours.batches.make

    def spy(indices: torch.Tensor, *, epoch: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        batch = seen(indices, epoch=epoch, size=size)
        sizes.append(batch[0].shape[-1])
        return batch

    ours.batches.make = spy  # type: ignore[method-assign]
    list(ours.run())
    assert sizes == sorted(sizes)
    assert set(sizes) == {16, 32}


def test_a_batch_is_keyed_by_epoch_and_sample() -> None:
    ours = trainer(augmentation="auto")
    few = torch.tensor([3, 1])
    first, _ = ours.batches.make(few, epoch=0, size=24)
    again, _ = ours.batches.make(torch.tensor([1, 5, 3]), epoch=0, size=24)
    other, _ = ours.batches.make(few, epoch=1, size=24)
    assert torch.allclose(first[0], again[2], atol=1e-5)
    assert not torch.allclose(first[0], other[0], atol=1e-2)


def test_a_sample_that_comes_again_is_augmented_otherwise() -> None:
    """Three of 40 images are of one class: each is drawn several times an epoch, each time with the same label."""
    ours = trainer(augmentation="auto", balance="sampler", precision="float32")
    samples = tuple(
        replace(sample, annotation=ClassLabel(int(index < 3)))
        for index, sample in enumerate(ours.batches.store.samples)
    )
    ours.batches.store = replace(ours.batches.store, samples=samples)
    order = ours.batches.order(0)
    first, *again = sorted(draw for draw in order.tolist() if draw % 40 == 0)
    assert (first, len(again) >= 5) == (0, True)
    images, targets = ours.batches.make(torch.tensor([first, *again]), epoch=0, size=24)
    assert targets.argmax(dim=1).unique().tolist() == [1]
    assert all(
        (images[index] - images[:index]).abs().amax(dim=(1, 2, 3)).min() > 0.1 for index in range(1, len(images))
    )
    assert torch.allclose(images[:1], ours.batches.make(torch.tensor([0]), epoch=0, size=24)[0], atol=1e-5)


def test_equal_classes_are_what_the_run_sees() -> None:
    ours, seen = trainer(balance="sampler", epochs=2.0), []
    samples = tuple(
        replace(sample, annotation=ClassLabel(int(index < 4)))
        for index, sample in enumerate(ours.batches.store.samples)
    )
    ours.batches.store = replace(ours.batches.store, samples=samples)
    learn = ours.learn
    ours.learn = lambda inputs, targets, **options: (seen.extend(targets.argmax(1)), learn(inputs, targets, **options))
    list(ours.run())
    assert (len(seen), int(sum(seen))) == (80, 40)


def test_measuring_ends_in_time() -> None:
    ours = trainer(side=100, size=96, train_sizes=(48, 96))
    seconds = measure_step_seconds(ours, most_seconds=0.0)
    assert list(seconds) == [48, 64, 80, 96]
    assert seconds[96] == pytest.approx(seconds[48] * 4)


def test_the_plan_is_looked_at_within_an_epoch_too() -> None:
    for seconds, expected in ((1e9, [5]), (0.0, [1, 2, 3, 4, 5, 6, 7, 8, 9])):
        asked: list[int] = []

        def replan(state: TrainState, asked: list[int] = asked) -> int:
            asked.append(state.progress.step)
            return state.plan.total_steps

        ours = trainer(epochs=2.0, hooks=Hooks(replan=replan, replan_seconds=seconds))
        list(ours.run())
        assert asked == expected


def test_a_step_is_cut_into_equal_parts() -> None:
    """33 images in parts of 32 would leave one alone, of which batch norm makes nothing."""
    ours = trainer(count=33, batch_size=32, accumulate=2)
    sizes = []
    learn = ours.learn
    ours.learn = lambda inputs, targets, **options: (sizes.append(len(inputs)), learn(inputs, targets, **options))
    list(ours.run())
    assert sizes == [17, 16]


def test_the_held_out_figures_and_their_standard_error() -> None:
    ours = trainer(linear(), precision="float32")
    assert ours.val_store is not None
    means, error = ours.evaluate(ours.state.network)
    right = []
    for index in range(len(ours.val_store)):
        images = to_input(ours.preprocess, ours.val_store.gather(torch.tensor([index])))
        said = int(ours.state.network(images)["logits"].argmax())
        right.append(said == ours.val_store.samples[index].known(ClassLabel).index)
    assert means["accuracy"] == pytest.approx(np.mean(right))
    assert error == pytest.approx(np.std(right) / len(right) ** 0.5)
    assert set(means) == set(ours.task.learning.step_metric_names)


def test_a_process_sees_its_part_of_the_whole_batchs_mosaics() -> None:
    made, part = trainer(), torch.arange(8)
    made.state.plan = replace(made.state.plan, augment=AugmentSettings(mosaic=1.0))

    def mosaics(rows: torch.Tensor) -> torch.Tensor:
        images = torch.arange(8.0)[rows].view(-1, 1, 1, 1).expand(-1, 1, 8, 8).contiguous()
        mosaic = draw_mosaic(made.state.plan.augment, Draws(0, 0, part[rows]), size_hw=(8, 8))
        assert mosaic is not None
        return mosaic_pixels(images, mosaic)

    whole = mosaics(torch.arange(8))
    for rank in range(3):
        made.batches._processes = Processes(Launch(rank=rank, world=3))
        own = made.batches._processes.share(8)
        assert torch.equal(mosaics(made.batches.own_rows(part))[own.start - own.stop :], whole[own])


def test_an_l2_penalty_is_plain_sgds_weight_decay() -> None:
    options = {"optimiser": "sgd", "lr": 0.05, "ema": 0.0, "precision": "float32", "batch_size": 8, "accumulate": 2}
    decayed = trainer(linear(), weight_decay=0.3, **options)
    penalised = trainer(linear(), weight_decay=0.0, l2=0.3, **options)
    events = [list(each.run()) for each in (decayed, penalised)]
    states = [each.state.network.state_dict() for each in (decayed, penalised)]
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, atol=1e-6, rtol=1e-5)
    plain, named = (next(event for event in each if isinstance(event, EpochDone)).train for each in events)
    assert "l2" not in plain
    assert named["l2"] > 0.1
    assert named["loss"] == pytest.approx(plain["loss"] + named["l2"], rel=1e-4)


def test_an_l1_penalty_is_a_step_against_each_weights_sign() -> None:
    options = {"optimiser": "sgd", "momentum": 0.0, "lr": 0.05, "schedule": "constant", "warmup": 0.0, "ema": 0.0}
    options |= {"weight_decay": 0.0, "precision": "float32"}
    plain, penalised = trainer(linear(), **options), trainer(linear(), l1=0.2, **options)
    for each in (plain, penalised):
        each.step()
    free, pulled = (dict(each.state.network.named_parameters()) for each in (plain, penalised))
    start = linear()[1].weight
    torch.testing.assert_close(pulled["module.1.weight"], free["module.1.weight"] - 0.01 * start.sign())
    assert torch.equal(pulled["module.1.bias"], free["module.1.bias"])


def test_a_plateau_lowers_the_rate_as_torchs_scheduler_does() -> None:
    ours = trainer(linear(), epochs=30.0, optimiser="sgd", lr=0.1, schedule="plateau", warmup=0.0)
    figures = [0.1, 0.3, 0.2, 0.3, 0.3, 0.1, 0.3, 0.31, *[0.3] * 11, 0.4, *[0.2] * 10]
    shown = iter(figures)
    ours.evaluate = lambda network: ({"accuracy": next(shown)}, 0.0)  # type: ignore[method-assign]
    weight = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, mode="max", patience=4, threshold=0.0)
    expected = []
    for figure in figures:
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step(figure)
    rates = [event.lr for event in ours.run() if isinstance(event, EpochDone)]
    assert rates == pytest.approx(expected)
    assert rates[-1] == pytest.approx(1e-5)


class Greedy(nn.Module):
    """Asks for more memory than there is: in training, or in evaluation."""

    def __init__(self, *, in_training: bool = True) -> None:
        super().__init__()
        self.layer = linear()
        self.in_training = in_training

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images) + (torch.empty(2**50)[0] if self.training == self.in_training else 0)


STEPS: dict[str, Callable[[Trainer], object]] = {
    "the run's": lambda ours: list(ours.run()),
    "measured for --time": measure_step_seconds,
    "of --find-lr": lambda ours: sweep(ours, [0.1]),
}


@pytest.mark.parametrize("kind", STEPS)
def test_a_step_that_does_not_fit_into_memory_is_said_in_one_line(kind: str) -> None:
    with pytest.raises(FovealError, match=r"out of memory in a step with 8 images of 24 px at once: lower --batch"):
        STEPS[kind](trainer(Greedy()))


def test_a_look_at_held_out_images_that_does_not_fit_into_memory_is_said_too() -> None:
    ours = trainer(Greedy(in_training=False))
    with pytest.raises(FovealError, match=r"out of memory in a look at 6 held-out images of 24 px at once: lower --s"):
        list(ours.run())
    assert ours.state.progress.step == 5  # the steps of an epoch fitted


def test_a_batch_that_does_not_fit_is_one_too_large_to_try() -> None:
    """`fitting_batch` looks for torch's own errors, and the step has put its words in their place."""
    with pytest.raises(FovealError, match="--batch-size auto: not even 2 images at once"):
        fitting_batch(partial(try_batch, trainer(Greedy())), most=8, device=torch.device("cpu"))


def test_other_faults_of_a_step_stay_what_they_are() -> None:
    ours = trainer(linear())
    ours.state.network.module[1] = nn.Linear(5, 3)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        list(ours.run())
