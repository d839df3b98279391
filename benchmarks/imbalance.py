"""What `--balance` does for rare classes: 22 classes of photographs, thinned to 10:1, judged class by class.

The test images stay as they are, 16 to 30 a class: macro recall counts every class the same, accuracy stands beside it.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.common import over_seeds, unpacked
from foveal.files import cache_folder

FIGURES = ("recall_macro", "accuracy")
RATIO = 10
"""Training images of the most common class over those of the rarest."""


def thinned(data: Path, ratio: int = RATIO) -> Path:
    """A copy of `data` (train/ and test/) in the cache folder whose classes have fewer and fewer training images.

    From the class with most images to the one with fewest their number falls by a constant factor, to a `ratio`-th in
    all, as in long-tailed benchmarks (Cao et al. 2019, arXiv:1906.07413, section 4); a class that has fewer keeps its
    own. Of each class the images that are left are spread evenly over their names.
    """
    folder = cache_folder() / "benchmarks" / f"{data.name}-thinned-{ratio}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            made = Path(temporary) / folder.name
            shutil.copytree(data, made)
            _thin(made / "train", ratio)
            made.rename(folder)
    return folder


def _thin(train: Path, ratio: int) -> None:
    images = {label: sorted(label.iterdir()) for label in train.iterdir()}
    ordered = sorted(images, key=lambda label: (-len(images[label]), label.name))
    most = len(images[ordered[0]])
    for place, label in enumerate(ordered):
        count = len(images[label])
        wanted = min(count, max(1, round(most * ratio ** (-place / (len(ordered) - 1)))))
        kept = {index * count // wanted for index in range(wanted)}
        for index, image in enumerate(images[label]):
            if index not in kept:
                image.unlink()


def main(time: str = "2m", seeds: str = "3") -> None:
    """About 18 minutes; `python -m benchmarks.imbalance 20s 1` shows in a minute that it runs."""
    data = thinned(unpacked("caltech22"))
    for balance in ("none", "loss", "sampler"):
        words = ("train", data, "--balance", balance, "--time", time)
        over_seeds(f"imbalance-{balance}", range(int(seeds)), *words, figures=FIGURES)


if __name__ == "__main__":
    main(*sys.argv[1:])
