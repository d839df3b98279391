"""A share of the training images, for learning curves: what few images teach, judged on the same others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from foveal.errors import UsageError
from foveal.read.units import Unit, totals_of, units_of
from foveal.types import Dataset


def take_fraction(dataset: Dataset, fraction: float, *, seed: int) -> Dataset:
    """The data set with `fraction`, above 0 and up to 1, of its training samples; the others are "unused".

    - Nested: the samples of a fraction are among those of a larger one with the same seed.
    - Stratified: each class gives its share, as nearly as whole samples or groups allow, and at least one of them.
    - Samples of one group stay together; a hash of the seed and the group's name or the sample's id decides.

    Raises UsageError for another fraction.
    """
    if not 0 < fraction <= 1:
        raise UsageError(f"fraction has to be above 0 and at most 1, got {fraction}")
    if fraction == 1:
        return dataset
    training = [place for place, sample in enumerate(dataset.samples) if sample.split == "train"]
    units = units_of(dataset.samples, training, salt=f"{seed}/fraction")
    kept = {place for unit in _first(units, fraction * len(training)) for place in unit.members}
    samples = list(dataset.samples)
    for place in set(training) - kept:
        samples[place] = replace(samples[place], split="unused")
    return replace(dataset, samples=tuple(samples))


def _first(units: Sequence[Unit], target: float) -> list[Unit]:
    """The units with about so many samples, from the beginning of an order that does not hang on their number.

    Each class is spread evenly over that order: going through the units by their hashes, each stands at the share of
    its class that its middle reaches, or the mean of such shares where it has several classes. Before all of these
    stand the units with which a class comes first: they are always taken.
    """
    totals, seen = totals_of(units), Counter[int | None]()
    firsts: list[Unit] = []
    others: list[tuple[float, bytes, Unit]] = []
    for unit in sorted(units, key=lambda unit: unit.order):
        if all(seen[label] for label, _ in unit.counts):
            shares = [(count, (seen[label] + count / 2) / totals[label]) for label, count in unit.counts]
            place = sum(count * share for count, share in shares) / sum(count for count, _ in shares)
            others.append((place, unit.order, unit))
        else:
            firsts.append(unit)
        seen.update(dict(unit.counts))
    ordered = [*firsts, *(unit for _, _, unit in sorted(others, key=lambda other: other[:2]))]
    sizes = list(accumulate(unit.size for unit in ordered))
    nearest = min(range(len(sizes)), key=lambda place: abs(sizes[place] - target), default=0)
    return ordered[: max(nearest + 1, len(firsts))]
