"""Held-out splits: shares, strata, groups, and that a hash and nothing else decides."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveal.annotations import ClassLabel
from foveal.errors import DataError, UsageError
from foveal.images.sources import FileImage
from foveal.read.splits import assign_splits
from foveal.types import Dataset, Sample, Split

RECORDED_TEST = ["0/4.jpg", "0/8.jpg", "1/12.jpg", "1/16.jpg"]
RECORDED_VAL = ["0/1.jpg", "0/10.jpg", "1/14.jpg"]


def made(labels: list[int], *, groups: list[str | None] | None = None, split: Split | None = None) -> Dataset:
    samples = tuple(
        Sample(
            id=f"{label}/{i}.jpg",
            image=FileImage(Path("x.jpg")),
            annotation=ClassLabel(label),
            split=split,
            group=groups[i] if groups else None,
        )
        for i, label in enumerate(labels)
    )
    names = tuple(str(label) for label in range(max(labels) + 1))
    return Dataset(name="made", format="class-folders", root=None, classes=names, samples=samples)


def splits(dataset: Dataset) -> dict[str, Split | None]:
    return {sample.id: sample.split for sample in dataset.samples}


def test_shares_by_class() -> None:
    found = assign_splits(made([0] * 100 + [1] * 40 + [2] * 10), val_share=0.25, test_share=0.2, seed=0)
    assert found.counts()["test"] == {"0": 20, "1": 8, "2": 2}
    assert found.counts()["val"] == {"0": 20, "1": 8, "2": 2}
    assert found.counts()["train"] == {"0": 60, "1": 24, "2": 6}


def test_the_total_is_exact_where_classes_are_small() -> None:
    found = assign_splits(made([label for label in range(40) for _ in range(4)]), val_share=0, test_share=0.1, seed=0)
    held = found.counts()["test"]
    assert sum(held.values()) == 16
    assert set(held.values()) == {0, 1}


def test_what_is_decided_and_recorded() -> None:
    """A recorded choice: it may not change with the machine, the Python or the version."""
    found = assign_splits(made([0] * 12 + [1] * 8), val_share=0.2, test_share=0.2, seed=7)
    assert sorted(s.id for s in found.of_split("test")) == RECORDED_TEST
    assert sorted(s.id for s in found.of_split("val")) == RECORDED_VAL


def test_another_seed_is_another_split() -> None:
    data = made([0] * 50 + [1] * 50)
    first, second = (assign_splits(data, val_share=0.1, test_share=0.2, seed=seed) for seed in (0, 1))
    assert splits(first) != splits(second)
    assert first.counts() == second.counts()


def test_given_splits_are_kept() -> None:
    data = made([0] * 20 + [1] * 20)
    given_test = tuple(replace(s, split="test" if i % 4 == 0 else None) for i, s in enumerate(data.samples))
    found = assign_splits(replace(data, samples=given_test), val_share=0.2, test_share=0.5, seed=0)
    assert {s.id for s in found.of_split("test")} == {s.id for s in given_test if s.split == "test"}
    assert found.counts()["val"] == {"0": 3, "1": 3}
    complete = assign_splits(found, val_share=0.4, test_share=0.4, seed=5)
    assert complete == found


def test_shares_of_zero_hold_out_nothing() -> None:
    found = assign_splits(made([0, 1, 1]), val_share=0, test_share=0, seed=0)
    assert {s.split for s in found.samples} == {"train"}


def test_a_sample_more_moves_few_others() -> None:
    data = made([i % 3 for i in range(300)])
    before = splits(assign_splits(data, val_share=0.15, test_share=0.15, seed=0))
    for name in ("0/new.jpg", "1/other.jpg", "2/third.jpg"):
        more = replace(
            data,
            samples=(
                Sample(id=name, image=FileImage(Path("x.jpg")), annotation=ClassLabel(int(name[0]))),
                *data.samples,
            ),
        )
        after = splits(assign_splits(more, val_share=0.15, test_share=0.15, seed=0))
        assert sum(after[id] != before[id] for id in before) <= 6


def test_groups_stay_together_and_strata_are_kept() -> None:
    """120 patients of 1 to 9 images; a third of the patients have images of both classes."""
    draw = random.Random(0)
    labels, groups = [], []
    for patient in range(120):
        for _ in range(draw.randint(1, 9)):
            labels.append(patient % 3 if patient % 3 < 2 else draw.randint(0, 1))
            groups.append(f"p{patient}")
    data = made(labels, groups=list(groups))
    found = assign_splits(data, val_share=0.2, test_share=0.2, seed=0)
    by_group: dict[str | None, set[Split | None]] = {}
    for sample in found.samples:
        by_group.setdefault(sample.group, set()).add(sample.split)
    assert all(len(of_group) == 1 for of_group in by_group.values())
    totals = Counter(labels)
    for label in (0, 1):
        assert found.counts()["test"][str(label)] / totals[label] == pytest.approx(0.2, abs=0.02)


def test_few_large_groups_still_give_a_split() -> None:
    data = made([0, 1] * 20, groups=[f"video{i // 8}" for i in range(40)])
    found = assign_splits(data, val_share=0.05, test_share=0.05, seed=0)
    assert found.counts()["test"] == found.counts()["val"] == {"0": 4, "1": 4}


def test_a_sample_without_a_split_joins_its_groups() -> None:
    data = made([0, 0, 1, 1, 0, 1], groups=["a", "a", "b", "b", "c", "d"])
    samples = (replace(data.samples[0], split="test"), *data.samples[1:])
    found = assign_splits(replace(data, samples=samples), val_share=0.3, test_share=0.3, seed=0)
    assert found.samples[1].split == "test"
    assert "a" not in {s.group for s in found.of_split("val")}


@pytest.mark.parametrize("labels", [[0], [0, 1, 2]])
def test_nothing_to_hold_out(labels: list[int]) -> None:
    with pytest.raises(DataError, match="made: no test split can be held out: every class has one sample only"):
        assign_splits(made(labels), val_share=0, test_share=0.2, seed=0)
    with pytest.raises(DataError, match="no val split can be held out"):
        assign_splits(made([0, 0, 1, 1], groups=["a", "a", "b", "b"]), val_share=0.2, test_share=0, seed=0)


@pytest.mark.parametrize(("val", "test"), [(-0.1, 0.2), (1.0, 0.2), (float("nan"), 0.2), (0.2, 1.5)])
def test_shares_outside_their_range(val: float, test: float) -> None:
    with pytest.raises(UsageError, match="has to be at least 0 and less than 1, got"):
        assign_splits(made([0, 0, 1, 1]), val_share=val, test_share=test, seed=0)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 8)), min_size=1, max_size=60),
    st.floats(0.05, 0.6),
    st.integers(0, 2**40),
    st.randoms(use_true_random=False),
)
def test_any_data_set(rows: list[tuple[int, int | None]], share: float, seed: int, shuffle: random.Random) -> None:
    data = made([label for label, _ in rows], groups=[None if g is None else f"g{g}" for _, g in rows])
    try:
        found = assign_splits(data, val_share=share, test_share=share, seed=seed)
    except DataError:
        return
    assert [replace(s, split=None) for s in found.samples] == list(data.samples)
    assert all(s.split is not None for s in found.samples)
    in_train = {s.known(ClassLabel).index for s in found.of_split("train")}
    assert in_train == {s.known(ClassLabel).index for s in data.samples}
    of_group: dict[str, set[Split | None]] = {}
    for sample in found.samples:
        if sample.group is not None:
            of_group.setdefault(sample.group, set()).add(sample.split)
    assert all(len(of) == 1 for of in of_group.values())
    shuffled = list(data.samples)
    shuffle.shuffle(shuffled)
    again = assign_splits(replace(data, samples=tuple(shuffled)), val_share=share, test_share=share, seed=seed)
    assert splits(again) == splits(found)
