"""Twenty minutes on blood cells: a detector from scratch, with no option but the data and the time (3 seeds)."""

from benchmarks.common import over_seeds, unpacked


def main() -> None:
    """About an hour."""
    over_seeds("bccd-20m", 3, "train", unpacked("bccd"), "--time", "20m", figures=("AP50", "AP"))


if __name__ == "__main__":
    main()
