"""Pictures of a regression: predictions by ground truth, and the largest errors."""

import torch

from foveal.reporting.galleries.evaluated import MOST_SHOWN, Evaluated, as_pictures
from foveal.reporting.pictures import Shown
from foveal.reporting.tasks.regress import Gallery
from foveal.reporting.words import measure
from foveal.tasks.regress import joined


def gallery(evaluated: Evaluated) -> Gallery:
    """Ground truth and predictions of each target, and the images with the largest errors."""
    task, store = evaluated.task, evaluated.store
    predictions, targets = joined(evaluated.evaluation.records)
    errors, worst = ((predictions - targets).abs() / torch.tensor(task.settings["spread"])).max(dim=1)
    order = errors.argsort(descending=True)[:MOST_SHOWN]
    images = as_pictures(store.gather(order))
    names = [f"{name} " if len(task.classes) > 1 else "" for name in task.classes]
    return Gallery(
        points={
            name: list(zip(targets[:, target].tolist(), predictions[:, target].tolist(), strict=True))
            for target, name in enumerate(task.classes)
        },
        mistakes=[
            Shown(
                image=images[position],
                path=store.samples[index].image.name,
                ground_truth=names[worst[index]] + measure(float(targets[index, worst[index]])),
                label=measure(float(predictions[index, worst[index]])),
                score=float(errors[index]),
            )
            for position, index in enumerate(order.tolist())
        ],
    )
