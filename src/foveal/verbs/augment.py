"""`foveal augment`: pictures of what training would see of some images under the same options."""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from foveal.augment.draws import Draws
from foveal.augment.pipeline import augment_images, draw
from foveal.augment.settings import AugmentSettings
from foveal.console import say
from foveal.errors import UsageError
from foveal.feed.store import Store
from foveal.job.asked import asked_for
from foveal.job.read import facts_of, read
from foveal.preprocess import input_hw
from foveal.read.writing import new_folder
from foveal.recipes.defaults import Recipe, resolve
from foveal.recipes.heads import provisional_task
from foveal.reporting.contact_sheet import Row, contact_sheet
from foveal.reporting.galleries.evaluated import as_pictures
from foveal.reporting.tasks import presentation_of
from foveal.tasks.task import Task
from foveal.training.prepare import prepare_data
from foveal.types import Dataset


def show_augmentation(
    data: Any, *, out: Path | str, images: int = 8, variants: int = 6, format: str | None = None, **settings: Any
) -> dict[str, Any]:
    """Writes sheet.png and a picture for each image to the new folder `out`: the image, and how epochs would show it.

    data: what `foveal.read_dataset` takes. settings: those of `foveal.train`, so that the pictures are what it would
    feed: of evenly spread training images, in their first epochs, at the last training size. Mixing and mosaic take
    their partners among the images shown. Returns {"out", "sheet", "images", "augment"}: the files of the pictures by
    image, and the augmentation's settings.
    Raises UsageError, and DataError for data that can't be read and where `out` holds something already.
    """
    if images < 1 or variants < 1:
        raise UsageError(f"--images {images} and --variants {variants}: expected at least 1 of each")
    dataset, recipe, channels = _resolved(data, settings, format)
    samples = dataset.of_split("train")
    task = provisional_task(recipe.settings, dataset.classes, samples)
    spread = torch.linspace(0, len(samples) - 1, min(images, len(samples))).round().long().tolist()
    prepared = partial(prepare_data, [samples[index] for index in spread], (), channels=channels)
    size = recipe.settings.train_sizes
    plain = prepared(replace(recipe.settings, augment=AugmentSettings(), train_sizes=(size[1], size[1]))).train
    store = prepared(recipe.settings).train
    numbers = {sample.id: index for index, sample in enumerate(samples)}
    keys = torch.tensor([numbers[sample.id] for sample in store.samples])
    unchanged = replace(recipe, settings=replace(recipe.settings, augment=AugmentSettings()))
    shown = [_titled("as it is", *_seen(plain, keys, task, unchanged, epoch=0))]
    shown += [
        _titled(f"epoch {epoch + 1}", *_seen(store, keys, task, recipe, epoch=epoch)) for epoch in range(variants)
    ]
    rows = [
        Row(
            title=sample.image.name,
            pictures=[pictures[row] for pictures, _ in shown],
            words=[words[row] for _, words in shown],
        )
        for row, sample in enumerate(store.samples)
    ]
    result = _written(rows, Path(out))
    say(f"augmentation: {', '.join(_changed(recipe.settings.augment)) or 'none'} ({recipe.reasons['augment']})")
    say(f"sheet: {result['sheet']}")
    return {**result, "augment": asdict(recipe.settings.augment)}


def _resolved(data: Any, settings: dict[str, Any], format: str | None) -> tuple[Dataset, Recipe, int]:
    """The data in its splits, what training would choose for it, and the images' channels."""
    shown = read(asked_for(data, settings, None, format=format))
    facts = facts_of(shown)
    return shown.dataset, resolve(shown.asked.options, facts), facts.channels


def _seen(store: Store, keys: Tensor, task: Task, recipe: Recipe, *, epoch: int) -> tuple[list[np.ndarray], list[str]]:
    """A picture of each image of the store as that epoch shows it, and its words. keys: (B,), by which is drawn."""
    settings, every = recipe.settings, torch.arange(len(store))
    assert settings.train_sizes is not None
    params = draw(
        recipe.settings.augment,
        Draws(settings.seed, epoch, keys),
        in_size_hw=store.preprocess.size_hw,
        out_size_hw=input_hw(settings.train_sizes[1], settings.aspect or 1.0),
        channels=store.preprocess.channels,
    )
    augmented, targets = task.augment(augment_images(store.gather(every), params), task.encode(store, every), params)
    pictures = as_pictures((augmented.float() * 255).round().clamp(0, 255).to(torch.uint8))
    return presentation_of(task.name).draw_targets(pictures, targets, store.samples, task.classes)


def _titled(column: str, pictures: list[np.ndarray], words: list[str]) -> tuple[list[np.ndarray], list[str]]:
    return pictures, [f"{column}: {each}" if each else column for each in words]


def _written(rows: list[Row], out: Path) -> dict[str, Any]:
    with new_folder(out) as folder:
        Image.fromarray(contact_sheet(rows)).save(folder / "sheet.png")
        for number, row in enumerate(rows, start=1):
            Image.fromarray(contact_sheet([row])).save(folder / f"{number}.png")
    files = {row.title: str(out / f"{number}.png") for number, row in enumerate(rows, start=1)}
    return {"out": str(out), "sheet": str(out / "sheet.png"), "images": files}


def _changed(augment: AugmentSettings) -> list[str]:
    """The names of the settings that are not off."""
    return [name for name, value in asdict(augment).items() if value != getattr(AugmentSettings(), name)]
