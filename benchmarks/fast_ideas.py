"""What each idea of `--recipe fast` is worth: two fifths of CIFAR-10's JPEG files, with each idea left out in turn.

The same images and steps in every arm. What no option leaves out is put back in the process to what it would be
without.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.cifar10_fast import OURS
from benchmarks.common import keep, spread, unpacked
from foveal.files import read_json

OPTIONS = (*map(str, OURS), "--fraction", "0.4", "--epochs", "4")
AVERAGED = ("--ema", "0.95")
"""An idea that the recipe leaves out since it was found to bring nothing."""
WITHOUT_WHITENING = """
from foveal.networks import fastnet
whitened = fastnet.fastnet
def drawn(in_channels=3):
    backbone = whitened(in_channels)
    backbone.whitening.weight.requires_grad_(True)
    backbone.initialise_from = lambda images: None
    return backbone
fastnet.fastnet = drawn
"""
WITHOUT_DIRAC = """
from foveal.networks import fastnet
fastnet.dirac_start = lambda conv: conv
"""
BY_CHANCE = """
from foveal.augment.draws import Draws
Draws.alternating = lambda self, name, p, every=1: self.bernoulli(name, p)
"""
RUNS = """
from foveal.cli import main
def run(words):
    try:
        main(words)
    except SystemExit as ended:
        if ended.code:
            raise
"""
ARMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "all ideas": ("", AVERAGED),
    "a first layer that is drawn and learned": (WITHOUT_WHITENING, AVERAGED),
    "convolutions that start as drawn": (WITHOUT_DIRAC, AVERAGED),
    "mirrored by chance": (BY_CHANCE, AVERAGED),
    "no shifts": ("", (*AVERAGED, "--translate", "0")),
    "SGD for Muon": ("", (*AVERAGED, "--optimiser", "sgd", "--momentum", "0.9")),
    "no average of the weights": ("", ()),
    "no label smoothing": ("", (*AVERAGED, "--label-smoothing", "0")),
}
"""What is put back in the process, and options."""


def trained(data: Path, arm: str, seeds: int) -> list[dict[str, Any]]:
    """A row for each seed, all from one process."""
    before, options = ARMS[arm]
    words = [*OPTIONS, *options]
    with tempfile.TemporaryDirectory() as folder:
        lines = [
            ["train", str(data), *words, "--seed", str(seed), "--out", f"{folder}/{seed}"] for seed in range(seeds)
        ]
        code = f"{before}\n{RUNS}\nfor words in {lines!r}: run(words)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{arm}:\n{done.stderr[-2000:]}")
        saved = [read_json(Path(folder) / str(seed) / "metrics.json") for seed in range(seeds)]
    return [
        {
            "arm": arm,
            "seed": seed,
            "options": words,
            "accuracy": metrics["metrics"]["accuracy"]["value"],
            "training_seconds": metrics["times"]["training"],
        }
        for seed, metrics in enumerate(saved)
    ]


def main(*, seeds: int = 3, jobs: int = 1) -> None:
    """About 22 minutes a seed on 2 cores; `jobs` arms at once, since accuracy alone counts."""
    data, rows = unpacked("cifar10-jpeg"), list[dict[str, Any]]()
    with ThreadPoolExecutor(jobs) as pool:
        for found in pool.map(lambda arm: trained(data, arm, seeds), ARMS):
            rows += found
            keep("fast-ideas", rows, jobs=jobs)
            print(f"{found[0]['arm']}: {spread([row['accuracy'] for row in found])}", flush=True)
    print("\n".join(table(rows)))


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Of each arm the test accuracy and what it loses, seed by seed, against all ideas."""
    by_arm = {arm: {row["seed"]: row["accuracy"] for row in rows if row["arm"] == arm} for arm in ARMS}
    whole = by_arm["all ideas"]
    lines = ["| | test accuracy | lost |", "| --- | --- | --- |"]
    for arm, found in by_arm.items():
        lost = [whole[seed] - value for seed, value in found.items()]
        lines.append(f"| {arm} | {spread(list(found.values()))} | {mean(lost):.4f} |")
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    main(**vars(parser.parse_args()))
