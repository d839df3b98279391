"""What an array beside the images teaches: a class an image, several labels or none, or numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from foveal.annotations import Annotation, ClassLabel, LabelSet, Numbers
from foveal.errors import DataError
from foveal.read.names import listed, natural_sorted

ONE_TARGET = "target"
"""Of a single column of numbers without a name."""


def taught(
    labels: Sequence[Any] | np.ndarray, classes: Sequence[str] | None
) -> tuple[Sequence[Annotation], tuple[str, ...]]:
    """(what is known of each image, the names of classes or targets).

    labels: strings or integers (N,), a class each; floats (N,) or (N, T), targets; bool or 0 and 1 (N, K) of
    several columns, labels of which an image may have any number. Raises DataError.
    """
    values = np.asarray(labels)
    if values.size and values.ndim == 2 and values.shape[1] > 1 and values.dtype.kind in "iub":
        return _sets(values, classes)
    if values.size and values.dtype.kind == "f" and values.ndim in (1, 2):
        return _targets(values.reshape(len(values), -1), classes)
    indices, names = _labels(values, classes)
    known = [ClassLabel(index) for index in range(len(names))]
    return [known[index] for index in indices], names


def class_names(classes: Sequence[str]) -> tuple[str, ...]:
    """The names, each another. Raises DataError."""
    names = tuple(str(name) for name in classes)
    twice = natural_sorted(name for name in names if names.count(name) > 1)
    if twice or "" in names:
        raise DataError(f"classes: each needs a name of its own; {listed(twice) or 'one is empty'}")
    return names


def as_floats(labels: Sequence[Any] | np.ndarray) -> Sequence[Any] | np.ndarray:
    """Whole numbers as `taught` reads numbers to tell; all else as it is."""
    values = np.asarray(labels)
    return values.astype(np.float64) if values.dtype.kind in "iub" else labels


def _sets(values: np.ndarray, classes: Sequence[str] | None) -> tuple[list[LabelSet], tuple[str, ...]]:
    if not np.isin(values, (0, 1)).all():
        raise DataError(
            f"labels: expected 0 and 1 for labels of shape {values.shape}, got {values.min()} to {values.max()}; "
            "numbers to tell have to be float"
        )
    names = _names_of_columns(
        values, [str(column) for column in range(values.shape[1])] if classes is None else classes
    )
    return [LabelSet(tuple(np.flatnonzero(row).tolist())) for row in values], names


def _targets(values: np.ndarray, classes: Sequence[str] | None) -> tuple[list[Numbers], tuple[str, ...]]:
    count = values.shape[1]
    own = [ONE_TARGET] if count == 1 else [f"{ONE_TARGET} {column}" for column in range(count)]
    names = _names_of_columns(values, own if classes is None else classes)
    return [Numbers(tuple(row)) for row in values.tolist()], names


def _names_of_columns(values: np.ndarray, names: Sequence[str]) -> tuple[str, ...]:
    if len(names) != values.shape[1]:
        raise DataError(f"classes: {len(names)} names for {values.shape[1]} columns of labels")
    return class_names(names)


def _labels(values: np.ndarray, classes: Sequence[str] | None) -> tuple[list[int], tuple[str, ...]]:
    """Each label as an index, and the class names that they index."""
    if values.size == 0:
        return [], class_names(classes or ())
    if values.ndim != 1:
        raise DataError(f"labels: expected one for each image, shape (N,), got {values.shape}")
    if values.dtype.kind in "OU":
        return _text_labels(values.tolist(), classes)
    if values.dtype.kind not in "iub":
        raise DataError(f"labels: expected integers, strings or floats, got dtype {values.dtype}")
    numbers = [int(value) for value in values.tolist()]
    if classes is None:
        found = sorted(set(numbers))
        index = {number: i for i, number in enumerate(found)}
        return [index[number] for number in numbers], tuple(str(number) for number in found)
    names = class_names(classes)
    wrong = sorted({number for number in numbers if not 0 <= number < len(names)})
    if wrong:
        raise DataError(f"labels: {listed([str(n) for n in wrong])} index none of the {len(names)} classes")
    return numbers, names


def _text_labels(texts: list[Any], classes: Sequence[str] | None) -> tuple[list[int], tuple[str, ...]]:
    for i, text in enumerate(texts):
        if not isinstance(text, str) or not text:
            raise DataError(f"labels[{i}]: expected a class name, got {text!r}")
    names = natural_sorted(texts) if classes is None else class_names(classes)
    index = {name: label for label, name in enumerate(names)}
    unknown = natural_sorted(text for text in texts if text not in index)
    if unknown:
        raise DataError(f"labels: {listed(unknown)} not among the classes {listed(names)}")
    return [index[text] for text in texts], names
