"""The report's pictures of evaluated images: mistakes and large errors, and what a segmentation said."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from foveal.answers.segment import label_maps
from foveal.evaluation.evaluate import Evaluation
from foveal.evaluation.forward import forward
from foveal.feed.decoding import image_name
from foveal.feed.store import Store
from foveal.images.label_map import read_label_map
from foveal.reporting.overlays import colour_pixels
from foveal.reporting.pictures import Shown
from foveal.reporting.places import Example, Examples
from foveal.reporting.words import measure
from foveal.tasks.classify import joined
from foveal.tasks.task import Task
from foveal.verbs.detections import detections
from foveal.verbs.examples import examples_of, whole_image

_SHOWN = 24  # pictures in each gallery


def shown(task: Task, evaluation: Evaluation, store: Store, network: nn.Module, device: torch.device) -> dict[str, Any]:
    """Fields of `foveal.reporting.report.Report` by name."""
    if task.name == "segment":
        return {"examples": _segmented(task, evaluation, store, network, device)}
    if task.name == "detect":
        return detections(task, evaluation, store)
    if task.name == "multilabel":
        return {"mistakes": _wrong_labels(task, evaluation, store)}
    if task.name == "regress":
        return _numbers(task, evaluation, store)
    return {
        "mistakes": _gallery(task, evaluation, store, right=False),
        "unsure": _gallery(task, evaluation, store, right=True),
    }


def as_pictures(images: Tensor) -> list[np.ndarray]:
    """(B, C, H, W) uint8 -> B arrays (H, W, C)."""
    return list(images.permute(0, 2, 3, 1).contiguous().cpu().numpy())


def _segmented(task: Task, evaluation: Evaluation, store: Store, network: nn.Module, device: torch.device) -> Examples:
    """Images with their classes and what was said, by their share of right pixels."""
    judged = [each for record in evaluation.records for each in record]
    rights = [np.trace(each.confusion) / max(1, each.confusion.sum()) for each in judged]

    def example(index: int) -> Example:
        sample = store.samples[index]
        assert sample.label_map is not None
        assert sample.size_hw is not None
        outputs = forward(network, store.preprocess, store.gather(torch.tensor([index])), device=device)
        logits = {"logits": outputs["logits"].numpy()}
        said = label_maps(logits, [store.preprocess.placement(sample.size_hw)])[0]
        image = whole_image(sample)
        return Example(
            truth=colour_pixels(image, read_label_map(sample.label_map)),
            found=colour_pixels(image, said),
            words=f"{rights[index]:.3f} of its pixels right",
            path=image_name(sample),
        )

    return examples_of(sorted(range(len(rights)), key=lambda index: rights[index]), example)


def _numbers(task: Task, evaluation: Evaluation, store: Store) -> dict[str, Any]:
    """Of each target what is true and what was said, and the images whose worst target is furthest off."""
    said, true = (torch.cat(each) for each in zip(*evaluation.records, strict=True))
    errors, targets = ((said - true).abs() / torch.tensor(task.settings["spread"])).max(dim=1)
    order = errors.argsort(descending=True)[:_SHOWN]
    images = as_pictures(store.gather(order))

    names = [f"{name} " if len(task.classes) > 1 else "" for name in task.classes]

    return {
        "points": {
            name: list(zip(true[:, target].tolist(), said[:, target].tolist(), strict=True))
            for target, name in enumerate(task.classes)
        },
        "mistakes": [
            Shown(
                image=images[position],
                path=image_name(store.samples[index]),
                truth=names[targets[index]] + measure(float(true[index, targets[index]])),
                label=measure(float(said[index, targets[index]])),
                score=float(errors[index]),
            )
            for position, index in enumerate(order.tolist())
        ],
    }


def _wrong_labels(task: Task, evaluation: Evaluation, store: Store) -> list[Shown]:
    """Of each image the label on which it is most wrong, from the surest on."""
    logits, truths = (torch.cat(each) for each in zip(*evaluation.records, strict=True))
    scores = logits.double().sigmoid()
    wrong = torch.from_numpy(task.decision.told(scores.numpy())) != (truths > 0.5)
    errors, labels = torch.where(wrong, (scores - truths).abs(), -1).max(dim=1)
    order = errors.argsort(descending=True)[:_SHOWN]
    order = order[errors[order] >= 0]
    images = as_pictures(store.gather(order)) if len(order) else []
    found = []
    for position, index in enumerate(order.tolist()):
        label = int(labels[index])
        there = [name for name, truth in zip(task.classes, truths[index].tolist(), strict=True) if truth > 0.5]
        found.append(
            Shown(
                image=images[position],
                path=image_name(store.samples[index]),
                truth=", ".join(there) or "none",
                label=task.classes[label] if truths[index, label] < 0.5 else f"no {task.classes[label]}",
                score=float(scores[index, label]),
            )
        )
    return found


def _gallery(task: Task, evaluation: Evaluation, store: Store, *, right: bool) -> list[Shown]:
    """The most confident mistakes, or the hits that were least sure."""
    outputs, targets = joined(evaluation.records)
    scores, labels = outputs["logits"].double().softmax(dim=1).max(dim=1)
    truths = targets.argmax(dim=1)
    taken = (labels == truths).nonzero().flatten() if right else (labels != truths).nonzero().flatten()
    order = taken[scores[taken].argsort(descending=not right)][:_SHOWN]
    images = as_pictures(store.gather(order))
    return [
        Shown(
            image=images[position],
            path=image_name(store.samples[index]),
            truth=task.classes[int(truths[index])],
            label=task.classes[int(labels[index])],
            score=float(scores[index]),
        )
        for position, index in enumerate(order.tolist())
    ]
