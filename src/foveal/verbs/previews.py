"""What `foveal augment` shows: images as training would see them, on sheets."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from foveal.augment.draws import Draws
from foveal.augment.pipeline import augment_images, draw
from foveal.feed.store import Store
from foveal.job.asked import asked_for
from foveal.job.read import facts_of, read
from foveal.preprocess import input_hw
from foveal.read.writing import new_folder
from foveal.recipes.defaults import Recipe, resolve
from foveal.recipes.facts import DataFacts
from foveal.reporting.contact_sheet import Row, contact_sheet
from foveal.reporting.galleries.evaluated import as_pictures
from foveal.reporting.tasks import PRESENTATIONS
from foveal.tasks.task import Task
from foveal.training.settings import TrainSettings
from foveal.types import Dataset


def resolved(data: Any, settings: dict[str, Any], format: str | None) -> tuple[Dataset, Recipe, DataFacts]:
    """The data in its splits, what training would choose for it, and what it knows of them."""
    shown = read(asked_for(data, settings, None, format=format))
    facts = facts_of(shown)
    return shown.dataset, resolve(shown.asked.options, facts), facts


def seen(
    store: Store, keys: Tensor, task: Task, settings: TrainSettings, *, epoch: int
) -> tuple[list[np.ndarray], list[str]]:
    """A picture of each image of the store as that epoch shows it, and its words. keys: (B,), by which is drawn."""
    every = torch.arange(len(store))
    params = draw(
        settings.augment,
        Draws(settings.seed, epoch, keys),
        in_size_hw=store.preprocess.size_hw,
        out_size_hw=input_hw(settings.train_sizes[1], settings.aspect),
        channels=store.preprocess.channels,
    )
    images, targets = augment_images(store.gather(every), params), task.encode(store, every)
    augmented, targets = task.learning.augment(images, targets, params)
    pictures = as_pictures((augmented.float() * 255).round().clamp(0, 255).to(torch.uint8))
    return PRESENTATIONS[task.name].draw_targets(pictures, targets, store.samples, task.classes)


def titled(column: str, pictures: list[np.ndarray], words: list[str]) -> tuple[list[np.ndarray], list[str]]:
    return pictures, [f"{column}: {each}" if each else column for each in words]


def written(rows: list[Row], out: Path) -> dict[str, Any]:
    with new_folder(out) as folder:
        Image.fromarray(contact_sheet(rows)).save(folder / "sheet.png")
        for number, row in enumerate(rows, start=1):
            Image.fromarray(contact_sheet([row])).save(folder / f"{number}.png")
    files = {row.title: str(out / f"{number}.png") for number, row in enumerate(rows, start=1)}
    return {"out": str(out), "sheet": str(out / "sheet.png"), "images": files}
