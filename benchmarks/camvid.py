"""Twenty minutes on road scenes: a segmentation from scratch, told the time and which index is void (3 seeds)."""

import argparse

from benchmarks.common import over_seeds, unpacked


def main(*, seeds: int = 3) -> None:
    """About 20 minutes a seed."""
    words = ("train", unpacked("camvid"), "--void", 11, "--time", "20m")
    over_seeds("camvid-20m", seeds, *words, figures=("mIoU", "pixel_accuracy"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    main(**vars(parser.parse_args()))
