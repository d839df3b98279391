"""What is checked of every data set, whichever reader gave it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from foveal.annotations import Numbers
from foveal.read.names import listed, natural_sorted, refuse
from foveal.types import Dataset, Sample


def checked(dataset: Dataset, where: Path | str) -> Dataset:
    """The data set as it is. `where` is what an error begins with.

    Raises DataError that lists up to 20 problems: class names that are empty, there twice or the same but for letter
    case and spaces around them; no images; ids that are there twice; annotations of several kinds or none at all, and
    such as fit no class.
    """
    problems = _of_names(dataset.classes)
    if dataset.annotates is not Numbers:  # x and X may well be two numbers, but hardly two classes
        problems += _alike(dataset.classes)
    problems += _of_samples(dataset.samples, dataset.classes) if dataset.samples else ["there are no images"]
    refuse(where, problems)
    return dataset


def _of_names(names: Sequence[str]) -> list[str]:
    problems = ["the name of a class is empty"] if not all(map(str.strip, names)) else []
    if len(set(names)) < len(names):
        twice = natural_sorted(name for name in names if names.count(name) > 1)
        problems.append(f"a class is named twice: {listed(twice)}")
    return problems


def _alike(names: Sequence[str]) -> list[str]:
    """Classes that are one to a reader, and to a system that ignores letter case."""
    by_word: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        by_word.setdefault(name.strip().casefold(), []).append(name)
    return [_only(same) for same in by_word.values() if len(same) > 1]


def _only(same: Sequence[str]) -> str:
    if all(name == name.strip() for name in same):
        return f"classes {' and '.join(same)} differ in letter case only; rename one"
    return f"classes {' and '.join(map(repr, same))} differ in spaces around them or letter case only; rename one"


def _of_samples(samples: Sequence[Sample], names: Sequence[str]) -> list[str]:
    ids, known = [sample.id for sample in samples], [sample.annotation for sample in samples]
    problems = []
    if len(set(ids)) < len(ids):
        twice = [name for name, times in Counter(ids).items() if times > 1]
        problems += [f"two samples have the id {name!r}" for name in natural_sorted(twice)]
    # Samples of one class mostly share their annotation, which is looked at once, for the first that has it.
    first = dict(zip(map(id, reversed(known)), range(len(known) - 1, -1, -1), strict=True))
    kinds = {type(known[place]) for place in first.values() if known[place] is not None}
    if not kinds:
        problems.append("nothing is known of any image: there is nothing to learn")
    if len(kinds) > 1:
        named = " and ".join(sorted(kind.__name__ for kind in kinds))
        problems.append(f"its images are annotated in several ways, {named}; expected one")
    for place in sorted(first.values()):
        annotation = known[place]
        fault = "" if annotation is None else annotation.fault(names)
        problems += [f"{ids[place]}{fault}"] if fault else []
    return problems
