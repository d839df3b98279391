"""Write a data set in another format; images are copied as they are."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from foveal.annotations import Instance, Polygons
from foveal.errors import DataError, UsageError, did_you_mean
from foveal.options import Option
from foveal.read import LEARNED_FROM, READERS
from foveal.read.reader import Unsupported
from foveal.types import TaskName, instances_in
from foveal.verbs.parameters import Format, NewFolder

UNSUPPORTED: dict[Unsupported, tuple[Callable[[Instance], bool], str]] = {
    "outline": (lambda each: each.mask is not None, "outlines; their boxes are kept"),
    "rings": (
        lambda each: each.mask is not None and not (isinstance(each.mask, Polygons) and len(each.mask.rings) == 1),
        "outlines that are not one polygon; their boxes are kept",
    ),
    "crowd": (lambda each: each.crowd, "marks that an object is a crowd"),
    "difficult": (lambda each: each.difficult, "marks that an object is difficult"),
}
"""What a format may not hold: which instances it concerns, and how the result says so."""


def convert(
    data: Annotated[Any, Option("The data set to read.", typed=Path)],
    *,
    to: Annotated[str, Option("The format to write.", choices=lambda: (*READERS,))],
    out: NewFolder,
    format: Format = None,
    task: Annotated[
        TaskName | None,
        Option("What a table is read for, where its columns don't say it.", choices=lambda: (*LEARNED_FROM,)),
    ] = None,
    target: Annotated[
        str | Sequence[str] | None,
        Option("Target column of a table, of numbers; repeat it for each further column.", typed=tuple[str, ...]),
    ] = None,
) -> dict[str, Any]:
    """Writes the data set `data` in the format `to` to the new folder `out`; images are copied as they are.

    data: what `foveal.read_dataset` takes, and `format` the one it is in, where a path can be read as more than one.
    task and target (a table's columns of numbers): what it is read for, where it doesn't say that itself.
    Returns {"out", "format", "images", "counts", "left_out"}: `left_out` says what reading left out, and what the
    format does not hold.
    Raises UsageError for an unknown format, DataError for data that can't be read or that `to` can't hold at all.
    """
    from foveal.console import say
    from foveal.read.dataset import read_dataset

    if to not in READERS:
        raise UsageError(f"--to {to}: no such format; {did_you_mean(to, READERS)}")
    names = (target,) if isinstance(target, str) else target
    dataset = read_dataset(data, format=format, task=task, names=names)
    reader = READERS[to]
    gives = READERS[dataset.format].gives
    if not set(gives) & set(reader.gives):
        others = ", ".join(each.name for each in READERS.values() if set(gives) & set(each.gives))
        held = gives[0].HELD
        raise DataError(f"{dataset.name}: {dataset.format} holds {held}, which {to} does not; there are {others}")
    reader.write(dataset, Path(out))
    instances = list(instances_in(dataset.samples))
    left_out = list(dataset.notes)
    for note in dataset.notes:
        say(note)
    for part in reader.unsupported:
        concerns, words = UNSUPPORTED[part]
        if count := sum(map(concerns, instances)):
            left_out.append(f"{count:,} {words}")
            say(f"left out, as {to} does not hold them: {left_out[-1]}")
    return {
        "out": str(out),
        "format": to,
        "images": len(dataset.samples),
        "counts": dataset.counts(),
        "left_out": left_out,
    }
