"""Write pictures of what train with the same options would see of some images."""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from foveal.errors import UsageError
from foveal.options import Option
from foveal.verbs.parameters import Data, Format, NewFolder, Settings


def show_augmentation(
    data: Data,
    *,
    out: NewFolder,
    images: Annotated[int, Option("How many training images are shown, evenly spread.")] = 8,
    variants: Annotated[int, Option("How many epochs of each.")] = 6,
    format: Format = None,
    **settings: Annotated[Any, Settings()],
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
    import torch

    from foveal.augment.settings import AugmentSettings
    from foveal.console import say
    from foveal.recipes.heads import provisional_task
    from foveal.reporting.contact_sheet import Row
    from foveal.training.prepare import prepare_data
    from foveal.verbs.previews import resolved, seen, titled, written

    dataset, recipe, facts = resolved(data, settings, format)
    samples = dataset.of_split("train")
    task = provisional_task(recipe.settings, dataset.classes, samples)
    spread = torch.linspace(0, len(samples) - 1, min(images, len(samples))).round().long().tolist()
    shown_samples = [samples[index] for index in spread]
    prepared = partial(prepare_data, shown_samples, (), channels=facts.channels, depth=facts.depth)
    settled = recipe.settings
    last = settled.train_sizes[1]
    unchanged = replace(settled, augment=AugmentSettings(), train_sizes=(last, last))
    plain, store = prepared(unchanged).train, prepared(settled).train
    numbers = {sample.id: index for index, sample in enumerate(samples)}
    keys = torch.tensor([numbers[sample.id] for sample in store.samples])
    shown = [titled("as it is", *seen(plain, keys, task, unchanged, epoch=0))]
    shown += [titled(f"epoch {epoch + 1}", *seen(store, keys, task, settled, epoch=epoch)) for epoch in range(variants)]
    rows = [
        Row(
            title=sample.image.name,
            pictures=[pictures[row] for pictures, _ in shown],
            words=[words[row] for _, words in shown],
        )
        for row, sample in enumerate(store.samples)
    ]
    result = written(rows, Path(out))
    say(f"augmentation: {', '.join(recipe.settings.augment.changed) or 'none'} ({recipe.reasons['augment']})")
    say(f"sheet: {result['sheet']}")
    return {**result, "augment": asdict(recipe.settings.augment)}
