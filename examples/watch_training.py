"""Training seen from outside: each event as it happens, and the learning curve from the run's log afterwards.

    python examples/watch_training.py

`foveal.train` calls `on_event` with the records of `foveal.events` and writes the same ones to RUN/events.jsonl, one
JSON object a line. So a plot or a message of your own needs no callback class.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import foveal
from foveal.events import EpochDone, Event, Planned

BLOCKS = "▁▂▃▄▅▆▇█"


class Watcher:
    """Called with each event; keeps the held-out log loss of each epoch that was tried."""

    def __init__(self) -> None:
        self.held_out: list[float] = []

    def __call__(self, event: Event) -> None:
        match event:
            case Planned(total_steps=steps, reason=reason):
                print(f"{reason}: {steps} steps planned")
            case EpochDone(epoch=epoch, val=val, kept=kept) if val:  # runs of many epochs don't try each
                self.held_out.append(val["log_loss"])
                print(f"epoch {epoch}: held-out log loss {val['log_loss']:.3f}{', kept' if kept else ''}")


def sparkline(values: list[float]) -> str:
    """One character a value, the highest a full block."""
    top = max(values)
    return "".join(BLOCKS[round(value / top * (len(BLOCKS) - 1))] for value in values)


def learning_curve(run: Path) -> list[float]:
    """The training loss by epoch, from the run's log; it can be read while the run goes on, too."""
    records = [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    return [record["train"]["loss"] for record in records if record["event"] == "epoch"]


def main(out: Path = Path("watched-run"), *, epochs: float = 8) -> None:
    """Leaves the run folder `out`."""
    digits = load_digits()
    images = np.round(digits.images / 16 * 255).astype(np.uint8)  # (1797, 8, 8)
    watcher = Watcher()
    foveal.train((images, digits.target), model="lenet5", epochs=epochs, out=out, on_event=watcher)
    print(f"training loss      {sparkline(learning_curve(out))}")
    print(f"held-out log loss  {sparkline(watcher.held_out)}")


if __name__ == "__main__":
    main()
