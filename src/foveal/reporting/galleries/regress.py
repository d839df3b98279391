"""Pictures of a regression: what is true and what was said, and the largest errors."""

import torch

from foveal.reporting.galleries.evaluated import MOST_SHOWN, Evaluated, as_pictures
from foveal.reporting.pictures import Shown
from foveal.reporting.tasks.regress import Gallery
from foveal.reporting.words import measure
from foveal.tasks.regress import joined


def gallery(evaluated: Evaluated) -> Gallery:
    """Of each target what is true and what was said, and the images whose worst target is furthest off."""
    task, store = evaluated.task, evaluated.store
    said, true = joined(evaluated.evaluation.records)
    errors, targets = ((said - true).abs() / torch.tensor(task.settings["spread"])).max(dim=1)
    order = errors.argsort(descending=True)[:MOST_SHOWN]
    images = as_pictures(store.gather(order))
    names = [f"{name} " if len(task.classes) > 1 else "" for name in task.classes]
    return Gallery(
        points={
            name: list(zip(true[:, target].tolist(), said[:, target].tolist(), strict=True))
            for target, name in enumerate(task.classes)
        },
        mistakes=[
            Shown(
                image=images[position],
                path=store.samples[index].image.name,
                truth=names[targets[index]] + measure(float(true[index, targets[index]])),
                label=measure(float(said[index, targets[index]])),
                score=float(errors[index]),
            )
            for position, index in enumerate(order.tolist())
        ],
    )
