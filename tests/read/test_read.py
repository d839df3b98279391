"""`read`: what it takes, and what it says where it can't."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from foveal.annotations import ClassLabel
from foveal.errors import DataError, UsageError
from foveal.images.sources import FileImage
from foveal.read.dataset import read_dataset
from foveal.types import Sample


def test_a_dataset_comes_back_as_it_is(put: Callable[..., Path]) -> None:
    dataset = read_dataset(str(put("cat/1.png", "dog/1.png")))
    assert read_dataset(dataset) is dataset


def test_arrays_and_samples(put: Callable[..., Path]) -> None:
    assert read_dataset((np.zeros((2, 4, 5), np.uint8), ["b", "a"])).classes == ("a", "b")
    assert read_dataset((np.zeros((2, 4, 5), np.uint8), [1, 0]), classes=["x", "y"]).classes == ("x", "y")
    samples = [Sample(id="1", image=FileImage(put("1.png") / "1.png"), annotation=ClassLabel(1))]
    assert read_dataset(samples, classes=["a", "b"]).samples == tuple(samples)
    assert (
        read_dataset((samples[0], Sample(id="2", image=FileImage(Path("2.png")))), classes=["a", "b"])
        .samples[1]
        .annotation
        is None
    )


def test_nothing_recognised_says_what_is_there_and_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only an empty folder"):
        read_dataset(tmp_path)
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    (tmp_path / "more").mkdir()
    with pytest.raises(DataError, match=r"only 1 folder \(more\) and 1 file \(notes\.txt\)") as caught:
        read_dataset(tmp_path)
    for name in ("class-folders: DATA/CLASS", "csv: a .csv", "idx: a folder", "arrays: a .npz"):
        assert name in str(caught.value)
    with pytest.raises(DataError, match=r"only a file named notes\.txt"):
        read_dataset(tmp_path / "notes.txt")
    with pytest.raises(DataError, match="no such file or folder"):
        read_dataset(tmp_path / "missing")


def test_two_formats_are_never_guessed_between(put: Callable[..., Path]) -> None:
    data = put("cat/1.png", "dog/1.png")
    (data / "labels.csv").write_text("path,label\ncat/1.png,tiger\n", encoding="utf-8")
    with pytest.raises(DataError, match="read as class-folders and csv; say which, such as --format class-folders"):
        read_dataset(data)
    assert read_dataset(data, format="csv").classes == ("tiger",)
    assert read_dataset(data, format="class-folders").ignored == ("labels.csv",)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (3, {}, "expected a path, a Dataset, a pair .* got int"),
        ([], {}, "got list of 0"),
        (".", {"task": "clasify"}, "unknown task 'clasify'; did you mean classify"),
        (".", {"format": "jpegs"}, "unknown format 'jpegs'; there are class-folders, csv, idx, arrays"),
        (".", {"classes": ["a"]}, "classes goes with arrays and samples"),
        (([], []), {"format": "csv"}, "format 'csv' goes with a path, not with tuple"),
        ([Sample(id="1", image=FileImage(Path("1.png")))], {}, "a list of samples needs classes"),
    ],
)
def test_misuse(data: object, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_dataset(data, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "format", "classes", "counts"),
    [
        ("mnist", "idx", 10, {"train": 60_000, "test": 10_000}),
        ("caltech22", "class-folders", 22, {"train": 1315, "test": 594}),
        ("brain-mri", "class-folders", 4, {"train": 2870, "test": 394}),
        ("orl-faces", "class-folders", 40, {"all": 400}),
    ],
)
def test_real_data(
    name: str, format: str, classes: int, counts: dict[str, int], real_data: Callable[[str], Path]
) -> None:
    dataset = read_dataset(real_data(name))
    assert (dataset.format, len(dataset.classes)) == (format, classes)
    assert {split: sum(by_class.values()) for split, by_class in dataset.counts().items()} == counts
