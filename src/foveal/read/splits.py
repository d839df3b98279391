"""Which samples are for training, validation and test, where the data set doesn't say."""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from foveal.errors import DataError, UsageError
from foveal.read.units import Counts, Unit, totals_of, unit_key, units_of
from foveal.types import Dataset, Sample, Split


def assign_splits(dataset: Dataset, *, val_share: float, test_share: float, seed: int) -> Dataset:
    """The data set with a split for every sample; the splits that were given are kept.

    Where no sample is for test, `test_share` of the training samples is held out; then, where none is for
    val, `val_share` of the training samples left. Shares are in [0, 1); 0 holds out none. Samples without a
    split count as training samples at first. The rules:

    - Stratified: each class gives its share as nearly as whole samples allow, and the total is exact to one. Samples
      with targets are of the class of their quantile by the first one, those with several labels of all theirs.
    - Samples of one group stay together, and join the val or test samples of their group where those were
      given. Groups are chosen greedily so that the classes' shares come as near as the groups allow.
    - Of every class at least one sample stays in training, so a class of one sample is never held out.
    - Which samples, is decided by a hash (BLAKE2b) of the seed and the sample's id, or its group's name: not
      by their order, the machine or the process. A sample more or less moves only few others.

    Raises DataError where a share is asked for and nothing can be held out, UsageError for a share outside
    [0, 1).
    """
    for name, share in (("val_share", val_share), ("test_share", test_share)):
        if not 0.0 <= share < 1.0:
            raise UsageError(f"{name} has to be at least 0 and less than 1, got {share}")
    given = {sample.split for sample in dataset.samples}
    splits = _start(dataset.samples)
    if "test" not in given and test_share > 0:
        _hold_out(dataset, splits, "test", test_share, seed)
    if "val" not in given and val_share > 0:
        _hold_out(dataset, splits, "val", val_share, seed)
    samples = tuple(
        sample if sample.split == split else replace(sample, split=split)
        for sample, split in zip(dataset.samples, splits, strict=True)
    )
    return replace(dataset, samples=samples)


def _start(samples: Sequence[Sample]) -> list[Split]:
    """The given splits; a sample without one joins its group's where that has one, else training."""
    groups: dict[str, set[Split]] = {}
    for sample in samples:
        if sample.group is not None and sample.split is not None:
            groups.setdefault(sample.group, set()).add(sample.split)
    started: list[Split] = []
    for sample in samples:
        of_group = groups.get(sample.group, set()) if sample.group is not None else set()
        if sample.split is not None:
            started.append(sample.split)
        else:
            started.append(next(iter(of_group)) if len(of_group) == 1 else "train")
    return started


def _hold_out(dataset: Dataset, splits: list[Split], split: Split, share: float, seed: int) -> None:
    """Moves about `share` of the training samples to `split`, in place."""
    chosen = _choose(_units(dataset.samples, splits, f"{seed}/{split}"), share)
    if not chosen:
        raise DataError(
            f"{dataset.name}: no {split} split can be held out: every class has one sample only, or "
            f"lies in one group; add images, give a {split} split, or ask for none"
        )
    for unit in chosen:
        for place in unit.members:
            splits[place] = split


def _units(samples: Sequence[Sample], splits: Sequence[Split], salt: str) -> list[Unit]:
    """The training samples by group, but for groups that stand in another split already."""
    elsewhere = {unit_key(sample) for sample, split in zip(samples, splits, strict=True) if split != "train"}
    training = (place for place, split in enumerate(splits) if split == "train")
    return units_of(samples, (place for place in training if unit_key(samples[place]) not in elsewhere), salt=salt)


def _choose(units: Sequence[Unit], share: float) -> list[Unit]:
    """Units of about `share` of all samples, each class near its share and never all of it.

    Takes again and again the unit that brings the classes' shares nearest, while the total comes nearer too.
    Units of the same counts are equal but for their hash, so the queue holds each kind once. A kind's cost
    only grows with what its classes have given, so it is computed again when its turn comes, and only then.
    """
    totals = totals_of(units)
    target = _target(units, totals, share)
    held: Counter[int | None] = Counter()

    def cost(counts: Counts) -> float:
        """Growth of Σ (held - share·total)² / total over the classes."""
        return sum(n * (2 * (held[c] - share * totals[c]) + n) / totals[c] for c, n in counts)

    def leaves_one(counts: Counts) -> bool:
        return all(held[c] + n < totals[c] for c, n in counts)

    kinds = _by_kind(units)
    queue = [(cost(counts), alike[-1].order, counts) for counts, alike in kinds.items()]
    heapq.heapify(queue)
    chosen: list[Unit] = []
    size = 0
    while queue:
        queued, order, counts = heapq.heappop(queue)
        alike = kinds[counts]
        nearer = abs(size + alike[-1].size - target) < abs(size - target)
        if not nearer or not leaves_one(counts):
            continue
        if cost(counts) > queued:
            heapq.heappush(queue, (cost(counts), order, counts))
            continue
        chosen.append(alike.pop())
        held.update(dict(counts))
        size += chosen[-1].size
        if alike:
            heapq.heappush(queue, (cost(counts), alike[-1].order, counts))
    return chosen or _smallest([unit for unit in units if leaves_one(unit.counts)])


def _by_kind(units: Sequence[Unit]) -> dict[Counts, list[Unit]]:
    """Units of the same counts together, the one with the lowest hash last."""
    kinds: dict[Counts, list[Unit]] = {}
    for unit in sorted(units, key=lambda unit: unit.order, reverse=True):
        kinds.setdefault(unit.counts, []).append(unit)
    return kinds


def _target(units: Sequence[Unit], totals: Counter[int | None], share: float) -> int:
    """How many samples to hold out, at least one: the share of those whose class can spare one; of several labels, in
    proportion."""
    spared = sum(
        unit.size * sum(n for c, n in unit.counts if totals[c] > 1) / sum(n for _, n in unit.counts) for unit in units
    )
    return max(1, round(share * spared))


def _smallest(units: Sequence[Unit]) -> list[Unit]:
    """The one unit that exceeds the target least, where each exceeds it by more than none falls short."""
    return [min(units, key=lambda unit: (unit.size, unit.order))] if units else []
