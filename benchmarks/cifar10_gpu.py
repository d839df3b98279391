"""CIFAR-10 from its JPEG files on a GPU: `--recipe fast` against airbench94's network and recipe, as in `cifar10_fast`.

Ours takes more epochs than on a CPU, so as to reach airbench94's own accuracy: the question is the time to it. It runs
uncompiled: once warm, all its epochs together take two seconds.
"""

import sys
from collections.abc import Sequence
from functools import partial
from statistics import median

import torch

from benchmarks.cifar10_fast import OURS
from benchmarks.common import keep, seeds_of, spread, unpacked
from benchmarks.contenders import driver, foveal, images_in
from benchmarks.turns import Row, in_turns, table

EPOCHS = 10


def main(*, seeds: Sequence[int] = range(3)) -> None:
    """Prints the table and keeps every run. About a minute a seed on an H200."""
    if not torch.cuda.is_available():
        print("cifar10-gpu: left out, there is no GPU")
        return
    data, rows = unpacked("cifar10-jpeg"), list[Row]()
    for seed in seeds:
        runs = {
            "foveal": partial(foveal, data, *OURS, "--epochs", EPOCHS, "--seed", seed),
            "airbench94": partial(driver, sys.executable, "airbench94.py", data, "--seed", seed),
        }
        for row in in_turns(runs, repetitions=1, images=images_in(data / "train")):
            rows.append({**row, "repetition": seed})
            keep("cifar10-gpu", rows)
    print(table(rows))
    for name in runs:
        own = [row for row in rows if row["contender"] == name]
        print(f"{name}: test accuracy {spread([row['accuracy'] for row in own])}, training {training_words(own)}")


def training_words(rows: Sequence[Row]) -> str:
    """Seconds of all epochs; of airbench94 at the pace of its median epoch too."""
    if "times" in rows[0]:
        return f"{median(row['times']['training'] for row in rows):.2f} s"
    whole = median(row["seconds_train"] for row in rows)
    warm = median(row["epochs"] * median(row["epoch_seconds"]) for row in rows)
    return f"{whole:.2f} s, {warm:.2f} s once warm"


if __name__ == "__main__":
    main(seeds=seeds_of(__doc__))
