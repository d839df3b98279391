"""What a training step takes with so many stages frozen: ResNet-18-D on photographs' size, 32 images of noise."""

import numpy as np
import torch

from benchmarks.common import keep
from foveal.read.arrays import from_arrays
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import probe
from foveal.recipes.heads import prepare_task
from foveal.recipes.options import TrainOptions
from foveal.training.loop import Trainer
from foveal.training.prepare import prepare_data, prepare_state
from foveal.training.trials import measure_step_seconds

MODEL, SIDE, BATCH, STAGES = "resnet18_d", 128, 32, 4
CLASSES = tuple("abcdefgh")
STEPS, REPETITIONS = 6, 2


def step_ms(freeze: int) -> float:
    """The median step; the weights are not what the time hangs on, so they are drawn."""
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, SIDE, SIDE, 3), dtype=np.uint8)
    samples = from_arrays(pixels, np.arange(BATCH) % len(CLASSES), classes=CLASSES).samples
    asked = TrainOptions(model=MODEL, weights="drawn", freeze=freeze, batch_size=BATCH, train_sizes=(SIDE, SIDE))
    settings, device = resolve(asked, probe(samples, len(CLASSES))).settings, torch.device("cpu")
    data = prepare_data(samples, (), settings, channels=3)
    task = prepare_task(settings, CLASSES, data.train.samples)
    state = prepare_state(settings, task, data, device=device, module=None)
    trainer = Trainer(task, state, data.preprocess, data.train, None, device=device)
    return 1e3 * measure_step_seconds(trainer, steps=STEPS)[SIDE]


def main() -> None:
    """About half a minute on 2 cores."""
    rows = []
    for repetition in range(REPETITIONS):
        for freeze in range(STAGES + 1):
            row = {"model": MODEL, "repetition": repetition, "freeze": freeze, "step_ms": round(step_ms(freeze), 1)}
            rows.append(row)
            print(f"{freeze} of {STAGES} stages frozen: {row['step_ms']:.0f} ms a step", flush=True)
    keep("frozen-stages", rows, size=SIDE, batch_size=BATCH)


if __name__ == "__main__":
    main()
