"""What batch normalisation changes: the learning rates that work, and the scale of activations by depth.

    python examples/fundamentals/batch_norm.py MNIST

The same ten convolutions with and without a norm after each (Ioffe & Szegedy 2015, arXiv:1502.03167), trained with SGD
at learning rates over two and a half powers of ten; the scales are those after training at the smallest.
docs/batch-norm.md reads the figures.
"""

from itertools import pairwise
from pathlib import Path
from statistics import mean

import torch
from experiments import Answer, Images, accuracy, chart, load, main, spread, table, to_zero, train
from torch import Tensor, nn

RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
DEPTH, CHANNELS = 10, 16
KINDS = {"without": False, "with": True}


def network(images: Images, *, norms: bool) -> nn.Sequential:
    """Ten convolutions, the first two with stride 2, as He et al. 2015 initialise them, and a linear layer."""
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise([images.channels, *[CHANNELS] * DEPTH])):
        conv = nn.Conv2d(inputs, outputs, 3, padding=1, stride=2 if number < 2 else 1, bias=not norms)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        layers += [conv, *([nn.BatchNorm2d(outputs)] if norms else []), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * CHANNELS, images.num_classes))


@torch.no_grad()
def scales(net: nn.Sequential, batch: Tensor) -> list[float]:
    """The spread of the values after each ReLU, from the input on, as in training."""
    net.train()
    found = []
    for part in net:
        batch = part(batch)
        if isinstance(part, nn.ReLU):
            found.append(float(batch.std()))
    return found


def answer(data: Path | None, *, seeds: int = 3) -> Answer:
    """Minutes on MNIST."""
    images = load(data, side=None if data else 16).first(20_000, 2_000)
    steps = len(images.train) // 128 if data else 10
    rows, lines, figures = [], {}, []
    for kind, norms in KINDS.items():
        by_rate: dict[float, list[float]] = {rate: [] for rate in RATES}
        by_depth = []
        for seed in range(seeds):
            for rate, found in by_rate.items():
                torch.manual_seed(seed)
                net = network(images, norms=norms)
                optimiser = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)
                for _ in train(net, images, optimiser=optimiser, steps=steps, seed=seed, rate=to_zero):
                    pass
                found.append(100 * accuracy(net, images.test, images.test_labels))
                if rate == RATES[0]:
                    by_depth.append(scales(net, images.train[:256]))
        rows.append([f"{kind} norms", *(spread(found, 1) for found in by_rate.values())])
        lines[f"{kind} norms"] = [(rate, mean(found)) for rate, found in by_rate.items()]
        figures.append({"norms": kind, "accuracy": by_rate, "scales": by_depth})
    head = ["test images right, %, after an epoch", *(f"rate {rate:g}" for rate in RATES)]
    drawing = chart(lines, title="Test images right, %, by learning rate", across="learning rate", log_x=True)
    return Answer(name="batch-norm", table=table(head, rows), chart=drawing, figures=figures)


if __name__ == "__main__":
    main(answer, __doc__)
