"""Class folders: layouts, names, what is left alone, and what is wrong with them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from foveal.annotations import ClassLabel
from foveal.errors import DataError
from foveal.images.sources import FileImage
from foveal.read import READERS
from foveal.read.arrays import from_arrays
from foveal.read.class_folders import read_class_folders, recognises_class_folders, write_class_folders

Put = Callable[..., Path]


def link(source: Path, target: Path) -> None:
    try:
        source.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:
        pytest.skip("this system or user can't make links")


def test_plain_folders_in_natural_order(put: Put) -> None:
    data = put("class10/a.png", "class9/img10.png", "class9/img2.PNG", "class9/deep/er/x.JpEg")
    dataset = read_class_folders(data)
    assert dataset.classes == ("class9", "class10")
    assert [s.id for s in dataset.samples] == [
        "class9/deep/er/x.JpEg",
        "class9/img2.PNG",
        "class9/img10.png",
        "class10/a.png",
    ]
    assert [s.known(ClassLabel).index for s in dataset.samples] == [0, 0, 0, 1]
    assert {s.split for s in dataset.samples} == {None}
    assert dataset.samples[1].image == FileImage(data / "class9" / "img2.PNG")
    assert (dataset.name, dataset.root) == ("data", data)


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training", "valid", "Testing"), ("TRAIN", "Validation", "Test")]
)
def test_split_folders_by_every_name(names: tuple[str, str, str], put: Put) -> None:
    train, val, test = names
    dataset = read_class_folders(put(f"{train}/cat/1.png", f"{val}/dog/1.png", f"{test}/cat/2.png"))
    assert dataset.classes == ("cat", "dog")
    assert {s.id: (s.split, s.known(ClassLabel).index) for s in dataset.samples} == {
        f"{train}/cat/1.png": ("train", 0),
        f"{val}/dog/1.png": ("val", 1),
        f"{test}/cat/2.png": ("test", 0),
    }


def test_a_class_may_be_called_train(put: Put) -> None:
    dataset = read_class_folders(put("bus/1.png", "car/1.png", "train/1.png"))
    assert dataset.classes == ("bus", "car", "train")
    assert {s.split for s in dataset.samples} == {None}


def test_other_files_are_named_and_junk_is_skipped(put: Put) -> None:
    data = put("cat/1.png", "dog/1.png", "cat/.hidden.png", ".git/x.png", "__MACOSX/cat/1.png")
    for name in ("Thumbs.db", ".DS_Store", "notes.txt", "cat/boxes.xml", "cat/phone.heic"):
        (data / name).write_bytes(b"")
    dataset = read_class_folders(data)
    assert [s.id for s in dataset.samples] == ["cat/1.png", "dog/1.png"]
    assert dataset.ignored == ("cat/boxes.xml", "cat/phone.heic", "notes.txt")


def test_a_folder_named_like_an_image_is_a_folder(put: Put) -> None:
    dataset = read_class_folders(put("cat/x.png/1.png", "dog/1.png"))
    assert [s.id for s in dataset.samples] == ["cat/x.png/1.png", "dog/1.png"]


def test_links_inside_are_followed_and_others_named(put: Put) -> None:
    data, outside = put("cat/1.png", "dog/1.png"), put("9.png", root="outside")
    link(data / "dog" / "inside.png", data / "cat" / "1.png")
    link(data / "dog" / "outside.png", outside / "9.png")
    link(data / "dog" / "more", outside)
    link(data / "dog" / "loop", data / "dog")
    link(data / "cat" / "all", data)
    link(data / "cat" / "nowhere.png", data / "missing.png")
    dataset = read_class_folders(data)
    assert [s.id for s in dataset.samples] == ["cat/1.png", "dog/1.png", "dog/inside.png"]
    assert dataset.ignored == ("cat/all", "cat/nowhere.png", "dog/loop", "dog/more", "dog/outside.png")


def test_folders_that_link_to_each_other_end(put: Put) -> None:
    data = put("cat/1.png", "dog/1.png")
    link(data / "cat" / "dogs", data / "dog")
    link(data / "dog" / "cats", data / "cat")
    ids = [s.id for s in read_class_folders(data).samples]
    assert ids == ["cat/1.png", "cat/dogs/1.png", "dog/1.png", "dog/cats/1.png"]


def test_the_data_folder_itself_may_be_a_link(put: Put, tmp_path: Path) -> None:
    link(tmp_path / "here", put("cat/1.png", "dog/1.png"))
    assert len(read_class_folders(tmp_path / "here").samples) == 2


def test_decomposed_names_are_one_class(put: Put) -> None:
    dataset = read_class_folders(put("train/caf\u00e9/1.png", "test/cafe\u0301/2.png", "train/tea/1.png"))
    assert dataset.classes == ("caf\u00e9", "tea")


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["cat/1.png", "dog/1.png", "x.png"], r"images outside any class folder: x\.png; move"),
        (["train/cat/1.png", "dog/1.png"], "the split folders train and the folders dog stand side by side"),
        (
            ["train/1.png", "test/1.png"],
            "images lie in test, train directly; they have to lie in class folders",
        ),
        (["train/a/1.png", "Training/a/1.png"], "both mean the train split; leave one"),
    ],
)
def test_problems(paths: list[str], message: str, put: Put) -> None:
    with pytest.raises(DataError, match=message):
        read_class_folders(put(*paths))


def test_empty_class_folders_are_listed_at_once(put: Put) -> None:
    data = put("cat/1.png", "dog/1.png")
    (data / "bird").mkdir()
    (data / "fish").mkdir()
    with pytest.raises(DataError, match=r"2 problems:\n  class folder bird holds no images; fill it or rem.*\n.*fish"):
        read_class_folders(data)


def test_a_class_may_be_empty_in_one_split(put: Put) -> None:
    data = put("train/cat/1.png", "train/dog/1.png", "test/cat/2.png")
    (data / "test" / "dog").mkdir()
    assert read_class_folders(data).classes == ("cat", "dog")


def test_no_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no images in class folders: it holds no files"):
        read_class_folders(tmp_path)
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.txt").write_bytes(b"")
    with pytest.raises(DataError, match=r"among its 1 files \(cat/a\.txt\)"):
        read_class_folders(tmp_path)


def test_recognition(put: Put) -> None:
    assert recognises_class_folders(put("cat/1.png", root="one"))
    assert recognises_class_folders(put("train/cat/1.png", root="split"))
    assert not recognises_class_folders(put("train/1.png", "test/1.png", root="flat"))
    table = put("images/1.png", root="table")
    (table / "labels.csv").write_text("path,label\nimages/1.png,a\n", encoding="utf-8")
    assert not recognises_class_folders(table)


@pytest.mark.parametrize("name", ["N/A", "a:b", ".hidden", "CON", "lpt1.x", "end.", "Thumbs.db", "tab\t"])
def test_class_names_that_are_no_folders(name: str, tmp_path: Path) -> None:
    dataset = from_arrays(np.zeros((2, 4, 5), np.uint8), [name, "fine"])
    with pytest.raises(DataError, match="can't be a folder's name"):
        write_class_folders(dataset, tmp_path / "out")


def test_half_a_split_is_refused(tmp_path: Path) -> None:
    dataset = from_arrays(np.zeros((2, 4, 5), np.uint8), [0, 1], splits=["train", None])
    with pytest.raises(DataError, match="some samples have a split and some have none"):
        write_class_folders(dataset, tmp_path / "out")


def test_files_are_copied_as_they_are(put: Put, tmp_path: Path) -> None:
    data = put("Training/cat/deep/1.JPG", "Testing/dog/1.png")
    READERS["class-folders"].write(read_class_folders(data), tmp_path / "out")
    assert (tmp_path / "out/train/cat/deep/1.JPG").read_bytes() == (data / "Training/cat/deep/1.JPG").read_bytes()


def test_files_of_one_name_both_stay(put: Put, tmp_path: Path) -> None:
    dataset = read_class_folders(put("cat/1.png", "dog/1.png"))
    absolute = [replace(s, id=f"/{i}/1.png", annotation=ClassLabel(0)) for i, s in enumerate(dataset.samples)]
    write_class_folders(replace(dataset, classes=("cat",), samples=tuple(absolute)), tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out" / "cat").iterdir()) == ["1-2.png", "1.png"]


def test_arrays_of_odd_channels_are_no_image_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"images\[0\]: has 5 channels; an image file holds 1 or 3"):
        write_class_folders(from_arrays(np.zeros((1, 4, 6, 5), np.uint8), ["a"]), tmp_path / "out")
