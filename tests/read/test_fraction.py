"""A share of the training images: nested, by class, by group, and nothing else moves."""

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.read.test_splits import made

from foveal.annotations import ClassLabel, Objects
from foveal.errors import UsageError
from foveal.images.sources import FileImage
from foveal.read.fraction import take_fraction
from foveal.read.roles import assign_roles
from foveal.types import Dataset, Sample

RECORDED = ["0/4.jpg", "0/5.jpg", "0/6.jpg", "1/13.jpg", "1/18.jpg"]
LABELS = [0] * 100 + [1] * 37 + [2] * 12 + [3]


def training(dataset: Dataset) -> set[str]:
    return {sample.id for sample in dataset.of_split("train")}


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3, 0.5, 0.95])
def test_each_class_gives_its_share(fraction: float) -> None:
    found = take_fraction(made(LABELS, split="train"), fraction, seed=0).counts()
    assert sum(found["train"].values()) == pytest.approx(fraction * len(LABELS), abs=0.5)
    for label, count in Counter(LABELS).items():
        assert found["train"][str(label)] >= 1
        assert found["train"][str(label)] == pytest.approx(fraction * count, abs=1.5)
        assert found["train"][str(label)] + found["unused"][str(label)] == count


def test_a_smaller_fraction_is_part_of_a_larger_one() -> None:
    data = made(LABELS, split="train")
    taken = [training(take_fraction(data, hundredths / 100, seed=0)) for hundredths in range(1, 101)]
    assert all(smaller <= larger for smaller, larger in pairwise(taken))
    assert len(taken[-1]) == len(LABELS)
    assert taken[9] != training(take_fraction(data, 0.1, seed=1))


def test_what_is_taken_is_recorded() -> None:
    """A recorded choice: it may not change with the machine, the Python or the version."""
    found = take_fraction(made([0] * 12 + [1] * 8, split="train"), 0.25, seed=7)
    assert sorted(training(found)) == RECORDED


def test_validation_and_test_stay_whole() -> None:
    data, shares = made(LABELS), {"val_share": 0.2, "test_share": 0.2, "seed": 3}
    whole, part = assign_roles(data, **shares), assign_roles(data, fraction=0.3, **shares)
    for split in ("val", "test"):
        assert part.of_split(split) == whole.of_split(split)
    assert training(part) < training(whole)
    assert [sample.id for sample in part.samples] == [sample.id for sample in data.samples]


def test_groups_stay_together_and_strata_are_kept() -> None:
    """90 patients of 1 to 9 images; a third of the patients have images of both classes."""
    draw, labels, groups = random.Random(0), [], []
    for patient in range(90):
        for _ in range(draw.randint(1, 9)):
            labels.append(patient % 3 if patient % 3 < 2 else draw.randint(0, 1))
            groups.append(f"p{patient}")
    data = made(labels, groups=list(groups), split="train")
    before: set[str] = set()
    for fraction in (0.1, 0.25, 0.6):
        found = take_fraction(data, fraction, seed=0)
        by_group: dict[str | None, set[str | None]] = {}
        for sample in found.samples:
            by_group.setdefault(sample.group, set()).add(sample.split)
        assert all(len(splits) == 1 for splits in by_group.values())
        assert before < training(found)
        before = training(found)
        for label, count in Counter(labels).items():
            assert found.counts()["train"][str(label)] / count == pytest.approx(fraction, abs=0.05)


def test_images_without_a_class_are_one_stratum() -> None:
    samples = tuple(
        Sample(id=str(index), image=FileImage(Path("x.jpg")), annotation=Objects(()), split="train")
        for index in range(20)
    )
    data = Dataset(name="made", format="coco", root=None, classes=("thing",), samples=samples)
    assert len(training(take_fraction(data, 0.3, seed=0))) == 6


@pytest.mark.parametrize("fraction", [0.0, 1.01, float("nan")])
def test_fractions_outside_their_range(fraction: float) -> None:
    with pytest.raises(UsageError, match="fraction has to be above 0 and at most 1, got"):
        take_fraction(made([0, 1], split="train"), fraction, seed=0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 8)), min_size=1, max_size=60),
    st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
    st.integers(0, 2**40),
)
def test_any_data_set(rows: list[tuple[int, int | None]], fractions: tuple[float, float], seed: int) -> None:
    data = made([label for label, _ in rows], groups=[None if g is None else f"g{g}" for _, g in rows], split="train")
    smaller, larger = (take_fraction(data, fraction, seed=seed) for fraction in sorted(fractions))
    assert training(smaller) <= training(larger)
    for found in (smaller, larger):
        assert {sample.known(ClassLabel).index for sample in found.of_split("train")} == {label for label, _ in rows}
        used = {sample.group for sample in found.of_split("train")} - {None}
        assert used & {sample.group for sample in found.of_split("unused")} == set()
