"""COCO: what its own files have in them, and masks that are not of their image."""

from pathlib import Path
from typing import Any

import pytest
from tests.read.test_instances import coco

from foveal.errors import DataError
from foveal.read.dataset import read_dataset
from foveal.read.splits import assign_splits


def added(folder: Path, *changes: dict[str, Any]) -> Path:
    """The made-up data set with a copy of its first training annotation for each of the changes."""

    def change(content: dict[str, Any]) -> None:
        first = content["annotations"][0]
        content["annotations"] += [{**first, "id": 918 + index, **each} for index, each in enumerate(changes)]

    return coco(folder, change)


def test_boxes_without_area_are_left_out_and_counted(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [{"bbox": [6.65, 8.33, 1.03, 0.0]}, {"bbox": [5, 5, 0, 3]}, {"bbox": [5, 5, 1, 2]}]
    dataset = read_dataset(added(tmp_path, *changes))
    assert dataset.counts()["train"] == {"cat": 2, "dog": 2}
    assert dataset.notes == (
        "annotations/instances_train.json: left out 2 of 6 annotations, for boxes without area: 918, 919",
    )
    assert assign_splits(dataset, val_share=0.3, test_share=0.0, seed=0).notes == dataset.notes
    assert read_dataset(added(tmp_path / "none")).notes == ()


@pytest.mark.parametrize("size", [[-1.0, 0.0], [0.0, -1.0], [float("nan"), 0.0]])
def test_boxes_that_are_inverted_stay_faults(size: list[float], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"annotation 918: the box \(5, 5, .*\) is (empty or inverted|no box)"):
        read_dataset(added(tmp_path, {"bbox": [5, 5, *size]}))


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ({"size": [40, 30], "counts": [31, 2, 1167]}, "its mask is of 30×40 pixels, which its image is not"),
        ({"size": [20, 20], "counts": "PQ00"}, "its mask is of 20×20 pixels, which its image is not"),
        ({"size": [30, 40], "counts": [31, 2, 1168]}, "run lengths of 1,201 pixels in all, for 40×30"),
    ],
)
def test_run_lengths_of_another_size_are_faults(segmentation: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"annotation 918: .*{message}"):
        read_dataset(added(tmp_path, {"bbox": [3, 3, 9, 9], "segmentation": segmentation}))
