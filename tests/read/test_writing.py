"""Names in a new folder: each image's own, also where something of the same stem lies beside or in place of it."""

import time
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from foveal.annotations import Instance, Objects, PixelClasses
from foveal.images.label_map import read_label_map, write_label_map
from foveal.images.sources import FileImage
from foveal.read import READERS
from foveal.read.dataset import read_dataset
from foveal.read.writing import free_name, relative_name
from foveal.types import Dataset, Sample


def test_a_taken_name_is_numbered_in_any_letter_case() -> None:
    taken: dict[str, int] = {}
    wanted = ["a/1.jpg", "A/1.JPG", "a/1.png", "a/1-2.jpg", "a/1.jpg", "a/1-2.jpg"]
    found = [str(free_name(PurePosixPath(name), taken, by_stem=False)) for name in wanted]
    assert found == ["a/1.jpg", "A/1-2.JPG", "a/1.png", "a/1-2-2.jpg", "a/1-3.jpg", "a/1-2-3.jpg"]


def test_by_their_stems_two_suffixes_are_one_name() -> None:
    taken: dict[str, int] = {}
    wanted = ["a/1.jpg", "a/1.png", "b/1.png", "a/1.x.png", "A/1.JPG"]
    found = [str(free_name(PurePosixPath(name), taken, by_stem=True)) for name in wanted]
    assert found == ["a/1.jpg", "a/1-2.png", "b/1.png", "a/1.x.png", "A/1-3.JPG"]


def test_many_of_one_name_take_seconds() -> None:
    taken: dict[str, int] = {}
    start = time.process_time()
    for index in range(20_000):
        name = f"/{index}/frame.png"
        found = relative_name(Sample(id=name, image=FileImage(Path(name))), taken, below=["images"])
    assert str(found) == "images/frame-20000.png"
    assert time.process_time() - start < 10


@pytest.mark.parametrize("format", ["yolo", "voc", "label-maps"])
@pytest.mark.parametrize("names", [("a/1.jpg", "a/1.png", "b/1.png"), ("train/images/1.png", "train/2.png", "2.jpg")])
def test_images_of_one_stem_keep_what_is_known_of_each(format: str, names: tuple[str, ...], tmp_path: Path) -> None:
    samples = []
    for label, name in enumerate(names):
        file, label_map = tmp_path / "made" / name, tmp_path / f"{label}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 9, 3), 100 * label, np.uint8)).save(file)
        write_label_map(np.full((6, 9), label, np.uint8), label_map)
        known = PixelClasses(label_map) if format == "label-maps" else Objects((box(label),))
        samples.append(Sample(id=name, image=FileImage(file), split="train", annotation=known))
    classes = ("x", "y", "z")
    READERS[format].write(
        Dataset(name="made", format=format, root=tmp_path, classes=classes, samples=tuple(samples)), tmp_path / "out"
    )
    found = read_dataset(tmp_path / "out", format=format).samples
    assert len(found) == 3
    for sample in found:
        label = round(int(np.asarray(Image.open(sample.image.name)).mean()) / 100)
        if format == "label-maps":
            assert np.unique(read_label_map(sample.known(PixelClasses).label_map)).tolist() == [label]
        else:
            assert [each.label for each in sample.known(Objects).instances] == [label]


def box(label: int) -> Instance:
    return Instance(label=label, box_xyxy=(1.0, 2.0, 4.0, 5.0))
