"""What is said of duplicates."""

import numpy as np

from foveal.evaluation.evaluate import duplicate_notes, leaked


def split(hashes: list[int], labels: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(hashes, np.uint64), np.array(labels)


def test_duplicates_are_counted_once_an_image() -> None:
    splits = {
        "train": split([1, 2, 3], [0, 0, 1]),
        "val": split([3, 4], [1, 0]),
        "test": split([3, 4, 4, 9], [1, 0, 0, 0]),
    }
    notes = duplicate_notes(splits, ("cat", "dog"))
    assert notes[0].startswith("1 of 2 val images are byte-identical to a train image")
    assert notes[1].startswith("3 of 4 test images are byte-identical to a train or val image")
    assert len(notes) == 2


def test_one_image_under_two_labels() -> None:
    notes = duplicate_notes({"train": split([1, 1, 2], [0, 1, 1])}, ("cat", "dog"))
    assert notes == ["1 image stands under more than one label, byte for byte the same (one of them under cat and dog)"]


def test_nothing_to_say() -> None:
    assert duplicate_notes({"train": split([1, 1], [0, 0]), "test": split([2], [0])}, ("cat",)) == []
    assert leaked(np.array([], np.uint64), np.array([1], np.uint64)) == 0
