"""YOLO: which file describes the data, and labels that are not where they are looked for."""

import shutil
from pathlib import Path

import pytest
from tests.read.test_instances import assert_same, made

from foveal.errors import DataError
from foveal.read import READERS
from foveal.read.dataset import read_dataset


@pytest.fixture
def data(tmp_path: Path) -> Path:
    READERS["yolo"].write(made(tmp_path / "made"), tmp_path / "yolo")
    return tmp_path / "yolo"


def test_some_images_without_a_label_file_are_backgrounds(data: Path, tmp_path: Path) -> None:
    (data / "labels" / "test" / "c.txt").unlink()
    assert_same(read_dataset(data), made(tmp_path / "again"))


def test_no_label_file_at_all_is_a_fault(data: Path) -> None:
    (data / "labels").rename(data / "annotations")
    with pytest.raises(
        DataError,
        match=r"no image has a label file: expected labels/x\.txt for images/x\.jpg, or x\.txt beside it$",
    ):
        read_dataset(data)


def test_the_file_that_describes_the_data_is_one(data: Path) -> None:
    shutil.copy(data / "data.yaml", data / "old.yml")
    with pytest.raises(DataError, match=r"expected one \.yaml file with names and train, found data\.yaml, old\.yml;"):
        read_dataset(data, format="yolo")
    assert len(read_dataset(data / "old.yml").samples) == 3
    for name in ("data.yaml", "old.yml"):
        (data / name).unlink()
    with pytest.raises(DataError, match="with names and train, found none; name the file itself"):
        read_dataset(data, format="yolo")


def test_text_in_another_encoding_is_a_fault_with_its_line(data: Path) -> None:
    (data / "labels/train/a.txt").write_bytes(b"0 0.5 0.5 0.2 0.2\n\xe9\n")
    (data / "labels/train/b.txt").write_bytes(b"7 0.5 0.5 0.2 0.2\n")
    with pytest.raises(DataError) as raised:
        read_dataset(data)
    assert [line.strip() for line in str(raised.value).splitlines()[1:]] == [
        "labels/train/a.txt:2: byte 0xe9 is not UTF-8; save the file as UTF-8",
        "labels/train/b.txt:1: class 7: there are classes 0 to 1",
    ]
    (data / "data.yaml").write_text("train: train.txt\nnames: [cat, dog]", encoding="utf-8")
    (data / "train.txt").write_bytes(b"images/train/\xe9.png\n")
    with pytest.raises(DataError, match=r"train\.txt:1: byte 0xe9 is not UTF-8"):
        read_dataset(data)


def test_a_byte_order_mark_belongs_to_no_line(data: Path, tmp_path: Path) -> None:
    text = "train: train.txt\ntest: images/test\nnames: [cat, dog]"
    (data / "data.yaml").write_text(text, encoding="utf-8-sig")
    (data / "train.txt").write_text("images/train/a.png\r\nimages/train/b.png\r\n", encoding="utf-8-sig")
    labels = data / "labels" / "train" / "a.txt"
    labels.write_text(labels.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert_same(read_dataset(data), made(tmp_path / "again"))
