"""What the verbs say while they work: on standard error, as plain lines where there is no terminal.

Of several processes rank 0 alone writes here.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from foveal.events import EpochDone, Event, Planned, StepDone, Stopped
from foveal.processes.launch import launched

_SHOWN_CHANGE = 0.05
"""A plan is shown again where it differs by more than this share from the last one shown."""


def say(line: str) -> None:
    """Prints one line on standard error."""
    if launched().first:
        print(line, file=sys.stderr, flush=True)


def figure_words(value: float | None) -> str:
    """A figure as the verbs say it: four decimals, or that nothing defines it."""
    return "undefined" if value is None else f"{value:.4f}"


@contextmanager
def decoding_bar() -> Iterator["DecodingBar"]:
    """A callback for decoding's progress: a bar on a terminal, nothing elsewhere."""
    with _bars() as bars:
        yield DecodingBar(bars)


class DecodingBar:
    """Called with (done, total)."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def __call__(self, done: int, total: int) -> None:
        if self._task is None:
            self._task = self._bars.add_task("decoding", total=total)
        self._bars.update(self._task, completed=done, total=total)


class TrainingDisplay:
    """Draws training's events: two bars on a terminal, a line an epoch elsewhere."""

    def __init__(self) -> None:
        self._bars = _bars()
        self._terminal = self._bars.console.is_terminal
        self._steps = self._bars.add_task("step", total=None)
        self._epochs = self._bars.add_task("epoch", total=None)
        self._total_steps = self._shown_steps = 0
        self._steps_per_epoch = 1

    def __enter__(self) -> "TrainingDisplay":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, event: Event) -> None:
        """Takes in one event."""
        match event:
            case Planned():
                self._plan(event)
            case StepDone():
                in_epoch = (event.step - 1) % self._steps_per_epoch + 1
                figures = _figures({"loss": event.loss, **_shown(event.figures)})
                text = f"step   {figures} lr {event.lr:.2g} {event.images_per_second:,.0f} img/s"
                self._bars.update(self._steps, completed=in_epoch, total=self._steps_per_epoch, description=text)
                self._bars.update(self._epochs, completed=event.step / self._steps_per_epoch)
            case EpochDone():
                self._bars.console.print(self._epoch_line(event), highlight=False, soft_wrap=True)
            case Stopped():
                self._bars.console.print(f"stopped after step {event.step}: {event.reason}", highlight=False)

    def _plan(self, event: Planned) -> None:
        self._total_steps, self._steps_per_epoch = event.total_steps, event.steps_per_epoch
        epochs = event.total_steps / event.steps_per_epoch
        self._bars.update(self._epochs, total=epochs, completed=event.step / event.steps_per_epoch, description="epoch")
        if abs(event.total_steps - self._shown_steps) <= _SHOWN_CHANGE * event.total_steps:
            return
        self._shown_steps = event.total_steps
        self._bars.console.print(
            f"plan {event.reason}: {event.total_steps:,} steps, {epochs:.4g} epochs of {event.steps_per_epoch:,}",
            highlight=False,
        )

    def _epoch_line(self, event: EpochDone) -> str:
        total = self._total_steps / self._steps_per_epoch
        left = event.seconds / event.step * (self._total_steps - event.step)
        held_out = ""
        if event.val:
            held_out = f" · held out {_figures(event.val)}"
        return (
            f"epoch {event.epoch}/{total:.4g} · {_figures(_shown(event.train))}{held_out}"
            f"{' (kept)' if event.kept else ''} · lr {event.lr:.2g} · {event.images_per_second:,.0f} img/s"
            f" · {event.seconds:.0f} s, {left:.0f} s left"
        )


def _bars() -> Progress:
    console = Console(stderr=True, quiet=not launched().first)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _shown(training: Mapping[str, float]) -> dict[str, float]:
    """Figures of training without the one that its loss nearly is."""
    return {name: value for name, value in training.items() if name != "log_loss"}


def _figures(values: Mapping[str, float]) -> str:
    """Losses first."""
    ordered = sorted(values.items(), key=lambda item: "loss" not in item[0])
    return " ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in ordered)


class Stopwatch:
    """Seconds by name, for the report."""

    def __init__(self, started: float | None = None) -> None:
        self.started = time.perf_counter() if started is None else started
        self.times: dict[str, float] = {}
        self._lap = self.started

    def lap(self, name: str) -> None:
        """Gives the time since the last lap to `name`."""
        now = time.perf_counter()
        self.times[name] = self.times.get(name, 0.0) + now - self._lap
        self._lap = now

    def add(self, name: str, seconds: float) -> None:
        """Takes in time spent before: by a run that is continued now."""
        self.started -= seconds
        self.times[name] = self.times.get(name, 0.0) + seconds

    def total(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started
