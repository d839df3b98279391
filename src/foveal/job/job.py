"""The last step: a trainer that knows where weights go and when to stop; and copies of it that nothing remains of."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

from foveal.job.asked import Asked
from foveal.job.begun import Begun, fresh
from foveal.job.fed import Fed
from foveal.training.distribution import share_state
from foveal.training.hooks import NO_HOOKS, Hooks
from foveal.training.loop import Trainer
from foveal.training.state import TrainState


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run, ready for its next step."""

    begun: Begun
    trainer: Trainer

    @property
    def asked(self) -> Asked:
        return self.begun.asked

    @property
    def fed(self) -> Fed:
        return self.begun.fed

    @property
    def state(self) -> TrainState:
        return self.begun.state


def ready(begun: Begun, hooks: Hooks = NO_HOOKS, *, one_step_at_once: bool = False) -> Job:
    """The run with its trainer."""
    data = begun.fed.data
    trainer = Trainer(
        begun.fed.task,
        begun.state,
        data.preprocess,
        data.train,
        data.val,
        device=begun.device,
        processes=begun.asked.processes,
        hooks=hooks,
        one_step_at_once=one_step_at_once,
    )
    return Job(begun=begun, trainer=trainer)


def throw_away(fed: Fed) -> Trainer:
    """A trainer of a copy of the run at its first step, each step made alone: it changes nothing of the run."""
    asked = replace(fed.asked, module=copy.deepcopy(fed.asked.module))
    read = replace(fed.settled.known.read, asked=asked)
    settled = replace(fed.settled, known=replace(fed.settled.known, read=read))
    begun = fresh(replace(fed, settled=settled))
    share_state(begun.state, asked.processes)
    return ready(begun, one_step_at_once=True).trainer
