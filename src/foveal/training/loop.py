"""The training loop: a generator of events. Whoever consumes them draws the bars, writes the log and saves the model.

Legend: B batch, K classes.
"""

import copy
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from foveal.device import keep_freed_memory, seed_draws
from foveal.events import CheckpointSaved, EpochDone, Event, Planned, Stopped
from foveal.feed.store import Store
from foveal.losses.penalties import penalty_terms
from foveal.networks.build import Network
from foveal.networks.resnet import RecomputedBlock
from foveal.preprocess import Preprocess
from foveal.processes.group import ALONE, Processes
from foveal.tasks.task import Outputs, Targets, Task
from foveal.training.batches import Batches
from foveal.training.cuda_graph import CapturedSteps
from foveal.training.distribution import GradientSum
from foveal.training.held_out import autocast, held_out_figures, is_to_keep
from foveal.training.hooks import NO_HOOKS, Hooks
from foveal.training.memory import saying_what_is_too_large
from foveal.training.optimisers import decaying_weights, set_rate
from foveal.training.state import TrainState
from foveal.training.sums import FigureSums, check_finite

_SMALLER_STEP = (
    "lower --batch-size (with --accumulate 2 a half of it makes the same step) or --size, or keep less of a residual "
    "network with --gradient-checkpointing"
)
_PROCESS_SEED = 0x9E3779B97F4A7C15  # far apart: no process draws at one step what another draws at any


class Trainer:
    """A task, a network's state and the data it learns from; `run()` yields what happens."""

    def __init__(
        self,
        task: Task,
        state: TrainState,
        preprocess: Preprocess,
        train_store: Store,
        val_store: Store | None,
        *,
        device: torch.device,
        processes: Processes = ALONE,
        hooks: Hooks = NO_HOOKS,
        one_step_at_once: bool = False,
    ) -> None:
        """Each of several processes runs a trainer of its own; their states are the same after each step.

        one_step_at_once: whether a step's batch is made alone, so that the step shows what it costs.
        """
        keep_freed_memory()
        self.task, self.state, self.preprocess, self.device = task, state, preprocess, device
        self.val_store = val_store
        self.processes = processes
        self.batches = Batches(
            task,
            state,
            preprocess,
            train_store,
            device=device,
            processes=processes,
            one_step_at_once=one_step_at_once,
        )
        self._hooks = hooks
        self._replanned_at = 0.0
        self._sum_gradients = GradientSum(state.network, processes, frozen=state.frozen)
        self._penalised = decaying_weights(state.network)
        names = ("loss", *state.plan.penalties, *task.learning.step_metric_names)
        self._sums = FigureSums(names, state, device=device, processes=processes)
        self._waits = device.type != "cuda"
        """Whether each step is settled: a GPU is waited for only where somebody wants to know."""
        self._captured = CapturedSteps() if self._can_capture() else None
        self._averaged: nn.Module | None = None

    def run(self) -> Iterator[Event]:
        """Trains to the end of the plan, from wherever the state stands."""
        state = self.state
        started = time.perf_counter() - state.progress.seconds
        yield self._planned("after a resume" if state.progress.step else "at the start")
        self._hooks.save_checkpoint(state)  # from here on a kill loses no more than `checkpoint_seconds`
        saved_at = self._replanned_at = time.perf_counter()
        while state.progress.step < state.plan.total_steps:
            self.step()
            state.progress.seconds = time.perf_counter() - started
            step, plan = state.progress.step, state.plan
            if step % plan.log_every == 0 or step == 1:
                yield self._sums.step_record(self._lr_at(step - 1))
            ended = None
            epoch_ended = step % plan.steps_per_epoch == 0 or step == plan.total_steps
            if epoch_ended:
                record = self._finish_epoch()
                state.progress.seconds = time.perf_counter() - started
                yield replace(record, seconds=state.progress.seconds)
                if plan.patience and record.epoch - state.progress.best_epoch >= plan.patience:
                    ended = f"no better held-out figure for {plan.patience} epochs"
                    state.plan = replace(plan, total_steps=step)
            if self._hooks.replan is not None and not ended:
                total_steps = self.processes.broadcast(partial(self._replanned, epoch_ended))
                if total_steps != plan.total_steps:
                    state.plan = replace(plan, total_steps=total_steps)
                    yield self._planned("to end within the time given")
            reason = self._hooks.stop()
            late = time.perf_counter() - saved_at >= plan.checkpoint_seconds
            if reason or (late and self.processes.world == 1):  # the clocks of several processes differ
                self.settle()
            due = late and not self._sums.pending.steps
            if reason or due or step >= state.plan.total_steps:
                self._hooks.save_checkpoint(state)
                saved_at = time.perf_counter()
                yield CheckpointSaved(step=step, epoch=step // plan.steps_per_epoch)
            if reason and step < state.plan.total_steps:
                yield Stopped(step=step, reason=reason)
                return
            if ended:
                yield Stopped(step=step, reason=ended)

    def evaluate(self, network: nn.Module) -> tuple[dict[str, float], float]:
        """The task's figures of the held-out images, and the standard error of the primary one. Raises OutOfMemory."""
        assert self.val_store is not None
        return held_out_figures(
            network,
            self.task,
            self.val_store,
            self.preprocess,
            self.state.plan,
            device=self.device,
            processes=self.processes,
        )

    def learn(self, inputs: Tensor, targets: Targets, *, share: float = 1.0, emphasis: float = 1.0) -> None:
        """Adds the gradient of a batch, which counts as this share of the step, and takes its figures.

        emphasis: of its loss, where its images count more or less than those that other processes have.
        """
        with autocast(self.state.plan, self.device):
            outputs = self.state.network(inputs)
        terms = self.task.learning.loss(outputs, targets)
        penalties = penalty_terms(self._penalised, self.state.plan.penalties)
        loss = torch.stack(list(terms.values())).sum() * emphasis + sum(penalties.values())
        (loss * share).backward()
        self._note({"loss": loss, **penalties}, outputs, targets)

    def update(self, lr: float) -> None:
        """The optimiser's step by the gradient so far, and the moving average's."""
        set_rate(self.state.optimiser, lr)
        self._take_step()
        self._average()

    def settle(self) -> None:
        """Waits for the device, and takes in the time and the figures, of all processes, of the steps since before."""
        self._sums.settle()

    def step(self, size: int | None = None) -> None:
        """One step of the plan; size: of its images, where another than the plan's. Raises OutOfMemory."""
        plan = self.state.plan
        size = size or plan.size_at(self.state.progress.step)
        what = f"a step with {min(plan.batch_size, plan.num_samples)} images of {size} px"
        with saying_what_is_too_large(what, remedy=_SMALLER_STEP):
            self._step(size)

    def _step(self, size: int) -> None:
        state, plan, progress = self.state, self.state.plan, self.state.progress
        step = progress.step
        if size != self._sums.pending.size:
            self.settle()
        draws = self.batches.draws(step)
        self.batches.announce(step)
        start = time.perf_counter()
        # Dropout is keyed by step: a resumed run draws the same. And by process, or all would drop the same units.
        seed_draws((plan.seed * 1_000_003 + step + self.processes.rank * _PROCESS_SEED) % 2**63, self.device)
        state.network.train()
        for module in state.frozen:
            module.eval()
        if self._captured is not None:
            batch = self.batches.whole(step, size=size)
            set_rate(state.optimiser, self._lr_at(step))
            self._captured(self._learn_and_update, *batch)
            self._average()
        else:
            learned = 0
            for part in self.batches.parts(draws):
                learned += self._learn_own(part, share=len(part) / len(draws), size=size)
            self._sum_gradients(learned / len(draws))
            self.update(self._lr_at(step))
        progress.step += 1
        self._sums.pending.add(len(draws), size=size, seconds=time.perf_counter() - start)
        if self._waits or self._is_looked_at(step + 1):
            self.settle()

    def _can_capture(self) -> bool:
        """Whether `CapturedSteps` takes the steps: on one GPU, of a network of ours that tells of a whole image, in one
        part, with nothing from the CPU in its loss, and by an optimiser that waits for nothing."""
        state = self.state
        return (
            self.device.type == "cuda"
            and self.processes.world == 1
            and state.plan.accumulate == 1
            and self.task.learning.item_weights is None
            and type(state.network) is Network  # a detector is one too, and decides by values
            and not any(isinstance(each, RecomputedBlock) for each in state.network.modules())
            and all(isinstance(group["lr"], Tensor) for group in state.optimiser.param_groups)
        )

    def _learn_and_update(self, inputs: Tensor, targets: Tensor) -> None:
        self.learn(inputs, targets)
        self._take_step()

    def _take_step(self) -> None:
        state = self.state
        if state.plan.clip_norm:
            nn.utils.clip_grad_norm_(state.network.parameters(), state.plan.clip_norm)
        state.optimiser.step()
        state.optimiser.zero_grad(set_to_none=True)

    def _average(self) -> None:
        if self.state.ema is not None:
            self.state.ema.update(self.state.network)

    def _is_looked_at(self, step: int) -> bool:
        """Whether a step record follows `step` steps."""
        plan = self.state.plan
        ended = step % plan.steps_per_epoch == 0 or step >= plan.total_steps
        return ended or step == 1 or step % plan.log_every == 0

    def _learn_own(self, part: Tensor, *, share: float, size: int) -> int:
        """Learns from this process's images of a part, which counts as that share of the step; gives their number."""
        own = self.processes.share(len(part))
        count = own.stop - own.start
        epoch = self.state.progress.step // self.state.plan.steps_per_epoch
        batch = self.batches.own(part, count, epoch=epoch, size=size) if count else None
        emphasis = self._emphasis(batch, len(part))
        if batch is not None:
            self.learn(*batch, share=share * (count / len(part)), emphasis=emphasis)
        return count

    def _emphasis(self, batch: tuple[Tensor, Targets] | None, images: int) -> float:
        """What makes a loss that weighs its items the mean over all processes' images of a part: the mean weight of
        those here over the mean of all."""
        if self.task.learning.item_weights is None or self.processes.world == 1:
            return 1.0
        weight = 0.0 if batch is None else float(self.task.learning.item_weights(batch[1]).sum())
        total = self.processes.sum({"weight": weight})["weight"]
        return 0.0 if batch is None else (weight / total) / (len(batch[1]) / images)

    def _replanned(self, epoch_ended: bool) -> int:
        """The total steps, asked for anew where it is time to."""
        replan = self._hooks.replan
        assert replan is not None
        now, total_steps = time.perf_counter(), self.state.plan.total_steps
        if self.state.progress.step >= total_steps:
            return total_steps
        if not epoch_ended and now - self._replanned_at < self._hooks.replan_seconds:
            return total_steps
        self._replanned_at = now
        return replan(self.state)

    def _note(self, losses: Mapping[str, Tensor], outputs: Outputs, targets: Targets) -> None:
        """Adds a batch's figures to the sums."""
        with torch.no_grad():
            figures = {name: values.sum() for name, values in self.task.learning.step_metrics(outputs, targets).items()}
            figures |= {name: len(targets) * loss for name, loss in losses.items()}
            self._sums.note(figures)

    def _finish_epoch(self) -> EpochDone:
        """Evaluates on the held-out images and keeps the weights where they are as good as the best so far."""
        state, progress = self.state, self.state.progress
        epoch = (progress.step - 1) // state.plan.steps_per_epoch + 1
        lr = self._lr_at(progress.step - 1)
        means = self._sums.epoch_means()
        val: dict[str, float] = {}
        kept = False
        if epoch % state.plan.evaluate_every == 0 or progress.step == state.plan.total_steps:
            candidate = self._candidate()
            val, error = ({}, 0.0) if self.val_store is None else self.evaluate(candidate)
            check_finite(val, state)
            kept = not val or self._is_to_keep(val, error, epoch)
            if kept:
                self._hooks.save_best(candidate, val, epoch)
        return EpochDone(
            step=progress.step,
            epoch=epoch,
            train=means,
            val=val,
            lr=lr,
            images_per_second=progress.images / progress.train_seconds,
            seconds=progress.seconds,
            kept=kept,
        )

    def _is_to_keep(self, val: Mapping[str, float], error: float, epoch: int) -> bool:
        judging = self.task.judging
        value = val[judging.primary]
        return is_to_keep(self.state, value, error, epoch=epoch, higher_is_better=judging.higher_is_better)

    def _lr_at(self, step: int) -> float:
        return self.state.plan.lr_at(step, lowered=self.state.progress.lowered)

    def _candidate(self) -> nn.Module:
        """The weights that would be saved: the moving average where there is one."""
        if self.state.ema is None:
            return self.state.network
        if self._averaged is None:
            self._averaged = copy.deepcopy(self.state.network)
        self.state.ema.copy_to(self._averaged)
        return self._averaged

    def _planned(self, when: str) -> Planned:
        plan = self.state.plan
        return Planned(
            step=self.state.progress.step,
            total_steps=plan.total_steps,
            steps_per_epoch=plan.steps_per_epoch,
            reason=when,
        )
