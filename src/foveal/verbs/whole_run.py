"""One run from its settings to its report: the steps of `foveal.job`, one after the other."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from foveal.console import TrainingDisplay
from foveal.device import begin_to_start, pick_device
from foveal.errors import Interrupted, UsageError
from foveal.events import Event, Finished, RateFound
from foveal.job.asked import Asked
from foveal.job.begun import Begun, begin
from foveal.job.fed import Fed, feed, run_of
from foveal.job.job import Job, ready
from foveal.job.pace import planned
from foveal.job.read import known, read
from foveal.job.saving import hooks_of
from foveal.job.settled import settle
from foveal.job.tensorboard import tensorboard_log
from foveal.job.trials import tried
from foveal.runs import cut_events, in_use
from foveal.verbs.data_lines import say_data
from foveal.verbs.finish import finish_run
from foveal.verbs.signals import stop_requests


def whole_run(asked: Asked) -> dict[str, Any]:
    """The result of `foveal.train`, of a single run. Raises what that does."""
    processes = asked.processes
    if asked.options.batch_size == "auto" and processes.world > 1:
        raise UsageError(f"--batch-size auto is for one process, and these are {processes.world}: give a number")
    device = pick_device(asked.options.device)
    if processes.world == 1:  # a thread of another process would not know which GPU is its own
        begin_to_start(device)
    data = read(asked)
    say_data(data.dataset, data.task)
    settled = settle(known(data))
    asked.watch.lap("reading")  # the weights too: what decoding takes is planned by
    run = run_of(settled)
    with in_use(run, fresh=asked.run is None) if processes.first else nullcontext():
        fed, found = tried(feed(settled, run))
        return _trained(begin(fed), found)


def _trained(begun: Begun, found: RateFound | None) -> dict[str, Any]:
    processes, run = begun.asked.processes, begun.fed.run
    budget = planned(begun)
    with _recorder(begun.fed) if processes.first else nullcontext(_ignore) as record:
        if found is not None:
            record(found)
        with stop_requests(processes) as stop:
            job = ready(begun, hooks_of(begun, stop=stop.reason, budget=budget))
            for event in job.trainer.run():
                record(event)
        if stop.signal is not None:
            raise Interrupted(
                f"stopped after step {event.step}, saved; continue with: foveal train --resume {run.path}",
                exit_code=128 + stop.signal,
            )
        begun.asked.watch.lap("training")
        with processes.all_cores():
            return processes.broadcast(lambda: _finished(job, record))


def _finished(job: Job, record: Callable[[Event], None]) -> dict[str, Any]:
    result = finish_run(job)
    finished = Finished(
        step=job.state.progress.step,
        seconds=job.asked.watch.total(),
        images_per_second=result["images_per_second"],
        chosen=result.pop("chosen"),
    )
    record(finished)
    return result


@contextmanager
def _recorder(fed: Fed) -> Iterator[Callable[[Event], None]]:
    """A function that writes an event to the run's log and, if asked, for TensorBoard, shows it and hands it to
    `on_event`."""
    run, on_event = fed.run, fed.asked.on_event
    if not run.last.is_file():
        cut_events(run, -1)  # a run killed before its first checkpoint starts anew
    curves = tensorboard_log(run) if fed.settings.tensorboard else nullcontext(_ignore)
    with run.events.open("a", encoding="utf-8") as log, curves as draw, TrainingDisplay() as display:

        def record(event: Event) -> None:
            line = event.to_json()
            log.write(json.dumps(line) + "\n")
            log.flush()
            draw(line)
            display.show(event)
            if on_event is not None:
                on_event(event)

        yield record


def _ignore(event: Any) -> None:
    """What records a record nowhere: another process than the first, or no TensorBoard."""
