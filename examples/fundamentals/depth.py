"""Depth: plain and residual networks of 20 and 56 layers in a short training on the same photographs.

    python examples/fundamentals/depth.py CIFAR-10

He et al. 2015 (arXiv:1512.03385, figures 1 and 6): after 64,000 steps of 128 images more layers had made plain networks
worse, in training too, and residual ones better. Here are 1,250 steps of 32 on 16×16 pixels, for an answer in minutes.
The plain networks are the residual ones without their shortcuts. docs/depth.md reads the figures.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean

import torch
from experiments import Answer, Images, accuracy, by_points, chart, load, main, spread, table, train, up_and_down
from torch import Tensor, nn

from foveal.networks.build import build_network
from foveal.networks.resnet import ResidualBlock

BATCH, EPOCHS = 32, 2
RATES = (0.03, 0.1)
POINTS = 16
"""Of the chart, each the mean loss over as many steps."""


class Classifier(nn.Module):
    """A network of the package, as images -> logits."""

    def __init__(self, name: str, images: Images) -> None:
        super().__init__()
        self.network = build_network(name, num_classes=images.num_classes, in_channels=images.channels)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.network(inputs)["logits"]
        return logits


@dataclass(frozen=True, kw_only=True)
class Taught:
    """What a run came to."""

    losses: list[float]
    """Means over `POINTS` equal parts of the training, to its end."""
    right: float
    """Of the test images, in per cent."""
    first_gradient: float


def network(depth: int, kind: str, images: Images) -> Classifier:
    """ResNet of CIFAR-10, or what is left of it without its shortcuts where `kind` is "plain"."""
    net = Classifier(f"resnet{depth}_cifar", images)
    return net if kind == "residual" else without_shortcuts(net)


def without_shortcuts(module: nn.Module) -> nn.Module:
    """Each residual block becomes what stands beside its shortcut, and the ReLU."""
    for name, part in module.named_children():
        if isinstance(part, ResidualBlock):
            setattr(module, name, nn.Sequential(part.residual, nn.ReLU()))
        else:
            without_shortcuts(part)
    return module


def gradient_of_the_first(net: Classifier, images: Images) -> float:
    """Norm of the loss's gradient by the first kernel as a share of that by the last, before training."""
    nn.functional.cross_entropy(net(images.train[:128]), images.train_labels[:128]).backward()
    norms = [float(part.weight.grad.norm()) for part in net.modules() if isinstance(part, nn.Conv2d)]
    return norms[0] / norms[-1]


def taught(build: Callable[[], Classifier], images: Images, *, rate: float, steps: int, seed: int) -> Taught:
    """A network of this seed after its training at this rate, judged on the test images."""
    torch.manual_seed(seed)
    net = build()
    share = gradient_of_the_first(net, images)
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=1e-4)
    losses = list(train(net, images, optimiser=optimiser, steps=steps, seed=seed, batch_size=BATCH, rate=up_and_down))
    every = steps // POINTS
    right = 100 * accuracy(net, images.test, images.test_labels)
    return Taught(losses=by_points(losses[-every * POINTS :], every), right=right, first_gradient=share)


def answer(data: Path | None, *, seeds: int = 3) -> Answer:
    """Minutes on CIFAR-10."""
    images = load(data, side=16).first(20_000, 2_000)
    steps = EPOCHS * len(images.train) // BATCH if data else 2 * POINTS
    every = steps // POINTS
    rows, lines, figures = [], {}, []
    for depth in (20, 56):
        for kind in ("plain", "residual"):
            build = partial(network, depth, kind, images)
            trials = {
                rate: taught(build, images.for_choices(0.1), rate=rate, steps=steps // 2, seed=seeds).right
                for rate in RATES
            }
            rate = max(trials, key=lambda rate: trials[rate])
            runs = [taught(build, images, rate=rate, steps=steps, seed=seed) for seed in range(seeds)]
            name = f"{kind}, {depth} layers"
            last = [run.losses[-1] for run in runs]
            rights, shares = [run.right for run in runs], [run.first_gradient for run in runs]
            rows.append([name, f"{rate:g}", spread(last, 3), spread(rights, 1), spread(shares, 2)])
            by_point = [mean(values) for values in zip(*(run.losses for run in runs), strict=True)]
            lines[name] = [(every * (point + 0.5), loss) for point, loss in enumerate(by_point)]
            figures.append({"network": name, "rate": rate, "trials": trials, "runs": [asdict(run) for run in runs]})
    head = ["network", "rate", "training loss at the end", "test images right, %", "gradient, first to last kernel"]
    drawing = chart(lines, title="Training loss, by step", across="step")
    return Answer(name="depth", table=table(head, rows), chart=drawing, figures=figures)


if __name__ == "__main__":
    main(answer, __doc__)
