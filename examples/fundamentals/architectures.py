"""The five classic architectures at the same budget of arithmetic.

    python examples/fundamentals/architectures.py CIFAR-10

LeNet-5, AlexNet, VGG-16, GoogLeNet and a ResNet of 20 layers, drawn for 32×32 pixels and made as wide as so many
multiply-adds an image allow. All see the same images, once, each at the rate that suits it. Each function says what of
its paper is left out. The first four also with batch norm, which only the fifth was published with: so that its part
and the shortcuts' can be told apart.
docs/architectures.md reads the figures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import mean
from time import perf_counter

import torch
from experiments import Answer, Images, accuracy, by_points, chart, load, main, spread, table, train, up_and_down
from torch import nn

from foveal.layers import LocalResponseNorm, ScaledTanh
from foveal.layers.initialisation import kaiming
from foveal.networks.describe import describe_network
from foveal.networks.googlenet import WIDTHS, Inception, Widths, conv_bn_relu, conv_relu
from foveal.networks.resnet import basic_block, conv_bn, residual_stage

SIDE = 32
BUDGET, BUNDLED_BUDGET = 4e6, 2e5
"""Multiply-adds of an image on its way forward."""
COUNTS, BUNDLED_COUNTS = (22_000, 5_000), (330, 100)
"""Training and test images; an eleventh of the former is held out to choose the rate."""
BATCH = 64
RATES = (1e-3, 3e-3, 1e-2)
"""Of AdamW; each network takes the one with which the first seed does best on the held-out images."""
POINTS = 16
"""Of the chart, each the mean loss over as many steps."""


def lenet5(images: Images, width: float, *, norms: bool) -> nn.Sequential:
    """Two 5×5 convolutions, means for pooling, three dense layers, and the scaled hyperbolic tangent.

    Without the subsampling's coefficients and squashing, the table of which maps feed the second convolution, and the
    radial output units; initial weights are PyTorch's.
    """
    first, second, third, fourth = wide(width, 6, 16, 120, 84)
    return nn.Sequential(
        *conv(images.channels, first, 5, ScaledTanh(), norms=norms),
        nn.AvgPool2d(2),
        *conv(first, second, 5, ScaledTanh(), norms=norms),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(25 * second, third),
        ScaledTanh(),
        nn.Linear(third, fourth),
        ScaledTanh(),
        nn.Linear(fourth, images.num_classes),
    )


def alexnet(images: Images, width: float, *, norms: bool) -> nn.Sequential:
    """Five convolutions of which two are 5×5 (the first was 11×11 of stride 4), local response normalisation, pooling
    that overlaps, dropout.

    Without the two groups of maps, and the initial weights and biases of the paper.
    """
    first, second, third, fourth, fifth, hidden = wide(width, 96, 256, 384, 384, 256, 4096)
    response = [] if norms else [LocalResponseNorm()]
    return nn.Sequential(
        *conv(images.channels, first, 5, nn.ReLU(), norms=norms, padding=2),
        *response,
        nn.MaxPool2d(3, 2),
        *conv(first, second, 5, nn.ReLU(), norms=norms, padding=2),
        *response,
        nn.MaxPool2d(3, 2),
        *conv(second, third, 3, nn.ReLU(), norms=norms, padding=1),
        *conv(third, fourth, 3, nn.ReLU(), norms=norms, padding=1),
        *conv(fourth, fifth, 3, nn.ReLU(), norms=norms, padding=1),
        nn.MaxPool2d(3, 2),
        *dense(9 * fifth, hidden, images.num_classes),
    )


def vgg16(images: Images, width: float, *, norms: bool) -> nn.Sequential:
    """Thirteen 3×3 convolutions in five stages.

    Without weights from a shallower network that was trained first.
    """
    *channels, hidden = wide(width, 64, 128, 256, 512, 512, 4096)
    layers: list[nn.Module] = []
    for (inputs, outputs), depth in zip(pairwise([images.channels, *channels]), (2, 2, 3, 3, 3), strict=True):
        for number in range(depth):
            layers += conv(outputs if number else inputs, outputs, 3, nn.ReLU(), norms=norms, padding=1)
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, *dense(channels[-1], hidden, images.num_classes))


def googlenet(images: Images, width: float, *, norms: bool) -> nn.Sequential:
    """Nine Inception blocks after a 3×3 convolution (the paper's stem makes 224 pixels to 28), and a mean over places.

    Without the auxiliary classifiers and the two local response normalisations.
    """
    unit = conv_bn_relu if norms else conv_relu
    (inputs,) = wide(width, 192)
    layers: list[nn.Module] = [unit(images.channels, inputs, 3)]
    for name, row in WIDTHS.items():
        if name in ("4a", "5a"):
            layers.append(nn.MaxPool2d(3, 2, padding=1))
        widths = Widths(*wide(width, *row))
        layers.append(Inception(inputs, widths, unit=unit))
        inputs = widths.total
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.4), nn.Linear(inputs, images.num_classes)
    )


def resnet20(images: Images, width: float) -> nn.Sequential:
    """Nine blocks of two 3×3 convolutions and a shortcut, batch norm throughout, and a mean over places.

    Shortcuts that change the number of maps are 1×1 convolutions (the paper's option B; on CIFAR it takes A), and the
    last gain of each block starts at zero.
    """
    first, second, third = wide(width, 16, 32, 64)
    return nn.Sequential(
        *conv_bn(images.channels, first, 3),
        nn.ReLU(),
        residual_stage(basic_block, first, first, depth=3, stride=1),
        residual_stage(basic_block, first, second, depth=3, stride=2),
        residual_stage(basic_block, second, third, depth=3, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(third, images.num_classes),
    )


Make = Callable[[Images, float], nn.Sequential]
"""(images, width) -> network."""
PUBLISHED: dict[str, Make] = {
    "LeNet-5, 1998": partial(lenet5, norms=False),
    "AlexNet, 2012": partial(alexnet, norms=False),
    "VGG-16, 2014": partial(vgg16, norms=False),
    "GoogLeNet, 2014": partial(googlenet, norms=False),
    "ResNet-20, 2015": resnet20,
}
WITH_NORMS: dict[str, Make] = {
    "LeNet-5 with norms": partial(lenet5, norms=True),
    "AlexNet with norms": partial(alexnet, norms=True),
    "VGG-16 with norms": partial(vgg16, norms=True),
    "GoogLeNet with norms": partial(googlenet, norms=True),
}


def wide(width: float, *channels: int) -> list[int]:
    """So many times as many channels, at least 2."""
    return [max(2, round(width * each)) for each in channels]


def conv(
    inputs: int, outputs: int, kernel: int, activation: nn.Module, *, norms: bool, padding: int = 0
) -> list[nn.Module]:
    """A convolution, its norm if there are norms, and what follows."""
    norm = [nn.BatchNorm2d(outputs)] if norms else []
    return [nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=not norms), *norm, activation]


def dense(inputs: int, hidden: int, classes: int) -> list[nn.Module]:
    """The two hidden layers of AlexNet and VGG, with dropout, and the classifier."""
    layers: list[nn.Module] = [nn.Flatten()]
    for width in (inputs, hidden):
        layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(0.5)]
    return [*layers, nn.Linear(hidden, classes)]


def cost(net: nn.Module, images: Images) -> int:
    """Multiply-adds of an image."""
    return describe_network(net, (images.channels, SIDE, SIDE)).multiply_adds


def within(budget: float, make: Make, images: Images) -> float:
    """The largest width that the budget allows, to half a per cent."""
    low, high = -8.0, 6.0
    while high - low > 0.007:
        middle = (low + high) / 2
        fits = cost(make(images, 2**middle), images) <= budget
        low, high = (middle, high) if fits else (low, middle)
    return float(2**low)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A network that has learned."""

    net: nn.Module
    losses: list[float]
    """By step."""
    speed: float
    """Training images a second."""


def trained(build: Callable[[], nn.Sequential], images: Images, *, rate: float, steps: int, seed: int) -> Trained:
    """A network of this seed, taught at this rate."""
    torch.manual_seed(seed)
    net = build()
    if not any(isinstance(part, ScaledTanh) for part in net):
        net.apply(kaiming)
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.01)
    started = perf_counter()
    losses = list(train(net, images, optimiser=optimiser, steps=steps, seed=seed, batch_size=BATCH, rate=up_and_down))
    return Trained(net=net, losses=losses, speed=BATCH * steps / (perf_counter() - started))


def answer(data: Path | None, *, seeds: int = 3) -> Answer:
    """About a quarter of an hour on CIFAR-10."""
    loaded = load(data, side=SIDE).first(*(COUNTS if data else BUNDLED_COUNTS))
    choosing = loaded.for_choices(1 / 11)
    number = len(choosing.train)
    images = loaded.first(number, len(loaded.test))
    steps = number // BATCH // POINTS * POINTS if data else POINTS
    every = steps // POINTS
    rows, lines, figures = [], {}, []
    for name, make in {**PUBLISHED, **WITH_NORMS}.items():
        width = within(BUDGET if data else BUNDLED_BUDGET, make, images)
        build = partial(make, images, width)
        at_rates = {rate: trained(build, images, rate=rate, steps=steps, seed=0) for rate in RATES}
        held = {rate: accuracy(run.net, choosing.test, choosing.test_labels) for rate, run in at_rates.items()}
        rate = max(held, key=lambda rate: held[rate])
        others = [trained(build, images, rate=rate, steps=steps, seed=seed) for seed in range(1, seeds)]
        runs = [at_rates[rate], *others]
        rights = [100 * accuracy(run.net, images.test, images.test_labels) for run in runs]
        losses = [by_points(run.losses, every) for run in runs]
        net = runs[0].net
        parameters = sum(each.numel() for each in net.parameters())
        rows.append(
            [
                name,
                f"{cost(net, images) / 1e6:.2f}",
                f"{parameters / 1e3:.0f}",
                f"{rate:g}",
                spread([each[-1] for each in losses], 3),
                spread(rights, 1),
                spread([run.speed for run in runs], 0),
            ]
        )
        if name in PUBLISHED:
            points = enumerate(zip(*losses, strict=True))
            lines[name.partition(",")[0]] = [(every * (number + 0.5), mean(values)) for number, values in points]
        figures.append(
            {"network": name, "width": width, "held_out": held, "rate": rate, "losses": losses, "accuracy": rights}
        )
    head = [
        *("network", "million multiply-adds", "thousand parameters", "rate"),
        *("training loss at the end", "test images right, %", "training images a second"),
    ]
    drawing = chart(lines, title="Training loss, by step", across="step")
    return Answer(name="architectures", table=table(head, rows), chart=drawing, figures=figures)


if __name__ == "__main__":
    main(answer, __doc__)
