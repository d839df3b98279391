"""Half or all of ResNet-18-D's channels for photographs, by images held out of the training images of three data sets.

Test images take no part: the outcome is a rule of Foveal's own, which they have to be able to judge.
"""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import over_seeds, seeds_of, unpacked
from foveal.files import cache_folder
from foveal.images.sources import file_of
from foveal.read.dataset import read_dataset

TIMES = {"caltech22": "10m", "brain-mri": "5m", "orl-faces": "2m"}
NETWORKS = ("resnet18_d", "resnet18_d_half")


def third_held_out(data: Path) -> Path:
    """A copy of a data set's training images in the cache folder whose test/ has every third of each class.

    Of byte-identical images the first alone.
    """
    folder = cache_folder() / "benchmarks" / f"{data.name}-third-held-out"
    if not folder.is_dir():
        by_class: defaultdict[str, dict[bytes, Path]] = defaultdict(dict)
        for sample in read_dataset(data).samples:
            path = file_of(sample.image)
            if sample.split != "test" and path is not None:
                by_class[path.parent.name].setdefault(path.read_bytes(), path)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            made = Path(temporary) / folder.name
            for label, images in by_class.items():
                for number, path in enumerate(sorted(images.values())):
                    place = made / ("test" if number % 3 == 0 else "train") / label / path.name
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, place)
            made.rename(folder)
    return folder


def main(*, seeds: Sequence[int] = range(2)) -> None:
    """About 35 minutes a seed."""
    for name, time in TIMES.items():
        data = third_held_out(unpacked(name))
        for network in NETWORKS:
            over_seeds(f"widths-{name}-{network}", seeds, "train", data, "--model", network, "--time", time)


if __name__ == "__main__":
    main(seeds=seeds_of(__doc__, default=2))
