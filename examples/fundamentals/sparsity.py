"""Weight decay and L1: what they do to the weights, and how many weights can go.

    python examples/fundamentals/sparsity.py MNIST

One network trained with no penalty, with the sum of squares (L2) and with the sum of magnitudes (L1) of its kernels
in the loss. Then the smallest weights of each kernel are set to zero. docs/sparsity.md reads the figures.
"""

from collections.abc import Callable
from pathlib import Path
from statistics import mean

import torch
from experiments import Answer, accuracy, chart, load, main, spread, table, to_zero, train
from torch import Tensor, nn

from losses import network

PENALTIES: dict[str, tuple[int, float]] = {
    "none": (2, 0.0),
    "L2, 0.0005": (2, 5e-4),
    "L2, 0.005": (2, 5e-3),
    "L1, 0.00005": (1, 5e-5),
    "L1, 0.0005": (1, 5e-4),
}
"""(power, strength): the loss gains strength × Σ |w|^power, half of it for squares."""
REMOVED = (0.5, 0.8, 0.9, 0.95, 0.98)
SMALL = 1e-3
"""A weight that counts as zero."""


def kernels(net: nn.Module) -> list[nn.Parameter]:
    return [part.weight for part in net.modules() if isinstance(part, nn.Conv2d | nn.Linear)]


def penalised(net: nn.Module, power: int, strength: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Cross-entropy and the penalty."""

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        penalty = sum((each.abs() ** power).sum() for each in kernels(net))
        return nn.functional.cross_entropy(outputs, labels) + strength / power * penalty

    return loss


@torch.no_grad()
def without_smallest(net: nn.Module, share: float) -> None:
    """Sets that share of each kernel to zero."""
    for each in kernels(net):
        magnitudes = each.abs().flatten()
        most = magnitudes.kthvalue(max(1, int(share * len(magnitudes)))).values
        each[each.abs() <= most] = 0


def answer(data: Path | None, *, seeds: int = 3) -> Answer:
    """Minutes on MNIST."""
    images = load(data, side=None if data else 16)
    steps = 2 * len(images.train) // 128 if data else 60
    rows, lines, figures = [], {}, []
    for name, (power, strength) in PENALTIES.items():
        rights, smalls, norms = [], [], []
        left: dict[float, list[float]] = {share: [] for share in REMOVED}
        for seed in range(seeds):
            torch.manual_seed(seed)
            net = network(images)
            optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
            for _ in train(
                net,
                images,
                optimiser=optimiser,
                steps=steps,
                seed=seed,
                loss=penalised(net, power, strength),
                rate=to_zero,
            ):
                pass
            weights = torch.cat([each.detach().flatten() for each in kernels(net)])
            rights.append(100 * accuracy(net, images.test, images.test_labels))
            smalls.append(100 * float((weights.abs() < SMALL).float().mean()))
            norms.append(float(weights.norm()))
            for share, found in left.items():  # the smallest first: each removal holds the one before
                without_smallest(net, share)
                found.append(100 * accuracy(net, images.test, images.test_labels))
        rows.append(
            [name, spread(rights, 2), spread(norms, 1), spread(smalls, 0)]
            + [spread(left[share], 1) for share in (0.8, 0.9, 0.95)]
        )
        lines[name] = [(0.0, mean(rights)), *((100 * share, mean(found)) for share, found in left.items())]
        figures.append({"penalty": name, "accuracy": rights, "small": smalls, "norm": norms, "left": left})
    head = ["penalty", "test images right, %", "norm of the weights", f"weights below {SMALL:g}, %"]
    head += [f"right without {share:.0%} of them" for share in (0.8, 0.9, 0.95)]
    drawing = chart(lines, title="Test images right, %, without the smallest weights", across="weights removed, %")
    return Answer(name="sparsity", table=table(head, rows), chart=drawing, figures=figures)


if __name__ == "__main__":
    main(answer, __doc__)
