"""Pictures of images with several labels: those that are most wrong."""

import torch

from foveal.reporting.galleries.evaluated import MOST_SHOWN, Evaluated, as_pictures
from foveal.reporting.pictures import Shown
from foveal.reporting.tasks.multilabel import Gallery


def gallery(evaluated: Evaluated) -> Gallery:
    """Of each image the label on which it is most wrong, the most confident first."""
    task, store = evaluated.task, evaluated.store
    logits, targets = (torch.cat(each) for each in zip(*evaluated.evaluation.records, strict=True))
    scores = logits.double().sigmoid()
    wrong = torch.from_numpy(task.decision.predicted(scores.numpy())) != (targets > 0.5)
    errors, labels = torch.where(wrong, (scores - targets).abs(), -1).max(dim=1)
    order = errors.argsort(descending=True)[:MOST_SHOWN]
    order = order[errors[order] >= 0]
    images = as_pictures(store.gather(order)) if len(order) else []
    found = []
    for position, index in enumerate(order.tolist()):
        label = int(labels[index])
        there = [name for name, truth in zip(task.classes, targets[index].tolist(), strict=True) if truth > 0.5]
        found.append(
            Shown(
                image=images[position],
                path=store.samples[index].image.name,
                ground_truth=", ".join(there) or "none",
                label=task.classes[label] if targets[index, label] < 0.5 else f"no {task.classes[label]}",
                score=float(scores[index, label]),
            )
        )
    return Gallery(mistakes=found)
