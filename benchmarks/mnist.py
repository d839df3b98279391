"""MNIST: LeNet-5 as published, with and without distortions (5 seeds each), and the default recipe (3 seeds).

`python -m benchmarks.mnist plain distorted` runs these two only; the third is `recipe`.
"""

import sys

from benchmarks.common import over_seeds, unpacked

LENET5 = ["--model", "lenet5", "--epochs", "20", "--batch-size", "64", "--precision", "float32"]
"""20 times through the data, as LeCun et al. 1998 (section III.B)."""
PARTS: dict[str, tuple[str, int, list[str]]] = {
    "plain": ("mnist-lenet5-plain", 5, [*LENET5, "--augmentation", "none"]),
    "distorted": ("mnist-lenet5-distorted", 5, LENET5),
    "recipe": ("mnist-recipe", 3, ["--time", "14m"]),
}


def main() -> None:
    """About 75 minutes on 2 cores."""
    data = unpacked("mnist")
    for part in sys.argv[1:] or PARTS:
        name, seeds, options = PARTS[part]
        over_seeds(name, range(seeds), "train", data, *options)


if __name__ == "__main__":
    main()
