"""Twenty minutes on frames of videos, split by clip, and by frame: what a leaky split would make of the same detector.

The data's own split keeps each clip in one part. Without it the images are split at random, as a folder without a split
is: then every test frame has neighbours of its clip among the training images.
"""

import shutil
import tempfile
from pathlib import Path

from benchmarks.common import over_seeds, unpacked
from foveal.files import cache_folder

FIGURES = ("AP50", "AP")


def main() -> None:
    """About 40 minutes."""
    data = unpacked("fod-voc")
    over_seeds("fod-20m-by-clip", [0], "train", data, "--time", "20m", figures=FIGURES)
    over_seeds("fod-20m-by-frame", [0], "train", _without_split(data), "--time", "20m", figures=FIGURES)


def _without_split(data: Path) -> Path:
    """A copy of a Pascal VOC folder in the cache folder that says nothing of splits."""
    folder = cache_folder() / "benchmarks" / f"{data.name}-without-split"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            made = Path(temporary) / folder.name
            shutil.copytree(data, made, ignore=shutil.ignore_patterns("ImageSets"))
            made.rename(folder)
    return folder


if __name__ == "__main__":
    main()
