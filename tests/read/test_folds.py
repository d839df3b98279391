"""The folds of a cross-validation: what scikit-learn's StratifiedGroupKFold keeps to, and a recorded choice."""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold
from tests.read.test_splits import made

from foveal.annotations import ClassLabel
from foveal.errors import DataError, UsageError
from foveal.read.folds import take_fold
from foveal.read.roles import assign_roles
from foveal.types import Dataset

RECORDED = [
    ["0/3.jpg", "0/5.jpg", "1/7.jpg", "1/9.jpg"],
    ["0/1.jpg", "0/4.jpg", "1/6.jpg"],
    ["0/0.jpg", "0/2.jpg", "1/8.jpg"],
]
LABELS = [0] * 53 + [1] * 31 + [2] * 11


def parts(dataset: Dataset, folds: int, *, seed: int = 0) -> list[set[str]]:
    """The ids of each fold."""
    found = [take_fold(dataset, fold=fold, folds=folds, seed=seed) for fold in range(1, folds + 1)]
    return [{sample.id for sample in each.of_split("test")} for each in found]


@pytest.mark.parametrize("folds", [2, 5, 7])
def test_every_image_lies_in_one_fold_and_classes_in_all(folds: int) -> None:
    data = made(LABELS)
    found = parts(data, folds)
    assert sorted(id for fold in found for id in fold) == sorted(sample.id for sample in data.samples)
    sizes = [len(fold) for fold in found]
    assert max(sizes) - min(sizes) <= 1
    for label in set(LABELS):
        counts = [sum(id.startswith(f"{label}/") for id in fold) for fold in found]
        assert max(counts) - min(counts) <= 1


def test_what_is_not_in_the_fold_is_for_training() -> None:
    data = made(LABELS)
    found = take_fold(data, fold=2, folds=5, seed=0)
    assert {sample.split for sample in found.samples} == {"train", "test"}
    assert [replace(sample, split=None) for sample in found.samples] == list(data.samples)


def test_another_seed_is_other_folds_and_one_is_recorded() -> None:
    """A recorded choice: it may not change with the machine, the Python or the version."""
    data = made([0] * 6 + [1] * 4)
    assert [sorted(fold) for fold in parts(data, 3, seed=7)] == RECORDED
    assert parts(made(LABELS), 5, seed=0) != parts(made(LABELS), 5, seed=1)


def patients() -> Dataset:
    """200 patients of 1 to 9 images; a third of the patients have images of both classes."""
    draw, labels, groups = random.Random(0), [], []
    for patient in range(200):
        for _ in range(draw.randint(1, 9)):
            labels.append(patient % 3 if patient % 3 < 2 else draw.randint(0, 1))
            groups.append(f"p{patient}")
    return made(labels, groups=list(groups))


def test_groups_are_dealt_no_worse_than_by_scikit_learn() -> None:
    data = patients()
    found = parts(data, 5)
    assert sorted(id for fold in found for id in fold) == sorted(sample.id for sample in data.samples)
    groups = [{sample.group for sample in data.samples if sample.id in fold} for fold in found]
    assert sum(len(each) for each in groups) == 200
    labels = np.array([sample.known(ClassLabel).index for sample in data.samples])
    theirs = StratifiedGroupKFold(5).split(labels, labels, [sample.group for sample in data.samples])
    spread = [np.bincount(labels[test], minlength=2) for _, test in theirs]
    ours = [np.bincount([int(id[0]) for id in fold], minlength=2) for fold in found]
    assert (np.ptp(ours, axis=0) <= np.maximum(1, np.ptp(spread, axis=0))).all()


def test_a_given_test_split_is_left_alone_and_validation_joins() -> None:
    splits = ["train"] * 60 + ["val"] * 20 + ["test"] * 15
    data = made(LABELS)
    samples = tuple(replace(s, split=split) for s, split in zip(data.samples, splits, strict=True))  # type: ignore
    data = replace(data, samples=samples)
    in_folds: Counter[str] = Counter()
    for fold in range(1, 5):
        found = assign_roles(data, val_share=0.1, test_share=0.2, seed=0, folds=4, fold=fold)
        assert {sample.id for sample in found.of_split("unused")} == {sample.id for sample in samples[80:]}
        assert (len(found.of_split("test")), len(found.of_split("val"))) == (20, 6)
        in_folds.update(sample.id for sample in found.of_split("test"))
    assert set(in_folds.values()) == {1}
    assert len(in_folds) == 80


def test_the_test_images_of_any_run_are_in_no_fold() -> None:
    """So that what is chosen by the folds can be judged on them; without a test share all images are in the folds."""
    shares = {"val_share": 0.1, "test_share": 0.2, "seed": 3}
    plain, data = assign_roles(made(LABELS), **shares), made(LABELS)  # type: ignore[arg-type]
    found = assign_roles(data, **shares, folds=5, fold=1)  # type: ignore[arg-type]
    assert {sample.id for sample in found.of_split("unused")} == {sample.id for sample in plain.of_split("test")}
    everything = assign_roles(data, **{**shares, "test_share": 0.0}, folds=5, fold=1)  # type: ignore[arg-type]
    assert everything.of_split("unused") == ()


def test_a_fraction_is_of_what_a_fold_leaves_for_training() -> None:
    shares = {"val_share": 0.1, "test_share": 0.0, "seed": 0, "folds": 5, "fold": 4}
    whole, part = (assign_roles(made(LABELS), fraction=f, **shares) for f in (1.0, 0.5))  # type: ignore[arg-type]
    assert part.of_split("test") == whole.of_split("test")
    assert len(part.of_split("train")) == pytest.approx(len(whole.of_split("train")) / 2, abs=0.5)


def test_what_can_not_be_in_folds() -> None:
    with pytest.raises(DataError, match=r"made: classes of one image, or one group, .* learned and tested: 1; add"):
        take_fold(made([0] * 10 + [1]), fold=1, folds=2, seed=0)
    with pytest.raises(DataError, match="made: 5 folds need as many images, or groups, outside the test split"):
        take_fold(made([0, 1] * 10, groups=[f"g{index // 5}" for index in range(20)]), fold=1, folds=5, seed=0)
    for fold, folds in ((0, 5), (6, 5), (1, 1)):
        with pytest.raises(UsageError, match=f"fold {fold} of {folds}: expected 1 to the number of folds"):
            take_fold(made([0, 0, 1, 1]), fold=fold, folds=folds, seed=0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 8)), min_size=1, max_size=60),
    st.integers(2, 6),
    st.integers(0, 2**40),
)
def test_any_data_set(rows: list[tuple[int, int | None]], folds: int, seed: int) -> None:
    data = made([label for label, _ in rows], groups=[None if g is None else f"g{g}" for _, g in rows])
    try:
        found = parts(data, folds, seed=seed)
    except DataError:
        return
    assert sorted(id for fold in found for id in fold) == sorted(sample.id for sample in data.samples)
    for index, fold in enumerate(found):
        inside = {sample.group for sample in data.samples if sample.id in fold} - {None}
        outside = [sample for sample in data.samples if sample.id not in fold]
        assert inside & {sample.group for sample in outside} == set(), index
        assert {sample.known(ClassLabel).index for sample in outside} == {label for label, _ in rows}
