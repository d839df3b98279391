"""Twenty minutes on blood cells: a detector from scratch, with no option but the data and the time (3 seeds)."""

import argparse

from benchmarks.common import over_seeds, unpacked


def main(*, seeds: int = 3) -> None:
    """About 20 minutes a seed."""
    over_seeds("bccd-20m", seeds, "train", unpacked("bccd"), "--time", "20m", figures=("AP50", "AP"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    main(**vars(parser.parse_args()))
