"""Two processes of one thread each against one process of two: images a second in training, in turns."""

import sys
from statistics import median
from typing import Any

from benchmarks.common import foveal, keep, unpacked

PAIRS = 3
AIM = 0.9
CASES = {
    "resnet18": ("caltech22", "--model", "resnet18", "--size", "128", "--train-sizes", "128", "128", "--epochs", "1"),
    "resnet20_cifar": ("cifar10-jpeg", "--model", "resnet20_cifar", "--hflip", "0.5", "--epochs", "0.25"),
}


def main(*names: str) -> None:
    """About 7 minutes on 2 cores, all cases; the decoded images are found in the cache from the second run on."""
    rows: list[dict[str, Any]] = []
    for name in names or CASES:
        data, *options = CASES[name]
        words = ["train", unpacked(data), *options, "--batch-size", "128"]
        for pair in range(PAIRS):
            by_processes = {}
            for processes in (1, 2) if pair % 2 == 0 else (2, 1):
                result = foveal(*words, processes=processes)
                by_processes[processes] = result["images_per_second"]
                rows.append({"case": name, "pair": pair, "processes": processes, **_kept(result)})
            ratio = by_processes[2] / by_processes[1]
            print(f"{name}: one {by_processes[1]:.1f}, two {by_processes[2]:.1f} images/s, {ratio:.3f}", flush=True)
    keep("processes", rows, ratios={name: _ratio(rows, name) for name in names or CASES})
    for name in names or CASES:
        print(f"{name}: two processes reach {_ratio(rows, name):.3f} of one (median of {PAIRS} pairs)")
        if _ratio(rows, name) < AIM:
            sys.exit(f"{name}: expected at least {AIM}")


def _kept(result: dict[str, Any]) -> dict[str, Any]:
    return {key: result[key] for key in ("command", "images_per_second", "seconds")}


def _ratio(rows: list[dict[str, Any]], name: str) -> float:
    pairs = [[row for row in rows if (row["case"], row["pair"]) == (name, pair)] for pair in range(PAIRS)]
    rates = [{row["processes"]: row["images_per_second"] for row in pair} for pair in pairs]
    return median(rate[2] / rate[1] for rate in rates)


if __name__ == "__main__":
    main(*sys.argv[1:])
