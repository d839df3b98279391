"""The lines on the data that are shown before training."""

from collections import Counter

from foveal.console import say
from foveal.reporting.tasks import PRESENTATIONS
from foveal.types import Dataset, TaskName

_LISTED = 30  # classes


def say_data(dataset: Dataset, task: TaskName) -> None:
    """Says its name and format, how many images each split has of what, and which files were left alone."""
    nouns = PRESENTATIONS[task].nouns
    learned = nouns.learned(len(dataset.classes))
    say(f"data: {dataset.name}, {dataset.format}, {learned}, {len(dataset.samples):,} images")
    images = Counter[str](sample.split or "all" for sample in dataset.samples)
    for split, counts in dataset.counts().items():
        listed = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:_LISTED])
        more = f", … {len(counts) - _LISTED} more" if len(counts) > _LISTED else ""
        say(f"  {split}: {nouns.split_size(images[split], sum(counts.values()))} ({listed}{more})")
    for line in nouns.data_lines(dataset):
        say(f"  {line}")
    if dataset.ignored:
        shown = ", ".join(dataset.ignored[:5]) + (", …" if len(dataset.ignored) > 5 else "")
        say(f"  left alone: {len(dataset.ignored)} files ({shown})")
