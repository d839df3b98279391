"""CIFAR-10 from its JPEG files: `--recipe fast` against airbench94's network and recipe, compiled, on the same cores.

Each is a whole process: decoding, compilation and the evaluation of the test images inside. Neither averages over views
of a test image. Ours is told that mirroring is harmless, which airbench knows, and trains on all training images, as it
does.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from benchmarks.common import keep, kept, spread, unpacked
from benchmarks.contenders import driver, foveal, images_in
from benchmarks.turns import Row, faster, in_turns, table

OURS = ("--recipe", "fast", "--hflip", 0.5, "--val-share", 0)
CONTENDERS = ("foveal", "airbench94")


def main(*, seeds: Sequence[int] = range(3), contenders: Sequence[str] = CONTENDERS) -> None:
    """Prints the table and keeps every run, also those of other seeds. About 30 minutes a seed on 2 cores."""
    data = unpacked("cifar10-jpeg")
    again = [(name, seed) for name in contenders for seed in seeds]
    rows: list[Row] = [row for row in kept("cifar10-fast") if (row["contender"], row["repetition"]) not in again]
    for seed in seeds:
        runs = {
            "foveal": partial(foveal, data, *OURS, "--seed", seed),
            "airbench94": partial(driver, sys.executable, "airbench94.py", data, "--compile", "--seed", seed),
        }
        chosen = {name: runs[name] for name in contenders}
        for row in in_turns(chosen, repetitions=1, images=images_in(data / "train")):
            rows.append({**row, "repetition": seed})
            keep("cifar10-fast", rows)
    print(table(rows))
    for name in dict.fromkeys(row["contender"] for row in rows):
        print(f"{name}: test accuracy {spread([row['accuracy'] for row in rows if row['contender'] == name])}")
    if len({row["contender"] for row in rows}) > 1:
        print(f"foveal's time is {1 / faster(rows, 'foveal', 'airbench94'):.2f} of airbench94's")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(3), help="what is kept of the others stays")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    main(**vars(parser.parse_args()))
