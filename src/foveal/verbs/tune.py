"""Find better settings by training many times, judged on held-out images; test images are not read.

Varied are the learning rate, the weight decay, the augmentation's strength and, of several, the network; what is given
as an option is not.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from foveal.errors import RunError, UsageError
from foveal.options import Option
from foveal.processes.launch import launched
from foveal.runs import in_use, new_run
from foveal.verbs.parameters import Data, Format, Settings


def tune(
    data: Data = None,
    *,
    trials: Annotated[int | None, Option("How many trainings [default: 20].")] = None,
    time: Annotated[str | None, Option("For all trials together, such as 30m or 2h, in equal parts.")] = None,
    models: Annotated[
        Sequence[str] | None,
        Option("Networks to choose from [default: the one that train would choose].", typed=list[str], many=True),
    ] = None,
    out: Annotated[Path | str | None, Option("The folder to make [default: runs/tuning-DATE].", typed=Path)] = None,
    resume: Annotated[
        Path | str | None, Option("A tuning's folder to go on with; --trials may be raised.", typed=Path)
    ] = None,
    format: Format = None,
    **settings: Annotated[Any, Settings(without=("model", "time", "folds", "fold", "find_lr"))],
) -> dict[str, Any]:
    """Trains with other settings again and again; returns {"run", "config", "figure", "best", "trials"}.

    Varied are the learning rate and the weight decay, from a tenth to ten times what the rules choose, the strength of
    the augmentation, from none to twice theirs, and the network where several `models` are named. A setting that is
    given is not varied. What to try next is chosen by Optuna's tree-structured Parzen estimator (Bergstra et al. 2011,
    "Algorithms for Hyper-Parameter Optimization"); a trial that does worse than the median of the earlier ones at the
    same point of training is given up.

    Trials learn from the training images and are judged on the held-out ones. Test images are never read: they are
    there to judge what is trained with "config" at the end.

    data, format, settings: as for `foveal.train`. trials: how many, 20 where not given. time: of all trials together,
    such as "1h", in equal parts; without it each takes as long as its epochs. out: a new folder. resume: a tuning's
    folder to go on with, where only `trials` may change; the trial that was broken off starts anew.
    A trial that fails for its own settings, such as one that doesn't fit into memory, is passed over.
    Raises UsageError, DataError, ModelError, RunError where Optuna is not installed, the folder can't be used or its
    data changed, DivergedError where all trials did, FovealError where none came to an end, and Interrupted after a
    Ctrl-C or SIGTERM.
    """
    from foveal.job.asked import without_none
    from foveal.verbs.tuning import TRIALS, asked_tuning, begun_tuning, tuned

    if launched().world > 1:
        raise UsageError("foveal tune trains one trial after another in one process: start it without torchrun")
    given = without_none(settings)
    if resume is not None:
        others = {**given, "out": out, "models": models, "time": time, "format": format}
        run, asked = begun_tuning(Path(resume), trials, [name for name, value in others.items() if value is not None])
        data = asked.data if data is None else data
        if data is None:
            raise RunError(f"{resume}: this tuning's data came from Python; give it again: foveal.tune(data, resume=…)")
    else:
        asked = asked_tuning(
            data, given, models=models, trials=TRIALS if trials is None else trials, time=time, format=format
        )
        run = new_run(None if out is None else Path(out), "tuning")
    with in_use(run, fresh=resume is None):
        return tuned(run, data, asked)
