"""Pascal VOC: the folders that its own sets have, and lists as people write them."""

import shutil
from pathlib import Path

import pytest
from tests.read.test_instances import assert_same, made

from foveal.errors import DataError
from foveal.read import READERS
from foveal.read.dataset import read_dataset


@pytest.fixture
def data(tmp_path: Path) -> Path:
    READERS["voc"].write(made(tmp_path / "made"), tmp_path / "voc")
    return tmp_path / "voc"


def test_masks_in_folders_of_their_own_are_left_alone(data: Path) -> None:
    for folder in ("SegmentationClass", "SegmentationObject"):
        (data / folder).mkdir()
        shutil.copy(data / "JPEGImages" / "a.png", data / folder / "a.png")
    (data / "notes.txt").touch()
    dataset = read_dataset(data, format="voc")
    assert [sample.id for sample in dataset.samples] == [f"JPEGImages/{name}.png" for name in "abc"]
    assert dataset.ignored == ("SegmentationClass/a.png", "SegmentationObject/a.png", "notes.txt")


def test_two_annotations_of_one_image_are_a_fault(data: Path) -> None:
    (data / "Annotations_old").mkdir()
    for name in ("a", "c"):
        shutil.copy(data / "Annotations" / f"{name}.xml", data / "Annotations_old")
    with pytest.raises(DataError) as raised:
        read_dataset(data)
    assert [line.strip() for line in str(raised.value).splitlines()[1:]] == [
        f"Annotations_old/{name}.xml: JPEGImages/{name}.png is annotated in Annotations/{name}.xml too; leave one"
        for name in "ac"
    ]


def test_lists_hold_names_with_spaces_marks_and_a_byte_order_mark(data: Path, tmp_path: Path) -> None:
    renamed = {"a": "IMG (1)", "b": "b 1", "c": "c"}
    for old, new in renamed.items():
        (data / "JPEGImages" / f"{old}.png").rename(data / "JPEGImages" / f"{new}.png")
        (data / "Annotations" / f"{old}.xml").rename(data / "Annotations" / f"{new}.xml")
    lists = data / "ImageSets" / "Main"
    (lists / "train.txt").write_bytes("IMG (1)\r\nb 1\r\n\r\n".encode("utf-8-sig"))
    splits = {sample.id: sample.split for sample in read_dataset(data).samples}
    assert splits == {"JPEGImages/IMG (1).png": "train", "JPEGImages/b 1.png": "train", "JPEGImages/c.png": "test"}
    (lists / "train.txt").write_text("IMG (1)  1\nb 1 -1\n", encoding="utf-8")
    assert {sample.id: sample.split for sample in read_dataset(data).samples} == splits
    (lists / "test.txt").write_bytes(b"c\n\xe9t\xe9\n")
    with pytest.raises(DataError, match=r"ImageSets/Main/test\.txt:2: byte 0xe9 is not UTF-8"):
        read_dataset(data)


def test_lists_of_one_class_keep_working(data: Path, tmp_path: Path) -> None:
    lists = data / "ImageSets" / "Main"
    (lists / "train.txt").write_text("a -1\nb  1\n", encoding="utf-8")
    (lists / "test.txt").write_text("c  0\n", encoding="utf-8")
    assert_same(read_dataset(data), made(tmp_path / "again"))
