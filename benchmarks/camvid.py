"""Twenty minutes on road scenes: a segmentation from scratch, told the time and which index is void (3 seeds)."""

from benchmarks.common import over_seeds, unpacked


def main() -> None:
    """About an hour."""
    words = ("train", unpacked("camvid"), "--void", 11, "--time", "20m")
    over_seeds("camvid-20m", 3, *words, figures=("mIoU", "pixel_accuracy"))


if __name__ == "__main__":
    main()
