"""What a data set can be learned as: it follows from the kind of its annotations, and here alone."""

from collections.abc import Callable
from dataclasses import replace

from foveal.annotations import Annotation, ClassLabel, LabelSet, Numbers
from foveal.errors import DataError
from foveal.read import LEARNED_FROM
from foveal.read.csv_columns import number_in
from foveal.read.names import listed
from foveal.read.taught import ONE_TARGET
from foveal.types import Dataset, TaskName


def task_of(dataset: Dataset) -> TaskName:
    """The task that the data set's annotations are for."""
    kind = dataset.annotates or ClassLabel
    return next(task for task, needed in LEARNED_FROM.items() if needed is kind)


def read_for(dataset: Dataset, task: TaskName | None) -> Dataset:
    """The data set with its annotations as the task needs them, where they can be read as such; else as it is.

    Raises DataError for classes that are no numbers, where numbers are needed.
    """
    kind = dataset.annotates
    convert = None if task is None or kind is None else _CONVERSIONS.get((kind, LEARNED_FROM[task]))
    return dataset if convert is None else convert(dataset)


def require_annotations(dataset: Dataset, task: TaskName) -> None:
    """Raises DataError where a sample lacks what the task learns from."""
    needed, kind = LEARNED_FROM[task], dataset.annotates
    without = [sample.id for sample in dataset.samples if not isinstance(sample.annotation, needed)]
    if not without:
        return
    if needed is not ClassLabel:
        raise DataError(f"{dataset.name}: {len(without)} images have no {needed.NEEDED} to {task}: {listed(without)}")
    if kind is not None and kind.PLACED:
        raise DataError(f"{dataset.name}: {dataset.format} says where things are; expected one class an image")
    if (other := task_of(dataset)) != task:
        raise DataError(f"{dataset.name}: expected one class an image, got what --task {other} learns")
    raise DataError(f"{dataset.name}: {len(without)} samples have no label: {listed(without)}")


def without_void(dataset: Dataset, void: int | None) -> Dataset:
    """The data set without the class that stands for void pixels, where that is the last one."""
    if void is None or void != len(dataset.classes) - 1:
        return dataset
    return replace(dataset, classes=dataset.classes[:-1])


def _as_numbers(dataset: Dataset) -> Dataset:
    """A data set of classes whose names are numbers, with those as targets. Raises DataError for other names."""
    numbers = [number_in(name) for name in dataset.classes]
    words = [name for name, number in zip(dataset.classes, numbers, strict=True) if number is None]
    if words:
        raise DataError(f"{dataset.name}: to regress, each label has to be a number; these are not: {listed(words)}")
    known = [Numbers((number,)) for number in numbers if number is not None]
    return replace(_with(dataset, known), classes=(ONE_TARGET,))


def _as_label_sets(dataset: Dataset) -> Dataset:
    """A data set of one class an image as one of labels, of which each image has its own."""
    return _with(dataset, [LabelSet((index,)) for index in range(len(dataset.classes))])


def _with(dataset: Dataset, by_class: list[Numbers] | list[LabelSet]) -> Dataset:
    """The data set of classes with these in place of each sample's class."""
    samples = tuple(
        replace(each, annotation=by_class[each.annotation.index]) if isinstance(each.annotation, ClassLabel) else each
        for each in dataset.samples
    )
    return replace(dataset, samples=samples)


_CONVERSIONS: dict[tuple[type[Annotation], type[Annotation]], Callable[[Dataset], Dataset]] = {
    (ClassLabel, Numbers): _as_numbers,
    (ClassLabel, LabelSet): _as_label_sets,
}
"""(what a data set has, what a task needs) -> the one as the other."""
