"""What a start from trained weights gains over one from scratch: CIFAR-10 first, then a tenth of MNIST, and Caltech.

The same network, images, length and seeds in both arms, by rule but for the weights; 3 seeds each. The second network
learns CIFAR-10's images at twice their side. `python -m benchmarks.fine_tuning mnist` runs that part only, and keeps
the other's figures.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.common import foveal, keep, kept, spread, unpacked
from foveal.files import cache_folder

SEEDS = 3


@dataclass(frozen=True)
class Part:
    """One data set on which both arms train."""

    data: str
    network: str
    before: tuple[str, ...]
    """Options of the network's training on CIFAR-10."""
    options: tuple[str, ...]
    """Of both arms."""


PARTS = {
    "mnist": Part("mnist", "resnet20_cifar", ("--time", "12m"), ("--fraction", "0.1", "--epochs", "10")),
    "caltech22": Part("caltech22", "resnet18_d_half", ("--size", "64", "--time", "15m"), ("--time", "3m")),
}


def pretrained(part: Part) -> Path:
    """The run folder of the part's network on CIFAR-10, trained once and kept in the cache folder."""
    run = cache_folder() / "benchmarks" / f"cifar10-{part.network}"
    if not (run / "metrics.json").is_file():
        words = ["train", unpacked("cifar10-jpeg"), "--model", part.network, *part.before, "--out", run]
        subprocess.run([sys.executable, "-m", "foveal", *map(str, words)], check=True)
    return run


def arms(name: str, part: Part, rows: list[dict[str, Any]]) -> None:
    """Both arms of a part, seed by seed; `rows` takes them in and is kept after each."""
    data, start = unpacked(part.data), ("--weights", pretrained(part))
    for seed in range(SEEDS):
        for arm, words in (("scratch", ("--model", part.network)), ("fine-tuned", start)):
            result = foveal("train", data, *words, *part.options, "--seed", seed)
            accuracy = result["metrics"]["accuracy"]["value"]
            del result["run"], result["model"]  # gone with the temporary folder
            rows.append({"part": name, "arm": arm, "seed": seed, "accuracy": accuracy, **result})
            keep("fine-tuning", rows)
            print(f"{name}, {arm}, seed {seed}: accuracy {accuracy:.4f}, {result['seconds']:.0f} s", flush=True)


def show(rows: list[dict[str, Any]]) -> None:
    """The table: a line a data set."""
    print("| images | from scratch | fine-tuned | gain |\n| --- | --- | --- | --- |")
    for name in dict.fromkeys(row["part"] for row in rows):
        found = {
            arm: [row["accuracy"] for row in rows if (row["part"], row["arm"]) == (name, arm)]
            for arm in ("scratch", "fine-tuned")
        }
        gain = mean(found["fine-tuned"]) - mean(found["scratch"])
        print(f"| {name} | {spread(found['scratch'])} | {spread(found['fine-tuned'])} | {gain:+.4f} |")


def main() -> None:
    """About 55 minutes on 2 cores: mnist 20, caltech22 35."""
    names = sys.argv[1:] or [*PARTS]
    rows = [row for row in kept("fine-tuning") if row["part"] not in names]
    for name in names:
        arms(name, PARTS[name], rows)
    show(rows)


if __name__ == "__main__":
    main()
