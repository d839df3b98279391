"""What every format of boxes keeps to: what is written reads back the same; faults are listed with file and line."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import foveal
from foveal.annotations import ClassLabel, Instance, Objects, Polygons, RunLengths
from foveal.errors import DataError
from foveal.images.sources import FileImage
from foveal.ops.masks import rasterised
from foveal.read import READERS
from foveal.read.dataset import read_dataset
from foveal.read.instances import InstanceCheck, safe_parts, split_in
from foveal.read.reader import Reader
from foveal.types import Dataset, Sample

CLASSES = ("cat", "dog")


def made(folder: Path, *, background: bool = True) -> Dataset:
    """Three images of 40×30 pixels in two splits: two instances, one, and none."""
    images = {}
    for index, name in enumerate(("train/a.png", "train/b.png", "test/c.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((30, 40, 3), 40 * index, np.uint8)).save(folder / name)
        images[name] = folder / name
    outline = Polygons(((2.0, 3.0, 20.0, 3.0, 11.0, 25.5),))
    things = [
        (Instance(label=1, box_xyxy=(2.0, 3.0, 20.0, 25.5), mask=outline), Instance(label=0, box_xyxy=(0, 0, 40, 30))),
        (Instance(label=0, box_xyxy=(10.25, 1.5, 12.75, 30.0)),),
        () if background else (Instance(label=1, box_xyxy=(1, 1, 2, 2)),),
    ]
    samples = tuple(
        Sample(id=name, image=FileImage(path), split=name.split("/")[0], annotation=Objects(found))  # type: ignore[arg-type]
        for (name, path), found in zip(images.items(), things, strict=True)
    )
    return Dataset(name="made", format="voc", root=folder, classes=CLASSES, samples=samples)


@pytest.fixture(params=[each for each in READERS.values() if Objects in each.gives], ids=lambda each: each.name)
def reader(request: pytest.FixtureRequest) -> Reader:
    found = request.param
    assert isinstance(found, Reader)
    return found


def content(dataset: Dataset) -> dict[str, Any]:
    return {
        Path(sample.id).stem: (
            sample.split,
            [(dataset.classes[each.label], each.box_xyxy) for each in sample.known(Objects).instances],
        )
        for sample in dataset.samples
    }


def assert_same(found: Dataset, expected: Dataset) -> None:
    ours, theirs = content(found), content(expected)
    assert ours.keys() == theirs.keys()
    for name, (split, things) in theirs.items():
        assert ours[name][0] == split
        assert [label for label, _ in ours[name][1]] == [label for label, _ in things]
        for (_, ours_xyxy), (_, theirs_xyxy) in zip(ours[name][1], things, strict=True):
            assert ours_xyxy == pytest.approx(theirs_xyxy, abs=0.01)


def test_written_and_read_is_the_same(reader: Reader, tmp_path: Path) -> None:
    dataset = made(tmp_path / "made")
    reader.write(dataset, tmp_path / "written")
    found = read_dataset(tmp_path / "written")
    assert found.format == reader.name
    assert found.classes == CLASSES
    assert_same(found, dataset)
    assert {sample.size_hw for sample in found.samples} == {(30, 40)}
    assert found.counts()["train"] == {"cat": 2, "dog": 1}
    reader.write(found, tmp_path / "again")
    assert_same(read_dataset(tmp_path / "again"), dataset)
    with pytest.raises(DataError, match="exists already"):
        reader.write(found, tmp_path / "again")


def test_outlines_are_kept_or_said_to_be_left_out(
    reader: Reader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = made(tmp_path / "made")
    result = foveal.convert(dataset, to=reader.name, out=tmp_path / "out")
    masks = [each.mask for sample in read_dataset(tmp_path / "out").samples for each in sample.known(Objects).instances]
    if "outline" in reader.unsupported:
        assert result["left_out"] == ["1 outlines; their boxes are kept"]
        assert "left out, as voc does not hold them" in capsys.readouterr().err
        assert masks == [None] * 3
    else:
        assert result["left_out"] == []
        assert isinstance(masks[0], Polygons)
        assert masks[0].rings[0] == pytest.approx((2.0, 3.0, 20.0, 3.0, 11.0, 25.5), abs=0.01)


def test_a_failed_write_leaves_nothing(reader: Reader, tmp_path: Path) -> None:
    dataset = made(tmp_path / "made")
    samples = (*dataset.samples[:2], replace(dataset.samples[2], image=FileImage(tmp_path / "missing.png")))
    with pytest.raises(DataError, match=r"missing\.png"):
        reader.write(replace(dataset, samples=samples), tmp_path / "out" / "written")
    assert not list((tmp_path / "out").iterdir())


def test_groups_and_labels_are_refused(reader: Reader, tmp_path: Path) -> None:
    dataset = made(tmp_path / "made")
    grouped = tuple(replace(sample, group="g") for sample in dataset.samples)
    with pytest.raises(DataError, match="can't hold the samples' groups"):
        reader.write(replace(dataset, samples=grouped), tmp_path / "written")
    labelled = tuple(replace(sample, annotation=ClassLabel(0)) for sample in dataset.samples)
    with pytest.raises(DataError, match="have no boxes"):
        reader.write(replace(dataset, samples=labelled), tmp_path / "written")
    with pytest.raises(DataError, match="expected one class an image"):
        foveal.train(dataset, task="classify")
    with pytest.raises(DataError, match="holds labels, which"):
        foveal.convert(replace(dataset, samples=labelled, format="csv"), to=reader.name, out=tmp_path / "written")


@pytest.mark.parametrize("name", ["bccd", "tinycoco"])
def test_real_data_goes_through_every_format(real_data: Callable[[str], Path], name: str, tmp_path: Path) -> None:
    dataset = read_dataset(real_data(name))
    counts = {"bccd": {"train": 2805, "val": 1138, "test": 945}, "tinycoco": {"train": 288, "val": 136}}
    assert {split: sum(each.values()) for split, each in dataset.counts().items()} == counts[name]
    few = replace(dataset, samples=dataset.samples[:8] + dataset.samples[-8:])
    for format in ("coco", "voc", "yolo"):
        foveal.convert(few, to=format, out=tmp_path / format)
        assert_same(read_dataset(tmp_path / format), few)


def coco(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    READERS["coco"].write(made(folder / "made"), folder / "coco")
    file = folder / "coco" / "annotations" / "instances_train.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")
    return folder / "coco"


def test_cocos_faults_are_listed_at_once(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        first = content["annotations"][0]
        more = [{"bbox": [5, 5, 0, 3]}, {"bbox": [5, 5, -2, 0]}, {"bbox": [5, 5, 90, 3]}, {"bbox": [5, 5]}]
        more += [{"category_id": 9}, {"image_id": 77}, {}, {"bbox": [3, 3, 9, 9], "segmentation": [[1, 2]]}]
        content["annotations"] += [{**first, **each, "id": 10 + index} for index, each in enumerate(more)]
        content["images"] += [
            {"id": 8, "file_name": "../../secret.png", "height": 3, "width": 3},
            {"id": 9, "file_name": "gone.png", "height": 3, "width": 3},
        ]
        content["images"][1]["width"] = 41

    with pytest.raises(DataError) as raised:
        read_dataset(coco(tmp_path, change))
    lines = [line.strip().removeprefix("annotations/instances_train.json: ") for line in str(raised.value).splitlines()]
    assert lines[1:] == [
        "../../secret.png leads out of the data folder",
        "gone.png is not there",
        "images/train/b.png is annotated as 41×30 pixels and is 40×30",
        "annotation 11: the box (5, 5, 3, 5) is empty or inverted",
        "annotation 12: the box (5, 5, 95, 8) leaves the image of 40×30 pixels",
        "annotation 13: its bbox or segmentation is none of COCO's: not enough values to unpack (expected 4, got 2)",
        "annotation 14: its category_id 9 is no category's",
        "annotation 15: its image_id 77 is no image's",
        "annotation 16: the box (2, 3, 20, 25.5) is there twice for the same class",
        "annotation 17: its bbox or segmentation is none of COCO's: a polygon needs three points or more, x and y each",
    ]


def test_cocos_run_lengths_and_crowds_are_read(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["annotations"][0] |= {"iscrowd": 1, "segmentation": {"size": [30, 40], "counts": [31, 2, 1167]}}

    first = read_dataset(coco(tmp_path, change)).of_split("train")[0].known(Objects).instances
    assert first[0].crowd
    assert isinstance(first[0].mask, RunLengths)
    assert np.argwhere(rasterised(first[0].mask, (30, 40))).tolist() == [[1, 1], [2, 1]]


def test_a_turned_photograph_is_told_from_its_annotation(tmp_path: Path) -> None:
    folder = coco(tmp_path, lambda content: None)
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("a", "b"):
        Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(folder / f"images/train/{name}.png", exif=exif)
    with pytest.raises(DataError, match="40×30 pixels and is 30×40 when turned as its EXIF orientation says"):
        read_dataset(folder)


def test_vocs_faults_are_listed_with_their_lines(tmp_path: Path) -> None:
    READERS["voc"].write(made(tmp_path / "made", background=False), tmp_path / "voc")
    annotations = tmp_path / "voc" / "Annotations"
    text = (annotations / "a.xml").read_text(encoding="utf-8")
    (annotations / "a.xml").write_text(text.replace("<xmax>20.000", "<xmax>2.000").replace(">30<", ">31<"), "utf-8")
    text = (annotations / "b.xml").read_text(encoding="utf-8")
    (annotations / "b.xml").write_text(text.replace("<xmin>11.250</xmin>", ""), encoding="utf-8")
    (annotations / "c.xml").write_text("<annotation><object>", encoding="utf-8")
    (annotations / "d.xml").write_text("<annotation/>", encoding="utf-8")
    shutil.copy(tmp_path / "made/train/a.png", tmp_path / "voc/JPEGImages/e.png")
    with (tmp_path / "voc/ImageSets/Main/test.txt").open("a") as file:
        file.write("a\nf\n")
    with pytest.raises(DataError) as raised:
        read_dataset(tmp_path / "voc")
    message = str(raised.value)
    for expected in (
        "Annotations/b.xml:7: the box of 'cat' lacks one of xmin, ymin, xmax, ymax",
        "Annotations/c.xml: is no XML that is read:",
        "Annotations/d.xml: its image is not there",
        "ImageSets/Main/test.txt:2: a is listed for train too",
        "ImageSets/Main: f is listed and has no annotation",
        "JPEGImages/e.png: has no annotation; an image without objects needs an .xml without any",
        "Annotations/a.xml:3: JPEGImages/a.png is annotated as 40×31 pixels and is 40×30",
        "Annotations/a.xml:7: the box (2, 3, 2, 25.5) is empty or inverted",
    ):
        assert expected in message


def test_voc_counts_from_one_unless_a_box_begins_at_zero(tmp_path: Path) -> None:
    READERS["voc"].write(made(tmp_path / "made"), tmp_path / "voc")
    file = tmp_path / "voc" / "Annotations" / "a.xml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("<xmin>1.000</xmin>", "<xmin>0</xmin>"), encoding="utf-8")
    first = read_dataset(tmp_path / "voc").samples[0].known(Objects).instances
    assert first is not None
    assert first[0].box_xyxy == (3.0, 4.0, 20.0, 25.5)


def test_an_xml_bomb_is_refused(tmp_path: Path) -> None:
    READERS["voc"].write(made(tmp_path / "made"), tmp_path / "voc")
    bomb = (
        '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;">]><annotation><object><name>&c;</name></object></annotation>'
    )
    (tmp_path / "voc" / "Annotations" / "a.xml").write_text(bomb, encoding="utf-8")
    with pytest.raises(DataError, match=r"Annotations/a\.xml: is no XML that is read: EntitiesForbidden"):
        read_dataset(tmp_path / "voc")


def test_yolos_faults_are_listed_with_their_lines(tmp_path: Path) -> None:
    READERS["yolo"].write(made(tmp_path / "made"), tmp_path / "yolo")
    labels = "0 0.5 0.5 0.2 0.2\n\n2 0.5 0.5 0.2 0.2\n0 0.5 0.5\n0 a b c d\n0 0.9 0.5 0.9 0.2\n0 0.5 0.5 0.2 0.2\n"
    (tmp_path / "yolo/labels/train/a.txt").write_text(labels, encoding="utf-8")
    with pytest.raises(DataError) as raised:
        read_dataset(tmp_path / "yolo")
    assert [line.strip() for line in str(raised.value).splitlines()[1:]] == [
        "labels/train/a.txt:3: class 2: there are classes 0 to 1",
        "labels/train/a.txt:4: expected a class and 4 numbers, or 6 and more for a polygon, got 2",
        "labels/train/a.txt:5: expected numbers, got '0 a b c d'",
        "labels/train/a.txt:6: the box (18, 12, 54, 18) leaves the image of 40×30 pixels",
        "labels/train/a.txt:7: the box (16, 12, 24, 18) is there twice for the same class",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "train: images/train\ntest: images/test\nnames: [cat, dog]",
        "path: .\ntrain: ./images/train\ntest: images/test/\nnames: {0: cat, 1: dog}",
        "train: ../images/train\ntest: ../images/test\nnc: 2\nnames: [cat, dog]",
        "train: train.txt\ntest: [images/test]\nnames: [cat, dog]",
    ],
)
def test_yolos_splits_are_found_as_people_write_them(text: str, tmp_path: Path) -> None:
    dataset = made(tmp_path / "made")
    READERS["yolo"].write(dataset, tmp_path / "yolo")
    (tmp_path / "yolo/data.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "yolo/train.txt").write_text("./images/train/a.png\nimages/train/b.png\n", encoding="utf-8")
    assert_same(read_dataset(tmp_path / "yolo"), dataset)


@pytest.mark.parametrize(
    "text", ["train: images/train", "train: x\nnames: {1: cat}", "train: [\nnames", "names: train"]
)
def test_a_yaml_that_names_no_classes_is_refused(text: str, tmp_path: Path) -> None:
    READERS["yolo"].write(made(tmp_path / "made"), tmp_path / "yolo")
    (tmp_path / "yolo/data.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"expected names|is no YAML"):
        READERS["yolo"].read(tmp_path / "yolo/data.yaml")


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png", "a/../../x.png", "C:\\x.png", ""])
def test_paths_that_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(LookupError, match="leads out of the data folder"):
        safe_parts(name)


def test_a_split_is_a_word_of_a_name() -> None:
    assert split_in("instances_val2017") == "val"
    assert split_in("train") == "train"
    assert split_in("train_and_test") is None
    assert split_in("training-set") == "train"
    assert split_in("constraints") is None


@given(st.lists(st.floats(-50, 50), min_size=4, max_size=4))
def test_a_box_that_is_taken_lies_in_its_image(box: list[float]) -> None:
    problems: list[str] = []
    check = InstanceCheck((20, 30), problems)
    check.add(Instance(label=0, box_xyxy=tuple(box)), "here")  # type: ignore[arg-type]
    assert len(check.instances) + len(problems) == 1
    for instance in check.instances:
        x1, y1, x2, y2 = instance.box_xyxy
        assert 0 <= x1 < x2 <= 30
        assert 0 <= y1 < y2 <= 20
