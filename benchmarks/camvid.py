"""Twenty minutes on road scenes: a segmentation from scratch, told the time and which index is void (3 seeds)."""

from collections.abc import Sequence

from benchmarks.common import over_seeds, seeds_of, unpacked


def main(*, seeds: Sequence[int] = range(3)) -> None:
    """About 20 minutes a seed; `--seeds 1 2` measures these alone."""
    words = ("train", unpacked("camvid"), "--void", 11, "--time", "20m")
    over_seeds("camvid-20m", seeds, *words, figures=("mIoU", "pixel_accuracy"))


if __name__ == "__main__":
    main(seeds=seeds_of(__doc__))
