"""What every reader's data set is checked for, by formats that know nothing of it themselves."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from foveal.annotations import ClassLabel, LabelSet, Numbers, Objects
from foveal.errors import DataError
from foveal.images.sources import FileImage
from foveal.read.arrays import from_arrays, from_samples
from foveal.read.checks import checked
from foveal.read.dataset import read_dataset
from foveal.types import Annotation, Dataset, Sample

IMAGES = np.zeros((3, 4, 5), np.uint8)


def idx(folder: Path, names: bytes) -> Path:
    for name, array in (("images-idx3", IMAGES), ("labels-idx1", np.arange(3, dtype=np.uint8))):
        header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (folder / f"train-{name}-ubyte").write_bytes(header + array.tobytes())
    (folder / "classes.txt").write_bytes(names)
    return folder


def yolo(folder: Path, names: list[str]) -> Path:
    (folder / "train" / "x.txt").write_text("0 0.5 0.5 0.5 0.5\n", encoding="utf-8")
    (folder / "data.yaml").write_text(json.dumps({"train": "train", "names": names}), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("a\nb\na\n", "a class is named twice: a$"),
        ("Cat\nb\ncat\n", "classes Cat and cat differ in letter case only; rename one$"),
        ("a\nb\nB \n", "classes 'b' and 'B ' differ in spaces around them or letter case only; rename one$"),
        ("a\nA\nB\nb\n", r"2 problems:\n  classes a and A .*\n  classes B and b "),
    ],
)
def test_names_that_are_one_to_a_reader(names: str, message: str, tmp_path: Path, put: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=message):
        read_dataset(idx(tmp_path, names.encode()))
    with pytest.raises(DataError, match=message):
        read_dataset(yolo(put("train/x.png"), names.splitlines()))


def test_classes_of_folders_differ_in_more_than_letter_case(put: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"x: classes .* differ in letter case only; rename one"):
        read_dataset(put("x/train/cat/1.png", "x/test/Cat/1.png") / "x")


def test_numbers_may_be_called_x_and_X() -> None:
    assert from_arrays(IMAGES, np.ones((3, 2)), classes=["x", "X"]).classes == ("x", "X")


def test_an_empty_name(put: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="the name of a class is empty"):
        read_dataset(yolo(put("train/x.png"), ["a", " "]))


def dataset(*known: Annotation | None, ids: str = "abc") -> Dataset:
    samples = [
        Sample(id=name, image=FileImage(Path(name)), annotation=each) for name, each in zip(ids, known, strict=False)
    ]
    return Dataset(name="made", format="csv", root=None, classes=("x", "y"), samples=tuple(samples))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (dataset(), "made: there are no images"),
        (dataset(None, None), "made: nothing is known of any image: there is nothing to learn"),
        (dataset(ClassLabel(0), ClassLabel(1), ids="aa"), "made: two samples have the id 'a'"),
        (
            dataset(ClassLabel(0), Objects(())),
            "made: its images are annotated in several ways, ClassLabel and Objects; expected one",
        ),
        (dataset(ClassLabel(0), ClassLabel(2)), "made: b has the label 2 of 2 classes"),
        (dataset(LabelSet((0, 1)), LabelSet((-1,))), "made: b has the label -1 of 2 classes"),
        (dataset(Numbers((1.0,))), "made: a has 1 targets, but there are 2 names"),
        (dataset(Numbers((1.0, float("inf")))), "made: a: y is inf, expected a finite number"),
    ],
)
def test_samples_that_do_not_fit(found: Dataset, message: str) -> None:
    with pytest.raises(DataError) as caught:
        checked(found, "made")
    assert str(caught.value) == message


def test_all_faults_are_listed_and_the_first_image_of_each_is_named() -> None:
    wrong = ClassLabel(5)
    with pytest.raises(DataError) as caught:
        checked(dataset(wrong, wrong, Numbers((1.0,))), "made")
    assert str(caught.value).splitlines() == [
        "made: 3 problems:",
        "  its images are annotated in several ways, ClassLabel and Numbers; expected one",
        "  a has the label 5 of 2 classes",
        "  c has 1 targets, but there are 2 names",
    ]


def test_what_fits_comes_back_as_it_is() -> None:
    found = dataset(ClassLabel(0), None, ClassLabel(1))
    assert checked(found, "made") is found
    assert from_samples(found.samples, ("x", "y")).samples == found.samples
