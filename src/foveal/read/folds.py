"""The parts of a cross-validation: each is tested on by a network that learned from the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from foveal.annotations import Numbers
from foveal.errors import DataError, UsageError
from foveal.read.names import listed
from foveal.read.units import Counts, Unit, totals_of, units_of
from foveal.types import Dataset


def take_fold(dataset: Dataset, *, fold: int, folds: int, seed: int) -> Dataset:
    """The data set with its training and validation samples split anew: fold `fold`, 1 to `folds`, is for test.

    The samples of its own test split become "unused"; all others are for training.

    - Every sample outside test lies in exactly one fold, and samples of one group in the same.
    - Stratified: the counts of a class, and the sizes, differ between folds by one sample at most; with groups by as
      little as a greedy choice, the largest groups first, gives.
    - A hash of the seed and the sample's id, or its group's name, decides.

    Raises DataError where a fold would be empty, or a class lie in one fold alone; UsageError for other numbers.
    """
    if not 1 <= fold <= folds or folds < 2:
        raise UsageError(f"fold {fold} of {folds}: expected 1 to the number of folds, of which there are 2 or more")
    pool = [place for place, sample in enumerate(dataset.samples) if sample.split != "test"]
    by_fold = _dealt(units_of(dataset.samples, pool, salt=f"{seed}/folds"), folds)
    _check(dataset, by_fold)
    samples = [replace(sample, split="train" if sample.split != "test" else "unused") for sample in dataset.samples]
    for unit in by_fold[fold - 1]:
        for place in unit.members:
            samples[place] = replace(samples[place], split="test")
    return replace(dataset, samples=tuple(samples))


def _dealt(units: Sequence[Unit], folds: int) -> list[list[Unit]]:
    """The units of each fold: the largest first, each to the fold that has least of its classes, then of all.

    Units of one size and class follow each other, so a class's samples go round the folds, the smallest folds first.
    """
    totals = totals_of(units)
    dealt: list[list[Unit]] = [[] for _ in range(folds)]
    held = [Counter[int | None]() for _ in range(folds)]
    sizes = [0] * folds

    def cost(fold: int, counts: Counts) -> float:
        """Growth of Σ held² / total over the classes."""
        return sum(count * (2 * held[fold][label] + count) / totals[label] for label, count in counts)

    def in_order(unit: Unit) -> tuple[int, list[tuple[int, int]], bytes]:
        return -unit.size, [(-1 if label is None else label, count) for label, count in unit.counts], unit.order

    for unit in sorted(units, key=in_order):
        least = min(range(folds), key=lambda fold: (cost(fold, unit.counts), sizes[fold]))
        dealt[least].append(unit)
        held[least].update(dict(unit.counts))
        sizes[least] += unit.size
    return dealt


def _check(dataset: Dataset, by_fold: Sequence[Sequence[Unit]]) -> None:
    """Raises DataError where a fold is empty, or a class lies in one fold alone."""
    folds = len(by_fold)
    if not all(by_fold):
        raise DataError(f"{dataset.name}: {folds} folds need as many images, or groups, outside the test split")
    if dataset.annotates is Numbers:
        return  # which have no classes
    folds_of = Counter(label for units in by_fold for label in totals_of(units))
    alone = [dataset.classes[label] for label, count in folds_of.items() if label is not None and count == 1]
    if alone:
        raise DataError(
            f"{dataset.name}: classes of one image, or one group, can't be both learned and tested: "
            f"{listed(sorted(alone))}; add images of them, or leave them out"
        )
