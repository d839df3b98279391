"""Depth: plain and residual networks of 20 and 56 layers on the same photographs.

    python examples/fundamentals/depth.py CIFAR-10

He et al. 2015 (arXiv:1512.03385, figures 1 and 6): more layers made plain networks worse, in training too, and residual
ones better. The plain networks here are the residual ones without their shortcuts. On 16×16 pixels, for an answer in
minutes. docs/depth.md reads the figures.
"""

from pathlib import Path
from statistics import mean

import torch
from experiments import Answer, Images, accuracy, chart, load, main, spread, table, to_zero, train
from torch import Tensor, nn

from foveal.networks.build import build_network
from foveal.networks.resnet import ResidualBlock

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


def answer(data: Path | None, *, seeds: int = 3) -> Answer:
    """Minutes on CIFAR-10."""
    images = load(data, side=16).first(20_000, 2_000)
    steps = 2 * len(images.train) // 128 if data else POINTS
    every = steps // POINTS
    rows, lines, figures = [], {}, []
    for depth in (20, 56):
        for kind in ("plain", "residual"):
            runs, rights, shares = [], [], []
            for seed in range(seeds):
                torch.manual_seed(seed)
                net = Classifier(f"resnet{depth}_cifar", images)
                net = without_shortcuts(net) if kind == "plain" else net
                shares.append(gradient_of_the_first(net, images))
                net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
                optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
                runs.append(list(train(net, images, optimiser=optimiser, steps=steps, seed=seed, rate=to_zero)))
                rights.append(100 * accuracy(net, images.test, images.test_labels))
            name = f"{kind}, {depth} layers"
            last = [mean(losses[-every:]) for losses in runs]
            rows.append([name, spread(last, 3), spread(rights, 1), spread(shares, 2)])
            by_step = [mean(values) for values in zip(*runs, strict=True)]
            lines[name] = [
                (start + every / 2, mean(by_step[start : start + every])) for start in range(0, steps, every)
            ]
            figures.append({"network": name, "losses": runs, "accuracy": rights, "first_gradient": shares})
    head = ["network", "training loss at the end", "test images right, %", "gradient, first to last kernel"]
    drawing = chart(lines, title="Training loss, by step", across="step")
    return Answer(name="depth", table=table(head, rows), chart=drawing, figures=figures)


if __name__ == "__main__":
    main(answer, __doc__)
