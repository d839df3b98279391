"""Tables: columns, delimiters, paths, and every problem with its line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from foveal.annotations import ClassLabel
from foveal.errors import DataError
from foveal.images.sources import FileImage
from foveal.read.csv_table import read_csv, recognises_csv
from foveal.read.dataset import read_dataset

Put = Callable[..., Path]


@pytest.fixture
def data(put: Put) -> Path:
    return put("images/1.png", "images/2.png", "images/sub/3.png")


def table(data: Path, text: str, *, name: str = "labels.csv", encoding: str = "utf-8") -> Path:
    (data / name).write_bytes(text.encode(encoding))
    return data / name


def test_paths_labels_splits_and_groups_in_the_tables_order(data: Path) -> None:
    file = table(
        data,
        "id,path,label,split,group\n"
        "7,images/sub/3.png,dog10,Training,p1\n\n"
        '8,images/1.png," dog9 ",TEST,p2\n'
        "9,./images/2.png,dog9,,\n",
    )
    dataset = read_csv(file)
    assert dataset.classes == ("dog9", "dog10")
    assert [(s.id, s.known(ClassLabel).index, s.split, s.group) for s in dataset.samples] == [
        ("images/sub/3.png", 1, "train", "p1"),
        ("images/1.png", 0, "test", "p2"),
        ("images/2.png", 0, None, None),
    ]
    assert dataset.samples[1].image == FileImage(data / "images/1.png")
    assert (dataset.format, dataset.root) == ("csv", data)
    assert [s.id for s in read_dataset(data).samples] == [s.id for s in dataset.samples]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_delimiters_byte_order_mark_and_line_ends(data: Path, delimiter: str, encoding: str, newline: str) -> None:
    lines = [("Filename", "Class"), ("images/1.png", "été"), ("images\\2.png", "b")]
    text = "".join(delimiter.join(cells) + newline for cells in lines)
    dataset = read_csv(table(data, text, encoding=encoding))
    assert [(s.id, dataset.classes[s.known(ClassLabel).index]) for s in dataset.samples] == [
        ("images/1.png", "été"),
        ("images/2.png", "b"),
    ]


def test_folders_named_like_splits_are_splits_where_no_column_tells_them(put: Put) -> None:
    data = put("train/1.png", "val/2.png", "Test/deep/3.png", "4.png")
    rows = "train/1.png,a,\nval/2.png,b,\n./Test/deep/3.png,b,\n"
    dataset = read_csv(table(data, f"path,label,split\n{rows}"))
    assert [sample.split for sample in dataset.samples] == [None] * 3
    dataset = read_csv(table(data, f"path,label,note\n{rows}"))
    assert [sample.split for sample in dataset.samples] == ["train", "val", "test"]
    dataset = read_csv(table(data, f"path,label,note\n{rows}4.png,a,\n"))
    assert [sample.split for sample in dataset.samples] == [None] * 4


def test_columns_of_other_names(data: Path) -> None:
    file = table(data, "where,what,path\nimages/1.png,cat,nonsense\n")
    assert not recognises_csv(file)
    dataset = read_csv(file, path_column="Where", label_column="what")
    assert (dataset.samples[0].id, dataset.classes) == ("images/1.png", ("cat",))
    with pytest.raises(DataError, match=r"labels\.csv:1: no column size; the header has where, what, path"):
        read_csv(file, path_column="where", label_column="size")


def test_an_absolute_path_may_lead_anywhere_and_a_relative_one_may_not(data: Path, put: Put) -> None:
    outside = put("9.png", root="outside") / "9.png"
    dataset = read_csv(table(data, f"path,label\n{outside},a\n"))
    assert dataset.samples[0].image == FileImage(outside)
    assert dataset.samples[0].id == outside.as_posix()
    with pytest.raises(DataError, match=r"labels\.csv:2: \.\./outside/9\.png leads out of the table's folder"):
        read_csv(table(data, "path,label\nimages/../../outside/9.png,a\n"))


def test_all_problems_at_once_with_their_lines(data: Path) -> None:
    rows = [
        "images/1.png,a,train",
        "images/9.png,a,train",
        "images/2.png,,train",
        "images/sub/3.png,a,holdout",
    ]
    rows += ["images/1.png,b,train", ",a,train", "images/1.png,a,test", "only,two"]
    with pytest.raises(DataError) as caught:
        read_csv(table(data, "path,label,split\n" + "\n".join(rows)))
    text = str(caught.value)
    assert "7 problems" in text
    for message in (
        "labels.csv:3: no file images/9.png",
        "labels.csv:4: the label is empty",
        "labels.csv:5: split 'holdout' is none of train, val, test",
        "labels.csv:6: images/1.png is 'b' here and 'a' at labels.csv:2",
        "labels.csv:7: the path is empty",
        "labels.csv:8: images/1.png has another split or group at labels.csv:2",
        "labels.csv:9: 2 cells, the header has 3",
    ):
        assert message in text


def test_twenty_problems_are_shown(data: Path) -> None:
    with pytest.raises(DataError, match=r"25 problems:(\n  labels\.csv:\d+: no file x\d+){20}\n  … and 5 more$"):
        read_csv(table(data, "path,label\n" + "".join(f"x{i},a\n" for i in range(25))))


def test_a_repeated_line_is_one_image(data: Path) -> None:
    file = table(data, "path,label\nimages/1.png,a\nimages/2.png,b\nimages/./1.png,a\n")
    assert [s.id for s in read_csv(file).samples] == ["images/1.png", "images/2.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("path,label\n", "no lines below the header"),
        ("path,size\nimages/1.png,3\n", r":1: expected a path column \(path, .*the header has path, size"),
        ('path,label\n"images/1.png,a\n', r"labels\.csv:2: .*a quote that isn't closed"),
        ("path,label\nimages/\0.png,a\n", r"labels\.csv:2: "),
    ],
)
def test_broken_tables(data: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_csv(table(data, text))


def test_other_encodings_are_named_by_line_and_byte(data: Path) -> None:
    with pytest.raises(DataError, match=r"labels\.csv:2: byte 0xe9 is not UTF-8; save the file as UTF-8"):
        read_csv(table(data, "path,label\nimages/1.png,été\n", encoding="latin-1"))


def test_which_file(data: Path) -> None:
    with pytest.raises(DataError, match=r"expected one \.csv or \.tsv file, found none"):
        read_csv(data)
    table(data, "path,label\nimages/1.png,a\n")
    table(data, "path\tlabel\nimages/1.png\ta\n", name="more.TSV")
    with pytest.raises(DataError, match=r"found labels\.csv, more\.TSV; name the file itself"):
        read_csv(data)
    assert not recognises_csv(data)
    assert recognises_csv(data / "more.TSV")
    with pytest.raises(DataError, match=r"expected a \.csv or \.tsv file"):
        read_csv(data / "images/1.png")
    with pytest.raises(DataError, match="no such file or folder"):
        read_csv(data / "missing.csv")


def test_files_without_a_suffix_can_be_written_elsewhere(put: Put, tmp_path: Path) -> None:
    from foveal.read import READERS

    data = put("raw/0001", "raw/0002")
    dataset = read_csv(table(data, "path,label\nraw/0001,a\nraw/0002,b\n"))
    READERS["class-folders"].write(dataset, tmp_path / "out")
    assert [s.id for s in read_dataset(tmp_path / "out").samples] == ["a/raw/0001.png", "b/raw/0002.png"]
