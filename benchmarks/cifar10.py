"""CIFAR-10 from its folders of JPEG files with the small residual network, mirrored (one seed)."""

from benchmarks.common import over_seeds, unpacked


def main() -> None:
    """About 10 minutes on 2 cores."""
    data = unpacked("cifar10-jpeg")
    over_seeds("cifar10-resnet20", [0], "train", data, "--model", "resnet20_cifar", "--hflip", "0.5", "--time", "10m")


if __name__ == "__main__":
    main()
