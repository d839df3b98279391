"""Arrays from Python and .npz files."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foveal.annotations import ClassLabel
from foveal.errors import DataError
from foveal.images.sources import ArrayImage, FileImage
from foveal.read.arrays import from_arrays, from_samples, read_npz, write_npz
from foveal.types import Sample

GREY = np.arange(3 * 4 * 6, dtype=np.uint8).reshape(3, 4, 6)


def test_integers_are_class_names_or_index_them() -> None:
    dataset = from_arrays(GREY, np.array([10, 2, 10]))
    assert dataset.classes == ("2", "10")
    assert [s.known(ClassLabel).index for s in dataset.samples] == [1, 0, 1]
    assert [s.id for s in dataset.samples] == ["images[0]", "images[1]", "images[2]"]
    dataset = from_arrays(GREY, [2, 0, 2], classes=["a", "b", "c"])
    assert [s.known(ClassLabel).index for s in dataset.samples] == [2, 0, 2]


def test_strings_are_class_names() -> None:
    assert from_arrays(GREY, ["b10", "b9", "a"]).classes == ("a", "b9", "b10")
    dataset = from_arrays(GREY, np.array(["x", "y", "x"]), classes=("y", "x"))
    assert [s.known(ClassLabel).index for s in dataset.samples] == [1, 0, 1]


def test_images_are_not_copied_and_can_be_sent() -> None:
    image = from_arrays(GREY, [0, 1, 2]).samples[1].image
    assert isinstance(image, ArrayImage)
    assert np.shares_memory(image.read(), GREY)
    assert (pickle.loads(pickle.dumps(image)).read() == GREY[1]).all()


def test_lists_of_sizes_and_of_paths(tmp_path: Path) -> None:
    images = [np.zeros((4, 6), np.uint8), np.zeros((7, 3, 3), np.float32)]
    sizes = [s.image.read().shape for s in from_arrays(images, [0, 1]).samples]  # type: ignore[union-attr]
    assert sizes == [(4, 6), (7, 3, 3)]
    dataset = from_arrays([str(tmp_path / "a.png"), tmp_path / "b.png"], ["x", "y"])
    assert [s.image for s in dataset.samples] == [FileImage(tmp_path / "a.png"), FileImage(tmp_path / "b.png")]
    assert dataset.samples[0].id == (tmp_path / "a.png").as_posix()


def test_splits_and_groups() -> None:
    dataset = from_arrays(GREY, [0, 1, 0], splits=["Training", None, "test"], groups=["p1", None, "p2"])
    assert [(s.split, s.group) for s in dataset.samples] == [("train", "p1"), (None, None), ("test", "p2")]


@pytest.mark.parametrize(
    ("images", "labels", "options", "message"),
    [
        (GREY[0], [0] * 4, {}, r"images: expected \(N, H, W\) or \(N, H, W, C\).*got \(4, 6\)"),
        (np.zeros((2, 3, 40, 50), np.uint8), [0, 1], {}, "the channels seem to come first: move them last"),
        (np.zeros((2, 1, 8, 8), np.uint8), [0, 1], {}, "the channels seem to come first: move them last"),
        (
            GREY.astype(np.int64),
            [0, 1, 2],
            {},
            "images: expected bool, uint8, uint16 or float .* got dtype int64",
        ),
        ([GREY[0], "b.png"], [0, 1], {}, r"images\[1\]: expected an array or a path \(all alike\), got str"),
        ([GREY[0], GREY[0, 0]], [0, 1], {}, r"images\[1\]: expected \(H, W\) or \(H, W, C\)"),
        (GREY, [0, 1], {}, "3 images, but 2 labels"),
        (GREY, [0, 1, 0], {"splits": ["train"]}, "3 images, but 1 splits"),
        (GREY, [0, 1, 0], {"groups": ["a"] * 4}, "3 images, but 4 groups"),
        (
            GREY,
            [0, 1, 0],
            {"splits": ["train", "dev", ""]},
            r"splits\[1\]: 'dev' is none of train, val, test",
        ),
        (GREY, [[0], [1], [0]], {}, r"labels: expected one for each image, shape \(N,\), got \(3, 1\)"),
        (GREY, [0.5j, 1, 2], {}, "labels: expected integers, strings or floats, got dtype complex128"),
        (GREY, [0.5, np.nan, 2], {}, r"images\[1\]: target is nan, expected a finite number"),
        (GREY, [[0.5, 1]] * 3, {"classes": ["age"]}, "classes: 1 names for 2 columns of labels"),
        (GREY, [[0, 2]] * 3, {}, r"labels: expected 0 and 1 for labels of shape \(3, 2\), got 0 to 2; numbers"),
        (GREY, [0, 1, 5], {"classes": ["a", "b"]}, "labels: 5 index none of the 2 classes"),
        (GREY, ["a", "b", "c"], {"classes": ["a", "b"]}, "labels: c not among the classes a, b"),
        (GREY, ["a", "", "c"], {}, r"labels\[1\]: expected a class name, got ''"),
        (GREY, ["a", None, "c"], {}, r"labels\[1\]: expected a class name, got None"),
        (GREY, [0, 1, 0], {"classes": ["a", "a"]}, "classes: each needs a name of its own; a"),
        ([], [], {}, "there are no images"),
        (["a.png", "a.png"], [0, 1], {}, "two samples have the id 'a.png'"),
    ],
)
def test_what_does_not_fit(images: Any, labels: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_arrays(images, labels, **options)


def test_samples_are_checked() -> None:
    with pytest.raises(DataError, match="x has the label 2 of 2 classes"):
        from_samples([Sample(id="x", image=FileImage(Path("x.png")), annotation=ClassLabel(2))], ["a", "b"])


def test_npz_of_someone_else(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=GREY, labels=np.array([1, 0, 1]), more=np.zeros(7))
    dataset = read_npz(tmp_path / "a.npz")
    assert (dataset.classes, dataset.name, dataset.root) == (("0", "1"), "a", tmp_path)
    assert [s.split for s in dataset.samples] == [None] * 3


def test_npz_keeps_the_order_of_classes_and_ids(tmp_path: Path) -> None:
    dataset = from_arrays(GREY, [0, 1, 1], classes=["z", "a"], splits=["train", None, "test"])
    write_npz(dataset, tmp_path / "a.npz")
    found = read_npz(tmp_path / "a.npz")
    assert found.classes == ("z", "a")
    assert [(s.id, s.known(ClassLabel).index, s.split) for s in found.samples] == [
        (s.id, s.known(ClassLabel).index, s.split) for s in dataset.samples
    ]


def save(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def test_npz_that_does_not_fit(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    cases: list[tuple[dict[str, np.ndarray], str]] = [
        ({"labels": np.zeros(3)}, "expected the arrays images and labels, found no images"),
        ({"images": GREY}, "expected the arrays images and labels, found images and"),
        ({"images": GREY, "labels": np.zeros(2, int)}, r"3 images, but labels has the shape \(2,\)"),
        ({"images": GREY[0], "labels": np.zeros(4, int)}, r"images: expected \(N, H, W\)"),
        ({"images": GREY, "labels": np.array([{}, {}, {}])}, "can't be read: Object arrays cannot be loaded"),
    ]
    for arrays, message in cases:
        with pytest.raises(DataError, match=message):
            read_npz(save(file, **arrays))
    file.write_bytes(b"no zip file")
    with pytest.raises(DataError, match=r"is no readable \.npz file"):
        read_npz(file)


def test_npz_images_load_at_first_use(tmp_path: Path) -> None:
    dataset = read_npz(save(tmp_path / "a.npz", images=GREY, labels=np.array([0, 1, 0])))
    (tmp_path / "a.npz").unlink()
    image = dataset.samples[0].image
    assert isinstance(image, ArrayImage)
    with pytest.raises(DataError, match="can't be read"):
        image.read()


def test_writing_npz_needs_one_size_and_the_suffix(tmp_path: Path, put: Callable[..., Path]) -> None:
    sizes = [np.zeros((4, 5), np.uint8), np.zeros((5, 4), np.uint8)]
    with pytest.raises(DataError, match=r"images\[1\] is \(5, 4, 1\), images\[0\] is \(4, 5, 1\); one array"):
        write_npz(from_arrays(sizes, [0, 1]), tmp_path / "a.npz")
    with pytest.raises(DataError, match=r"an array file's name ends in \.npz"):
        write_npz(from_arrays(GREY, [0, 1, 2]), tmp_path / "a")
