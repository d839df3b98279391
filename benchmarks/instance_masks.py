"""Whether masks of many small objects can be learned at all: 32 photographs of 80 classes, judged on the same images.

No figure of merit: what a detector can't learn by heart, no amount of data will teach it. Mask AP50 should be 0.9 and
more.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.common import over_seeds, unpacked
from foveal.files import cache_folder


def tested_on_itself(data: Path) -> Path:
    """A copy of a COCO data set's training images in the cache folder, whose test images are these same ones."""
    folder = cache_folder() / "benchmarks" / f"{data.name}-on-itself"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            made = Path(temporary) / folder.name
            (made / "annotations").mkdir(parents=True)
            for split in ("train", "test"):
                shutil.copytree(data / "images" / "train2017", made / "images" / split)
                shutil.copy(
                    data / "annotations" / "instances_train2017.json", made / "annotations" / f"instances_{split}.json"
                )
            made.rename(folder)
    return folder


def main(time: str = "20m", size: int = 640) -> None:
    """About 20 minutes; `python -m benchmarks.instance_masks 80s 160` tells in a minute whether it learns.

    In the photographs' own size: most of what is not found in smaller ones is a few pixels wide.
    """
    data = tested_on_itself(unpacked("tinycoco"))
    words = ("--size", size, "--augmentation", "none", "--val-share", 0, "--time", time)
    over_seeds("instance-masks", [0], "train", data, *words, figures=("mask_AP50", "mask_AP", "AP50", "AP"))


if __name__ == "__main__":
    main(*sys.argv[1:])
