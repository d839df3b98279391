"""Pictures of a classification: its most confident mistakes, and the hits that were least sure."""

from foveal.reporting.galleries.evaluated import MOST_SHOWN, Evaluated, as_pictures
from foveal.reporting.pictures import Shown
from foveal.reporting.tasks.classify import Gallery
from foveal.tasks.classify import joined


def gallery(evaluated: Evaluated) -> Gallery:
    """What the report shows of the evaluated images."""
    return Gallery(mistakes=_shown(evaluated, right=False), unsure=_shown(evaluated, right=True))


def _shown(evaluated: Evaluated, *, right: bool) -> list[Shown]:
    """The most confident mistakes, or the hits that were least sure."""
    store, classes = evaluated.store, evaluated.task.classes
    outputs, targets = joined(evaluated.evaluation.records)
    scores, labels = outputs["logits"].double().softmax(dim=1).max(dim=1)
    targets = targets.argmax(dim=1)
    taken = (labels == targets).nonzero().flatten() if right else (labels != targets).nonzero().flatten()
    order = taken[scores[taken].argsort(descending=not right)][:MOST_SHOWN]
    images = as_pictures(store.gather(order))
    return [
        Shown(
            image=images[position],
            path=store.samples[index].image.name,
            ground_truth=classes[int(targets[index])],
            label=classes[int(labels[index])],
            score=float(scores[index]),
        )
        for position, index in enumerate(order.tolist())
    ]
