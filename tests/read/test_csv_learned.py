"""What a table's columns are taken for: classes, numbers, several labels; and what is wrong in them."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest

from foveal.annotations import Annotation, Numbers
from foveal.errors import DataError
from foveal.read import READERS
from foveal.read.csv_table import read_csv, recognises_csv
from foveal.read.dataset import read_dataset
from foveal.types import TaskName

Put = Callable[..., Path]
NAMES = ("1.png", "2.png", "3.png")


@pytest.fixture
def data(put: Put) -> Path:
    return put(*NAMES)


def table(data: Path, header: str, *rows: str, delimiter: str = ",") -> Path:
    lines = [f"path{delimiter}{header}", *(f"{name}{delimiter}{row}" for name, row in zip(NAMES, rows, strict=False))]
    (data / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return data / "labels.csv"


TOLD: list[tuple[str, tuple[str, ...], TaskName | None, tuple[str, ...] | None, tuple[str, ...], list[Any]]] = [
    # header, rows, task, names -> the data's classes, and each image's label, targets or set
    ("label", ("3", "1", "10"), None, None, ("1", "3", "10"), [1, 0, 2]),
    ("label", ("3", "1", "10"), "regress", None, ("label",), [(3.0,), (1.0,), (10.0,)]),
    ("label", ("3.5", "1", "10"), None, None, ("label",), [(3.5,), (1.0,), (10.0,)]),
    ("label", ("3.5", "1", "10"), "classify", None, ("1", "3.5", "10"), [1, 0, 2]),
    ("label", ("3.0", "1", "10"), None, None, ("1", "3.0", "10"), [1, 0, 2]),
    ("label", ("3.5", "1", "old"), None, None, ("1", "3.5", "old"), [1, 0, 2]),
    ("Age,Sex", ("3,0", "1e1,1", "-10,0"), None, ("age",), ("age",), [(3.0,), (10.0,), (-10.0,)]),
    ("Age,Sex", ("3,0", "4,1", "5,0"), "regress", ("Sex", "Age"), ("Sex", "Age"), [(0.0, 3.0), (1.0, 4.0), (0.0, 5.0)]),
    ("label,target:age,target: b c", ("x,3,4", "y,5,6", "z,7,8"), None, None, ("age", "b c"), [(3, 4), (5, 6), (7, 8)]),
    ("target:age,id", ("3,x", "5,y", "7,z"), None, ("age",), ("age",), [(3.0,), (5.0,), (7.0,)]),
    ("labels", ("b|a", "", "b"), None, None, ("a", "b"), [(0, 1), (), (1,)]),
    ("Tags", ('"b, a|c"', "c", "b, a".join('""')), None, None, ("b, a", "c"), [(0, 1), (1,), (0,)]),
    ("tags", ("b; a", "a;;a", ""), None, None, ("a", "b"), [(0, 1), (0,), ()]),
    ("tags", ('"b,a"', "a", ""), None, None, ("a", "b"), [(0, 1), (0,), ()]),
    ("label", ("b|a", "", "b"), "multilabel", None, ("a", "b"), [(0, 1), (), (1,)]),
    ("label", ("b|a", "c", "b"), "multilabel", ("c", "b"), ("c", "b", "a"), [(1, 2), (0,), (1,)]),
    ("cat,dog", ("0,1", "0,0", "1,1"), None, None, ("cat", "dog"), [(1,), (), (0, 1)]),
    ("cat,dog", ("0,1", "0,0", "1,1"), "multilabel", ("dog",), ("dog",), [(0,), (), (0,)]),
    ("cat,id,dog", ("0,7,1", "0,8,0", "1,9,1"), "multilabel", ("dog", "cat"), ("dog", "cat"), [(0,), (), (0, 1)]),
]


@pytest.mark.parametrize(("header", "rows", "task", "names", "classes", "values"), TOLD)
def test_what_a_table_is_taken_for(
    data: Path,
    header: str,
    rows: tuple[str, ...],
    task: TaskName | None,
    names: tuple[str, ...] | None,
    classes: tuple[str, ...],
    values: list[Any],
) -> None:
    file = table(data, header, *rows)
    dataset = read_dataset(file, task=task, names=names)
    assert dataset.classes == classes
    values_read = [astuple(sample.known(Annotation))[0] for sample in dataset.samples]  # type: ignore[call-overload]
    assert values_read == values
    assert [sample.id for sample in dataset.samples] == list(NAMES)
    folder = read_dataset(data, task=task, names=names)
    assert folder.samples == dataset.samples
    assert recognises_csv(file) or task or names


@pytest.mark.parametrize(
    ("header", "rows", "task", "names", "message"),
    [
        ("age,id", ("1,2",), None, None, r"csv:1: expected a path column .* the header has path, age, id .*--target"),
        ("cat,dog", ("0,1", "0,2"), None, None, "the header has path, cat, dog .*--task multilabel"),
        ("cat,dog", ("0,1", "0,2"), "multilabel", None, r"labels\.csv:3: dog is '2', expected 0 or 1"),
        ("cat,dog", ("0,1",), "multilabel", ("owl",), r"labels\.csv:1: no column owl; the header has path, cat, dog"),
        ("age", ("1",), "regress", None, "expected a path column"),
        ("age", ("1",), None, ("weight", "age"), r"labels\.csv:1: no column weight; the header has path, age"),
        ("age,age", ("1,2",), None, ("age", "age"), "each column needs a name of its own; age"),
        ("age", ("1", "x"), None, ("age",), r"labels\.csv:3: age is 'x', expected a finite number such as 3\.5"),
        ("age", ("1", "nan"), None, ("age",), r"labels\.csv:3: age is 'nan', expected a finite number"),
        ("age", ("inf", "1"), None, ("age",), r"labels\.csv:2: age is 'inf', expected a finite number"),
        ("age", ("1_0", "1"), None, ("age",), r"labels\.csv:2: age is '1_0', expected a finite number"),
        ("age,sex", (",1", "1,1"), None, ("age", "sex"), r"labels\.csv:2: age is '', expected a finite number"),
        ("labels", ("", "", ""), None, None, "no image has a label"),
    ],
)
def test_what_is_wrong_is_one_line(
    data: Path, header: str, rows: tuple[str, ...], task: TaskName | None, names: Any, message: str
) -> None:
    file = table(data, header, *rows)
    with pytest.raises(DataError, match=message) as caught:
        read_dataset(file, task=task, names=names)
    assert "\n" not in str(caught.value)


def test_decimal_commas_are_said(data: Path) -> None:
    file = table(data, "age", "3,5", "4", delimiter=";")
    with pytest.raises(DataError, match=r"labels\.csv:2: age is '3,5', expected a finite number such as 3\.5"):
        read_csv(file, names=["age"])


def test_one_image_with_two_numbers(data: Path) -> None:
    (data / "labels.csv").write_text("path,age\n1.png,3\n./1.png,3.0\n2.png,1\n1.png,4\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"labels\.csv:5: 1\.png is '4' here and '3' at labels\.csv:2"):
        read_csv(data / "labels.csv", names=["age"])


def test_a_folder_of_classes_beside_a_table_stays_one(put: Put) -> None:
    data = put("cat/1.png", "dog/2.png")
    (data / "about.csv").write_text("file,width\ncat/1.png,8\ndog/2.png,8\n", encoding="utf-8")
    assert read_dataset(data).format == "class-folders"
    by_table = read_dataset(data, format="csv", names=["width"])
    assert [sample.known(Numbers).values for sample in by_table.samples] == [(8.0,), (8.0,)]


def test_labels_with_the_separator_in_their_name_are_not_written(data: Path, tmp_path: Path) -> None:
    dataset = read_csv(table(data, "a|b,c", "1,0", "1,1", "0,1"))
    with pytest.raises(DataError, match=r"labels are written with \| between them, and can't have it: a\|b"):
        READERS["csv"].write(dataset, tmp_path / "out")
    unused = read_csv(table(data, "a,c", "1,0", "1,0", "0,0"))
    with pytest.raises(DataError, match="labels that no image has can't be written: c"):
        READERS["csv"].write(unused, tmp_path / "out")


def test_twenty_thousand_files_take_seconds(data: Path) -> None:
    (data / "many").mkdir()
    for index in range(20_000):
        os.close(os.open(f"{data}/many/{index}.png", os.O_CREAT))
    rows = [f"many/{index}.png;{index / 7};{index / 3}" for index in range(20_000)]
    (data / "labels.csv").write_text("\n".join(["path;a;b", *rows]) + "\n", encoding="utf-8")
    start = time.process_time()
    dataset = read_csv(data / "labels.csv", names=["a", "b"])
    assert len(dataset.samples) == 20_000
    assert time.process_time() - start < 10
    shutil.rmtree(data / "many")  # pytest keeps the folders of its last runs


def test_a_hundred_thousand_faulty_rows_are_one_short_error(data: Path) -> None:
    rows = [f"{index}.png;{index};x" if index % 2 else f"gone/{index}.png;{index};1" for index in range(100_000)]
    (data / "labels.csv").write_text("\n".join(["path;a;b", *rows]) + "\n", encoding="utf-8")
    start = time.process_time()
    with pytest.raises(DataError) as caught:
        read_csv(data / "labels.csv", names=["a", "b"])
    assert time.process_time() - start < 20
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("labels.csv: 100000 problems:")
    assert lines[1] == "  labels.csv:3: b is 'x', expected a finite number such as 3.5"
    assert lines[21:] == ["  … and 99980 more"]
