"""TensorBoard as a reader of a run's records: their figures by step, in the run folder's tensorboard/."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from foveal.errors import RunError
from foveal.runs import RunFolder, read_events

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_OF_STEPS = ("loss", "lr", "images_per_second", "size")
_FLUSH_SECONDS = 10
"""How long a figure may wait before TensorBoard can see it."""


def summary_writer() -> type[SummaryWriter]:
    """PyTorch's writer of TensorBoard's files. Raises RunError where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise RunError('--tensorboard needs TensorBoard: pip install "foveal[tensorboard]"') from None
    return SummaryWriter


@contextmanager
def tensorboard_log(run: RunFolder) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that writes a record's figures. The run's records so far are written first, into an emptied folder: a
    resumed run took back those after its checkpoint."""
    records = read_events(run)
    started = time.time() - max((record.get("seconds", 0.0) for record in records), default=0.0)
    if run.tensorboard.is_dir():
        shutil.rmtree(run.tensorboard)
    with summary_writer()(str(run.tensorboard), flush_secs=_FLUSH_SECONDS) as writer:

        def write(record: Mapping[str, Any]) -> None:
            for tag, value in figures(record):
                writer.add_scalar(tag, value, record["step"], walltime=started + record["seconds"])

        for record in records:
            write(record)
        yield write


def figures(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """A record's numbers by the names they have in TensorBoard; none of a record that is no curve's point."""
    match record["event"]:
        case "step":
            for name in _OF_STEPS:
                yield f"steps/{name}", record[name]
            for figure, value in record["figures"].items():
                yield f"steps/{figure}", value
        case "epoch":
            for part, name in (("train", "training"), ("val", "held_out")):
                for figure, value in record[part].items():
                    yield f"{name}/{figure}", value
