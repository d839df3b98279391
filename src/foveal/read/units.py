"""What is never parted between splits: a group of samples, or a sample that has none."""

import hashlib
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from foveal.types import Sample

QUANTILES, LEAST_OF_QUANTILE = 10, 10
"""Of a first target, at most so many, and so many samples of each at least."""

Counts: TypeAlias = tuple[tuple[int | None, int], ...]
"""Samples by label, in the labels' order; by the quantile of their first target, where they have such."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A group's samples, or one without a group."""

    order: bytes
    """A hash of the salt and the group's name, or the sample's id: what is drawn by it depends on nothing else."""
    members: tuple[int, ...]
    """Their places among all samples."""
    counts: Counts

    @property
    def size(self) -> int:
        return len(self.members)


def units_of(samples: Sequence[Sample], places: Iterable[int], *, salt: str) -> list[Unit]:
    """The units of the samples at these places."""
    members: dict[str, list[int]] = {}
    for place in places:
        members.setdefault(unit_key(samples[place]), []).append(place)
    units = []
    strata = _strata(samples)
    for key, of_unit in members.items():
        counts = Counter(label for place in of_unit for label in strata[place])
        ordered = tuple(sorted(counts.items(), key=lambda item: -1 if item[0] is None else item[0]))
        digest = hashlib.blake2b(f"{salt}/{key}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
        units.append(Unit(digest, tuple(of_unit), ordered))
    return units


def _strata(samples: Sequence[Sample]) -> list[tuple[int | None, ...]]:
    """The classes or the quantile by which each sample counts; (None,) where it has none."""
    known = [sample.annotation for sample in samples]
    numbers = [None if each is None else each.quantity() for each in known]
    firsts = [number for number in numbers if number is not None]
    if firsts:
        count = min(QUANTILES, len(firsts) // LEAST_OF_QUANTILE)
        borders = np.quantile(firsts, np.arange(1, count) / count).tolist() if count > 1 else []
        return [(None if number is None else bisect(borders, number),) for number in numbers]
    return [(None,) if each is None else each.strata() or (None,) for each in known]


def unit_key(sample: Sample) -> str:
    """The same for all samples of a unit, and for no others."""
    return f"sample:{sample.id}" if sample.group is None else f"group:{sample.group}"


def totals_of(units: Iterable[Unit]) -> Counter[int | None]:
    """Samples by label, of all units together."""
    totals: Counter[int | None] = Counter()
    for unit in units:
        totals.update(dict(unit.counts))
    return totals
