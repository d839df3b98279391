"""Twenty minutes on blood cells: a detector from scratch, with no option but the data and the time (3 seeds)."""

from collections.abc import Sequence

from benchmarks.common import over_seeds, seeds_of, unpacked


def main(*, seeds: Sequence[int] = range(3)) -> None:
    """About 20 minutes a seed; `--seeds 1 2` measures these alone."""
    over_seeds("bccd-20m", seeds, "train", unpacked("bccd"), "--time", "20m", figures=("AP50", "AP"))


if __name__ == "__main__":
    main(seeds=seeds_of(__doc__))
