"""MNIST: LeNet-5 as published, with and without distortions (5 seeds), and the default recipe (3 seeds)."""

from benchmarks.common import over_seeds, unpacked


def main() -> None:
    """About 50 minutes on 2 cores."""
    data = unpacked("mnist")
    lenet5 = ["train", data, "--model", "lenet5"]
    over_seeds("mnist-lenet5-plain", 5, lambda _: [*lenet5, "--augmentation", "none"])
    over_seeds("mnist-lenet5-distorted", 5, lambda _: lenet5)
    over_seeds("mnist-recipe", 3, lambda _: ["train", data, "--time", "14m"])


if __name__ == "__main__":
    main()
