"""SGD, momentum, Adam, RAdam, Lion and Muon on the same network: the loss by step and by second.

    python examples/fundamentals/optimisers.py CIFAR-10

A small network of convolutions with batch norm on 10,000 photographs. Each optimiser gets the best of a few learning
rates, found on training images held out, with a seed that is not counted; all have the same schedule.
docs/optimisers.md reads the figures.
"""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean

import torch
from experiments import Answer, Images, accuracy, by_points, chart_pair, load, main, spread, table, to_zero, train
from torch import nn
from torch.optim import Optimizer

from foveal.training.optimisers import build_optimiser

WIDTHS = (16, 32, 64)
TRIAL_SEED = 1000
HELD_OUT = 1 / 5
"""Of the training images, for the choice of a rate."""
EVERY = 10
"""Steps, over which losses are averaged for the chart."""
OPTIMISERS: dict[str, tuple[Callable[[nn.Module, float], Optimizer], tuple[float, ...]]] = {
    "SGD": (lambda net, lr: build_optimiser("sgd", net, lr=lr, momentum=0.0), (0.03, 0.1, 0.3)),
    "SGD with momentum": (lambda net, lr: build_optimiser("sgd", net, lr=lr, momentum=0.9), (0.01, 0.03, 0.1)),
    "Adam": (lambda net, lr: build_optimiser("adam", net, lr=lr), (1e-3, 3e-3, 1e-2)),
    "RAdam": (lambda net, lr: build_optimiser("radam", net, lr=lr), (1e-3, 3e-3, 1e-2)),
    "Lion": (lambda net, lr: build_optimiser("lion", net, lr=lr), (3e-4, 1e-3, 3e-3)),
    "Muon": (lambda net, lr: build_optimiser("muon", net, lr=lr, momentum=0.65), (0.03, 0.1, 0.3)),
}


def network(images: Images) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((images.channels, *WIDTHS)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        layers += [nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTHS[-1], images.num_classes))


def run(images: Images, name: str, rate: float, *, steps: int, seed: int) -> dict[str, float | list[float]]:
    """Losses by step, seconds of training, and the share of test images that are right."""
    torch.manual_seed(seed)
    net = network(images).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = OPTIMISERS[name][0](net, rate)
    started = time.perf_counter()
    losses = list(train(net, images, optimiser=optimiser, steps=steps, seed=seed, rate=to_zero))
    seconds = time.perf_counter() - started
    return {"losses": losses, "seconds": seconds, "accuracy": 100 * accuracy(net, images.test, images.test_labels)}


def over_runs(losses: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """(step, the mean loss over the runs and the steps around it)."""
    each_step = [mean(values) for values in zip(*losses, strict=True)]
    whole = each_step[: len(each_step) // EVERY * EVERY]
    return [(EVERY * (point + 0.5), loss) for point, loss in enumerate(by_points(whole, EVERY))]


def answer(data: Path | None, *, seeds: int = 3) -> Answer:
    """Minutes on CIFAR-10."""
    images = load(data, side=32 if data else 16).first(10_000, 2_000)
    choosing = images.for_choices(HELD_OUT)
    steps = 3 * len(images.train) // 128 if data else 20
    rows, by_step, by_second, figures = [], {}, {}, []
    for name, (_, rates) in OPTIMISERS.items():
        trials = {rate: run(choosing, name, rate, steps=steps // 3, seed=TRIAL_SEED) for rate in rates}
        best = max(trials, key=lambda rate: trials[rate]["accuracy"])
        runs = [run(images, name, best, steps=steps, seed=seed) for seed in range(seeds)]
        last = [mean(each["losses"][-EVERY:]) for each in runs]
        milliseconds = [1000 * each["seconds"] / steps for each in runs]
        rows.append(
            [
                name,
                f"{best:g}",
                spread(last, 3),
                spread([each["accuracy"] for each in runs], 1),
                spread(milliseconds, 1),
            ]
        )
        by_step[name] = over_runs([each["losses"] for each in runs])
        by_second[name] = [(mean(milliseconds) / 1000 * step, loss) for step, loss in by_step[name]]
        figures.append(
            {"optimiser": name, "rate": best, "trials": {rate: each["accuracy"] for rate, each in trials.items()}}
            | {"runs": runs}
        )
    head = ["optimiser", "best rate", "training loss at the end", "test images right, %", "ms a step"]
    drawing = chart_pair(by_step, by_second, title="Training loss, by step and by second", across=("step", "seconds"))
    return Answer(name="optimisers", table=table(head, rows), chart=drawing, figures=figures)


if __name__ == "__main__":
    main(answer, __doc__)
