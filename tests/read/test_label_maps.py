"""Images with a class for every pixel."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import foveal
from foveal.annotations import PixelClasses
from foveal.errors import DataError, ImageError
from foveal.images.label_map import VOID, palette, read_label_map, write_label_map
from foveal.read import READERS
from foveal.read.dataset import read_dataset

LAYOUTS = {
    "beside": ("train/{}.jpg", "trainannot/{}.png"),
    "masks": ("images/train/{}.jpg", "masks/train/{}.png"),
    "voc": ("JPEGImages/{}.jpg", "SegmentationClass/{}.png"),
    "inside": ("train/images/{}.png", "train/labels/{}.png"),
}


def made(folder: Path, layout: str = "masks", *, count: int = 3) -> Path:
    for index in range(count):
        image, label_map = (folder / each.format(f"x{index}") for each in LAYOUTS[layout])
        for file in (image, label_map):
            file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 9, 3), 40 * index, np.uint8)).save(image)
        labels = np.full((6, 9), index, np.uint8)
        labels[0] = VOID
        write_label_map(labels, label_map)
    return folder


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_found(layout: str, tmp_path: Path) -> None:
    dataset = read_dataset(made(tmp_path, layout))
    assert dataset.format == "label-maps"
    assert dataset.classes == ("class 0", "class 1", "class 2")
    assert [Path(sample.id).stem for sample in dataset.samples] == ["x0", "x1", "x2"]
    assert {sample.split for sample in dataset.samples} == {None if layout == "voc" else "train"}
    assert list(dataset.counts().values()) == [{"images": 3}]
    for index, sample in enumerate(dataset.samples):
        assert sample.size_hw == (6, 9)
        assert np.unique(read_label_map(sample.known(PixelClasses).label_map)).tolist() == [index, VOID]


def test_camvid_is_read(real_data: Callable[[str], Path]) -> None:
    dataset = read_dataset(real_data("camvid"))
    assert [len(dataset.of_split(split)) for split in ("train", "val", "test")] == [367, 101, 233]
    assert len(dataset.classes) == 12


def test_written_and_read_is_the_same(tmp_path: Path) -> None:
    dataset = read_dataset(made(tmp_path / "made", "beside"))
    dataset = replace(dataset, classes=("road", "sky", "tree"))
    foveal.convert(dataset, to="label-maps", out=tmp_path / "out")
    found = read_dataset(tmp_path / "out")
    assert found.classes == ("road", "sky", "tree")
    for ours, theirs in zip(found.samples, dataset.samples, strict=True):
        assert ours.split == theirs.split
        maps = (read_label_map(each.known(PixelClasses).label_map) for each in (ours, theirs))
        assert np.array_equal(*maps)
    without = replace(dataset, samples=(replace(dataset.samples[0], annotation=None),))
    with pytest.raises(DataError, match="have no label map: train/x0"):
        READERS["label-maps"].write(without, tmp_path / "again")
    with pytest.raises(DataError, match="holds label-maps, which coco does not"):
        foveal.convert(dataset, to="coco", out=tmp_path / "again")


def test_faults_are_listed_at_once(tmp_path: Path) -> None:
    made(tmp_path, count=6)
    (tmp_path / "classes.txt").write_text("road\nsky\n", encoding="utf-8")
    write_label_map(np.zeros((9, 6), np.uint8), tmp_path / "masks/train/x1.png")
    Image.fromarray(np.zeros((6, 9, 3), np.uint8)).save(tmp_path / "masks/train/x3.png")
    (tmp_path / "masks/train/x4.png").write_bytes(b"no image")
    (tmp_path / "masks/train/x5.png").rename(tmp_path / "masks/train/y.png")
    with pytest.raises(DataError) as raised:
        read_dataset(tmp_path)
    message = str(raised.value)
    for expected in (
        "images/train/x1.jpg is labelled as 6×9 pixels and is 9×6",
        "masks/train/x2.png: holds the index 2; classes.txt names 0 to 1",
        "masks/train/x3.png: holds RGB pixels; a label map is a PNG of class indices",
        "masks/train/x4.png: is no PNG that can be read",
        "images/train/x5.jpg: has no label map",
        "masks/train/y.png: is a label map without an image",
    ):
        assert expected in message


def test_names_of_classes_are_utf8(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "classes.txt").write_bytes("straße\r\nsky\r\n\r\ntree\r\n".encode("utf-8-sig"))
    assert read_dataset(tmp_path).classes == ("straße", "sky", "tree")
    (tmp_path / "classes.txt").write_bytes("sky\nstraße\ntree\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"classes\.txt:2: byte 0xdf is not UTF-8; save the file as UTF-8"):
        read_dataset(tmp_path)


def test_label_maps_keep_their_indices_and_show_colours(tmp_path: Path) -> None:
    labels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    write_label_map(labels, tmp_path / "x.png")
    assert np.array_equal(read_label_map(tmp_path / "x.png"), labels)
    assert palette()[[0, 1, 2, 3, 15, VOID]].tolist() == [
        [0, 0, 0],
        [128, 0, 0],
        [0, 128, 0],
        [128, 128, 0],
        [192, 128, 128],
        [255, 255, 255],
    ]
    assert len({tuple(colour) for colour in palette().tolist()}) == 256
    Image.fromarray(np.eye(3) > 0).save(tmp_path / "bits.png")
    assert np.array_equal(read_label_map(tmp_path / "bits.png"), np.eye(3, dtype=np.uint8))
    Image.fromarray(np.zeros((3, 3), np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(ImageError, match="holds I;16 pixels"):
        read_label_map(tmp_path / "deep.png")
