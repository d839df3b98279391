"""Hugging Face's image folder with metadata."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from foveal.annotations import ClassLabel
from foveal.errors import DataError
from foveal.images.sources import FileImage
from foveal.read.dataset import read_dataset
from foveal.read.imagefolder import read_imagefolder, write_imagefolder


@pytest.fixture
def data(put: Callable[..., Path]) -> Path:
    folder = put("train/1.png", "train/deep/2.png", "train/3.png", "validation/1.png", "test/1.png")
    table = "file_name,label,text\n3.png,rose,a rose\n1.png,tulip,\ndeep/2.png,rose,\n"
    (folder / "train" / "metadata.csv").write_text(table, encoding="utf-8")
    (folder / "validation" / "metadata.csv").write_text("label,file_name\ntulip,1.png\n", encoding="utf-8")
    lines = '{"file_name": "1.png", "label": "daisy", "width": 8}\n\n'
    (folder / "test" / "metadata.jsonl").write_text(lines, encoding="utf-8")
    return folder


def test_tables_and_lines(data: Path) -> None:
    (data / "train" / "notes.txt").write_text("hello", encoding="utf-8")
    dataset = read_dataset(data)
    assert dataset.format == "imagefolder"
    assert dataset.classes == ("daisy", "rose", "tulip")
    assert [(sample.id, sample.known(ClassLabel).index, sample.split) for sample in dataset.samples] == [
        ("train/3.png", 1, "train"),
        ("train/1.png", 2, "train"),
        ("train/deep/2.png", 1, "train"),
        ("validation/1.png", 2, "val"),
        ("test/1.png", 0, "test"),
    ]
    assert dataset.samples[2].image == FileImage(data / "train" / "deep" / "2.png")
    assert dataset.ignored == ("train/notes.txt",)


def test_numbers_are_labels_too(data: Path) -> None:
    (data / "test" / "metadata.jsonl").write_text('{"file_name": "1.png", "label": 7}', encoding="utf-8")
    assert read_imagefolder(data).classes == ("7", "rose", "tulip")


def test_folders_below_the_splits_are_no_classes(put: Callable[..., Path]) -> None:
    folder = put("train/images/1.png", "test/images/2.png")
    for name, line in (("train", "images/1.png,cat"), ("test", "images/2.png,dog")):
        (folder / name / "metadata.csv").write_text(f"file_name,label\n{line}\n", encoding="utf-8")
    dataset = read_dataset(folder)
    assert (dataset.format, dataset.classes) == ("imagefolder", ("cat", "dog"))


@pytest.mark.parametrize(("format", "name"), [("csv", "metadata.csv"), ("imagefolder", "metadata.jsonl")])
@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("train", "test"), ("train", "test")),
        (("Training", "validation"), ("train", "val")),
        (("train", "trees"), (None, None)),  # who mixes them with others means something else by them
    ],
)
def test_metadata_above_the_splits_folders_keeps_them(
    format: str, name: str, folders: tuple[str, ...], splits: tuple[str | None, ...], put: Callable[..., Path]
) -> None:
    paths = [f"{folder}/{number}.png" for folder in folders for number in (1, 2)]
    data = put(*paths)
    rows = list(zip(paths, ("cat", "dog") * 2, strict=True))
    text = {
        "csv": "file_name,label\n" + "".join(f"{path},{label}\n" for path, label in rows),
        "imagefolder": "".join(json.dumps({"file_name": path, "label": label}) + "\n" for path, label in rows),
    }[format]
    (data / name).write_text(text, encoding="utf-8")
    dataset = read_dataset(data, format=None if all(splits) else format)
    assert dataset.format == format
    assert [(sample.id, dataset.classes[sample.known(ClassLabel).index]) for sample in dataset.samples] == rows
    assert [sample.split for sample in dataset.samples] == [split for split in splits for _ in range(2)]


def test_metadata_above_one_folder_names_no_split(put: Callable[..., Path]) -> None:
    folder = put("train/1.png", "train/2.png", "train/3.png")
    lines = [json.dumps({"file_name": f"train/{number}.png", "label": "ab"[number % 2]}) for number in (1, 2)]
    (folder / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match=r"train/3\.png: has no line in metadata\.jsonl"):
        read_dataset(folder)
    (folder / "train" / "3.png").rename(folder / "train" / "3.txt")
    dataset = read_dataset(folder)
    assert ({sample.split for sample in dataset.samples}, dataset.ignored) == ({None}, ("train/3.txt",))


def test_class_folders_with_splits_stay_class_folders(put: Callable[..., Path]) -> None:
    folder = put("train/cat/1.png", "train/dog/1.png", "test/cat/1.png")
    (folder / "train" / "metadata.csv").write_text("file_name,caption\n1.png,a cat\n", encoding="utf-8")
    assert read_dataset(folder).format == "class-folders"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "test/metadata.jsonl",
            '{"file_name": "9.png", "label": "a"}',
            r"metadata\.jsonl:1: no file 9\.png",
        ),
        ("test/metadata.jsonl", '{"file_name": "1.png", "label": "a"}\n{', r"metadata\.jsonl:2: Expecting"),
        (
            "test/metadata.jsonl",
            '{"file_name": "1.png", "label": "a"}\n["file_name", "label"]',
            r"metadata\.jsonl:2: expected an object with file_name, a text, and label, a text or a whole number",
        ),
        ("test/metadata.jsonl", '{"file_name": "1.png", "label": null}', "expected an object with file_name"),
        ("test/metadata.jsonl", '{"file_name": "1.png", "label": true}', "expected an object with file_name"),
        (
            "test/metadata.jsonl",
            '{"file_name": "../test/1.png", "label": "a"}',
            r"\.\./test/1\.png leads out of the table's folder",
        ),
        (
            "test/metadata.jsonl",
            '{"file_name": "1.png", "label": "a"}\n{"file_name": "./1.png", "label": "b"}',
            r"1\.png is 'b' here and 'a' at metadata\.jsonl:1",
        ),
        ("validation/metadata.csv", "file_name,label\n", "no lines below the header"),
        (
            "train/metadata.csv",
            "file_name,label\n1.png,a\n3.png,b\n",
            r"train/deep/2\.png: has no line in metadata\.csv; add one, or move it away",
        ),
        (
            "test/metadata.csv",
            "file_name,label\n1.png,a\n",
            r"test/metadata\.csv and test/metadata\.jsonl both tell of the test split; leave one",
        ),
    ],
)
def test_what_does_not_fit(data: Path, file: str, content: str, message: str) -> None:
    (data / file).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_imagefolder(data)


def test_absolute_paths_are_refused(data: Path) -> None:
    elsewhere = (data / "train" / "1.png").as_posix()
    (data / "validation" / "metadata.csv").write_text(f"file_name,label\n{elsewhere},a\n", encoding="utf-8")
    (data / "validation" / "1.png").unlink()
    with pytest.raises(DataError, match=r"validation/metadata\.csv: .* has to start at the folder validation"):
        read_imagefolder(data)


def test_not_utf8_and_nothing_at_all(data: Path, tmp_path: Path) -> None:
    (data / "test" / "metadata.jsonl").write_bytes(b'{"file_name": "1.png", "label": "\xe9"}')
    with pytest.raises(DataError, match=r"metadata\.jsonl:1: byte 0xe9 is not UTF-8; save the file as UTF-8"):
        read_imagefolder(data)
    with pytest.raises(DataError, match=r"no metadata\.csv or metadata\.jsonl with file_name and label in folders"):
        read_imagefolder(tmp_path)


def test_written_as_hugging_face_reads_it(data: Path, tmp_path: Path) -> None:
    write_imagefolder(read_dataset(data), tmp_path / "out")
    written = tmp_path / "out"
    names = sorted(file.relative_to(written).as_posix() for file in written.rglob("*") if file.is_file())
    assert names == [
        "test/1.png",
        "test/metadata.csv",
        "train/1.png",
        "train/3.png",
        "train/deep/2.png",
        "train/metadata.csv",
        "validation/1.png",
        "validation/metadata.csv",
    ]
    table = (written / "train" / "metadata.csv").read_text(encoding="utf-8")
    assert table == "file_name,label\n3.png,rose\n1.png,tulip\ndeep/2.png,rose\n"
    assert (written / "train" / "3.png").read_bytes() == (data / "train" / "3.png").read_bytes()
    assert [sample.id for sample in read_dataset(written).samples] == [
        sample.id for sample in read_dataset(data).samples
    ]
