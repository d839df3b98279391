"""Ten minutes on 22 classes of photographs, from scratch, with no option but the data and the time (3 seeds)."""

from benchmarks.common import over_seeds, unpacked


def main() -> None:
    """About 30 minutes."""
    data = unpacked("caltech22")
    over_seeds("caltech22-10m", range(3), "train", data, "--time", "10m")


if __name__ == "__main__":
    main()
