"""CIFAR-10 from its JPEG files: `--recipe fast` against airbench94's network and recipe, compiled, on the same cores.

Each is a whole process: decoding, compilation and the evaluation of the test images inside. Neither averages over views
of a test image. Ours is told that mirroring is harmless, which airbench knows, and trains on all training images, as it
does.
"""

import argparse
import sys
from functools import partial

from benchmarks.common import keep, spread, unpacked
from benchmarks.contenders import driver, foveal, images_in
from benchmarks.turns import Row, faster, in_turns, table

OURS = ("--recipe", "fast", "--hflip", 0.5, "--val-share", 0)


def main(*, repetitions: int = 3) -> None:
    """Prints the table and keeps every repetition, each with a seed of its own. About 75 minutes on 2 cores."""
    data = unpacked("cifar10-jpeg")
    rows: list[Row] = []
    for seed in range(repetitions):
        runs = {
            "foveal": partial(foveal, data, *OURS, "--seed", seed),
            "airbench94": partial(driver, sys.executable, "airbench94.py", data, "--compile", "--seed", seed),
        }
        for row in in_turns(runs, repetitions=1, images=images_in(data / "train")):
            rows.append({**row, "repetition": seed})
            keep("cifar10-fast", rows)
    print(table(rows))
    for name in runs:
        print(f"{name}: test accuracy {spread([row['accuracy'] for row in rows if row['contender'] == name])}")
    print(f"foveal's time is {1 / faster(rows, 'foveal', 'airbench94'):.2f} of airbench94's")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    main(**vars(parser.parse_args()))
