"""ReLU, tanh and sigmoid: how fast each learns, and how much of the gradient is left by depth.

    python examples/fundamentals/activations.py MNIST

A stack of convolutions without normalisation, shallow and deep, with one activation throughout, all at one learning
rate. Each is initialised as suits it: He et al. 2015 (arXiv:1502.01852) for ReLU, Glorot & Bengio 2010 for the other
two, times 5/3 for tanh as `torch.nn.init.calculate_gain` has it. docs/activations.md reads the figures.
"""

from itertools import pairwise
from pathlib import Path
from statistics import mean

import torch
from experiments import Answer, Images, accuracy, chart, load, main, spread, table, train
from torch import nn

ACTIVATIONS = {"ReLU": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
SHALLOW, DEEP = 4, 10
CHANNELS = 16
RATE = 3e-3
ENOUGH = 0.98


def network(kind: str, depth: int, images: Images) -> nn.Sequential:
    """`depth` convolutions, the first two with stride 2, and a linear layer over the mean of each map's quarters."""
    layers: list[nn.Module] = []
    widths = [images.channels, *[CHANNELS] * depth]
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        conv = nn.Conv2d(inputs, outputs, 3, padding=1, stride=2 if number < 2 else 1)
        if kind == "ReLU":
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        else:
            nn.init.xavier_normal_(conv.weight, gain=5 / 3 if kind == "tanh" else 1.0)
        nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        layers += [conv, ACTIVATIONS[kind]()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * CHANNELS, images.num_classes))


def gradient_norms(net: nn.Sequential, images: Images) -> list[float]:
    """Of the loss by each convolution's kernel, from the input on, before any training."""
    nn.functional.cross_entropy(net(images.train[:256]), images.train_labels[:256]).backward()
    return [float(part.weight.grad.norm()) for part in net if isinstance(part, nn.Conv2d)]


def steps_to(net: nn.Sequential, images: Images, *, seed: int, most: int, every: int) -> int | None:
    """Steps of Adam until so many test images are right; None where `most` are too few."""
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    for step, _ in enumerate(train(net, images, optimiser=optimiser, steps=most, seed=seed), start=1):
        if step % every == 0 and accuracy(net, images.test, images.test_labels) >= ENOUGH:
            return step
    return None


def answer(data: Path | None, *, seeds: int = 3) -> Answer:
    """Minutes on MNIST."""
    images = load(data, side=None if data else 16).first(60_000, 2_000)
    most, every = (2000, 50) if data else (100, 50)
    rows, lines, figures = [], {}, []
    for kind in ACTIVATIONS:
        found: dict[int, list[int | None]] = {SHALLOW: [], DEEP: []}
        norms = []
        for seed in range(seeds):
            for depth, steps in found.items():
                torch.manual_seed(seed)
                net = network(kind, depth, images)
                if depth == DEEP:
                    norms.append(gradient_norms(net, images))
                steps.append(steps_to(net, images, seed=seed, most=most, every=every))
        by_layer = [mean(values) for values in zip(*norms, strict=True)]
        shares = [first / last for first, *_, last in norms]
        rows.append([kind, *(_told(steps, most) for steps in found.values()), spread(shares, 3)])
        lines[kind] = list(enumerate(by_layer, start=1))
        figures.append({"activation": kind, "steps": found, "gradient_norms": norms})
    head = ["activation", *(f"steps to {ENOUGH:.0%}, {depth} layers" for depth in found), "gradient, first to last"]
    drawing = chart(lines, title="Gradient of the kernels before training, by layer", across="layer", log_y=True)
    return Answer(name="activations", table=table(head, rows), chart=drawing, figures=figures)


def _told(steps: list[int | None], most: int) -> str:
    reached = [each for each in steps if each is not None]
    if not reached:
        return f"not in {most:,}"
    few = f" ({len(reached)} of {len(steps)} seeds)" if len(reached) < len(steps) else ""
    return spread(reached, 0) + few


if __name__ == "__main__":
    main(answer, __doc__)
