"""The sixth step: the network and its optimiser, fresh or where the checkpoint stands, the same on every process."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from foveal.console import say
from foveal.device import pick_device
from foveal.errors import UsageError
from foveal.evaluation.evaluate import duplicate_notes, labelled_hashes, left_out_notes
from foveal.job.asked import Asked, save_config
from foveal.job.fed import Fed
from foveal.recipes import RECIPES
from foveal.runs import cut_events
from foveal.training.distribution import share_state
from foveal.training.prepare import TrainingData, prepare_state
from foveal.training.settings import TrainSettings
from foveal.training.state import TrainState, load_checkpoint


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A run at the step that it goes on from."""

    fed: Fed
    state: TrainState
    notes: tuple[str, ...] = ()
    """What is to be known of its data."""

    @property
    def asked(self) -> Asked:
        return self.fed.asked

    @property
    def settings(self) -> TrainSettings:
        return self.fed.settings

    @property
    def device(self) -> torch.device:
        return pick_device(self.settings.device)


def fresh(fed: Fed) -> Begun:
    """The run at its first step: seeded, but for the user's own module, which is trained as it is."""
    asked = fed.asked
    state = prepare_state(
        fed.settings,
        fed.task,
        fed.data,
        device=pick_device(fed.settings.device),
        module=asked.module,
        processes=asked.processes,
        start=fed.settled.start,
    )
    return Begun(fed=fed, state=state)


def begin(fed: Fed) -> Begun:
    """The run as it starts or goes on, with its settings in its folder.

    Raises RunError where it goes on and the data or the network are others, UsageError for epochs that are over.
    """
    notes = (
        *fed.dataset.notes,
        *_data_notes(fed.data, fed.dataset.classes),
        *RECIPES[fed.settings.task].notes(fed.settings, fed.data.train.samples),
    )
    for note in notes:
        say(f"warning: {note}")
    begun = replace(fresh(fed), notes=notes)
    _say_network(begun)
    processes = fed.asked.processes
    if processes.first:
        if fed.run.last.is_file():
            _continue(begun)
        save_config(fed.run, fed.asked, fed.dataset, fed.recipe, fed.origin)
        processes.keep("run", str((fed.asked.whole or fed.run).path))
    share_state(begun.state, processes)
    return begun


def _say_network(begun: Begun) -> None:
    state, processes = begun.state, begun.asked.processes
    parameters = sum(each.numel() for each in state.network.parameters())
    frozen = sum(each.numel() for module in state.frozen for each in module.parameters())
    counted = f"{parameters:,} parameters" + (f", {frozen:,} of them frozen" if frozen else "")
    precision = "bfloat16" if state.plan.bfloat16 else "float32"
    say(f"network: {begun.settings.model}, {counted}, on {begun.device}, {precision}")
    if processes.world > 1:
        say(f"processes: {processes.world}, {torch.get_num_threads()} threads each")


def _continue(begun: Begun) -> None:
    """Takes the run up where its checkpoint stands."""
    state, run = begun.state, begun.fed.run
    planned = state.plan
    load_checkpoint(state, run.last)
    if begun.asked.new_epochs:
        if planned.total_steps <= state.progress.step:
            taken = state.progress.step / planned.steps_per_epoch
            raise UsageError(f"--epochs {begun.settings.epochs:g}: this run has taken {taken:.4g}; give more")
        state.plan = replace(state.plan, total_steps=planned.total_steps)
    cut_events(run, state.progress.step)
    begun.asked.watch.add("training", state.progress.seconds)


def _data_notes(data: TrainingData, classes: tuple[str, ...]) -> tuple[str, ...]:
    notes = duplicate_notes(*labelled_hashes({"train": data.train, "val": data.val}, classes))
    return (*notes, *left_out_notes(data.skipped))
