"""Train a network on labelled images and leave a run folder with a model file and a report.

Options that are not given are chosen from the data; the run says which and why.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from foveal.events import Event
from foveal.options import PYTHON_ONLY, Option
from foveal.types import Module
from foveal.verbs.parameters import Format, Settings


def train(
    data: Annotated[
        Any,
        Option(
            "A folder of class folders (with or without train/ val/ test/), a .csv, another format of docs/data.md, or "
            "a zip or tar of any.",
            typed=Path,
        ),
    ] = None,
    *,
    model: Annotated[str | Module | None, PYTHON_ONLY] = None,
    out: Annotated[
        Path | str | None, Option("The run folder to make [default: runs/DATA-MODEL-DATE].", typed=Path)
    ] = None,
    resume: Annotated[
        Path | str | None,
        Option("A run folder to continue where its checkpoint stands; --epochs may be raised.", typed=Path),
    ] = None,
    config: Annotated[Path | str | None, Option("A run's config.json to repeat.", typed=Path)] = None,
    format: Format = None,
    on_event: Annotated[Callable[[Event], None] | None, PYTHON_ONLY] = None,
    started: Annotated[float | None, PYTHON_ONLY] = None,
    **settings: Annotated[Any, Settings()],
) -> dict[str, Any]:
    """Trains a network and returns {"run", "model", "seconds", "images_per_second", "metrics"}; a cross-validation
    (`folds`) {"run", "seconds", "metrics", "folds"}.

    data: what `foveal.read_dataset` takes: a folder, a .csv, IDX files, (images, labels) or a Dataset. Test images
    are not read before training has ended. `model` is a name (`foveal models`) or your own `nn.Module`, images
    (B, C, H, W) -> outputs (B, K): logits, or numbers to regress. `settings` are the options of
    `foveal train --help`: the fields of `TrainOptions`, of each task's own options and of `AugmentSettings`.
    out: a new run folder. resume: a run folder to continue; only `epochs` may be changed with it. config: a run's
    config.json to repeat. format: the data's, where a path can be read as more than one. on_event: called with each
    training event. started: the `time.perf_counter()` from which the setting `time` counts; None is now.
    Started by torchrun, all processes train one network and get the same result; the first one alone writes, speaks and
    calls `on_event`.
    Raises UsageError, DataError (BadImagesError lists all bad images), ModelError, RunError, Interrupted after a Ctrl-C
    or SIGTERM, once a checkpoint is saved, and ProcessLost where another process failed.
    """
    from torch import nn

    from foveal.console import Stopwatch, say
    from foveal.job.asked import asked_for, asked_of_run
    from foveal.processes.group import joined
    from foveal.verbs.folds import cross_validate
    from foveal.verbs.whole_run import whole_run

    watch = Stopwatch(started)
    module = model if isinstance(model, nn.Module) else None
    if isinstance(model, str):
        settings["model"] = model
    with joined() as processes:
        begun = processes.broadcast(lambda: processes.kept("run"))
        if begun is not None:  # torchrun has started these processes in the place of others, whose run goes on
            say(f"started again: continuing {begun}")
            resume, out, config, format, settings = begun, None, None, None, {}
            data = None if isinstance(data, str | os.PathLike) else data
        if resume is not None:
            others = {"out": out, "config": config, "format": format}
            asked = asked_of_run(Path(resume), data, {**settings, **others}, module)
        else:
            asked = asked_for(data, settings, None if config is None else Path(config), format=format)
        asked = replace(
            asked,
            module=module,
            out=None if out is None else Path(out),
            processes=processes,
            watch=watch,
            on_event=on_event,
        )
        whole = asked.options.folds and not asked.options.fold
        return cross_validate(asked) if whole else whole_run(asked)
