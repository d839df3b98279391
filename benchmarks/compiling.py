"""Whether `torch.compile` makes a training step faster: networks as they are and compiled, in turns."""

import statistics
import time
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.common import keep
from foveal.device import keep_freed_memory
from foveal.networks.build import build_network

CASES = (
    # network, side, batch, classes, channels, in bfloat16
    ("resnet18", 128, 32, 22, 3, True),
    ("fastnet", 32, 500, 10, 3, True),
    ("resnet20_cifar", 32, 128, 10, 3, True),
    ("lenet5", 32, 256, 10, 1, False),
)
SECONDS, REPETITIONS = 8.0, 2


def main() -> None:
    """About 5 minutes on 2 cores, and a C++ compiler is needed."""
    keep_freed_memory()
    rows = []
    for case in CASES:
        for repetition in range(REPETITIONS):
            for compiled in (False, True):
                row = {"network": case[0], "repetition": repetition, "compiled": compiled, **timed(*case, compiled)}
                rows.append(row)
                words = "compiled" if compiled else "as it is"
                print(f"{row['network']} {words}: {row['step_ms']:.1f} ms a step, first {row['first_seconds']:.1f} s")
    keep("compiling", rows)


def timed(
    name: str, side: int, batch: int, classes: int, channels: int, bfloat16: bool, compiled: bool
) -> dict[str, Any]:
    """Seconds of the first step, with its compilation, and the median of those after the second."""
    torch.manual_seed(0)
    torch.compiler.reset()
    network = build_network(name, classes, channels).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, fused=True)
    images = torch.randn(batch, channels, side, side).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, classes, (batch,))
    run = torch.compile(network, dynamic=False) if compiled else network
    seconds: list[float] = []
    while sum(seconds[2:]) < SECONDS:
        start = time.perf_counter()
        step(run, optimiser, images, labels, bfloat16=bfloat16)
        seconds.append(time.perf_counter() - start)
    return {"first_seconds": seconds[0], "step_ms": 1e3 * statistics.median(seconds[2:])}


def step(
    network: nn.Module, optimiser: torch.optim.Optimizer, images: Tensor, labels: Tensor, *, bfloat16: bool
) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        logits = network(images)["logits"]
    F.cross_entropy(logits.float(), labels).backward()
    optimiser.step()
    optimiser.zero_grad()


if __name__ == "__main__":
    main()
