"""Classification: one class an image. Legend: B batch, K classes."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

import torch
from torch import Tensor, nn

from foveal.annotations import ClassLabel
from foveal.answers.classify import Decision, probabilities
from foveal.augment.pipeline import mix
from foveal.errors import UsageError
from foveal.feed.store import Store
from foveal.losses.classification import LOSSES
from foveal.metrics.classification import ClassificationMetrics, classification_metrics
from foveal.tasks.task import Judging, Learning, Outputs, Room, Task
from foveal.tasks.whole_image import build, loss_terms

FIGURES = PRIMARY, LOG_LOSS = "accuracy", "log_loss"
Record = tuple[Outputs, Tensor]
"""A batch's outputs and targets, on the CPU."""
WEIGHED = ("cross_entropy", "focal")
"""Losses that take class weights."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be chosen; saved in the model file."""

    loss: str = "cross_entropy"
    """A key of `foveal.losses.classification.LOSSES`."""
    label_smoothing: float = 0.0
    """0 to below 1; cross-entropy only (Szegedy et al. 2015, arXiv:1512.00567, section 7)."""
    class_weights: tuple[float, ...] | None = None
    """One weight a class, above 0; cross-entropy and focal loss only."""

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise UsageError(f"--loss {self.loss}: expected one of {', '.join(LOSSES)}")
        if not 0 <= self.label_smoothing < 1:
            raise UsageError(f"--label-smoothing {self.label_smoothing}: expected 0 to below 1")
        if self.label_smoothing and self.loss != "cross_entropy":
            raise UsageError(f"--loss {self.loss}: label smoothing goes with cross_entropy only")
        if self.class_weights is not None and self.loss not in WEIGHED:
            raise UsageError(f"--loss {self.loss}: class weights go with {' and '.join(WEIGHED)} only")


def make(classes: tuple[str, ...], settings: Settings, decision: Decision) -> Task:
    """The classification task for these classes."""
    weights = settings.class_weights
    if weights is not None and len(weights) != len(classes):
        raise UsageError(f"{len(weights)} class weights: expected {len(classes)}, one a class")
    loss = LOSSES[settings.loss]
    tensor = None if weights is None else torch.tensor(weights)
    if tensor is not None:
        loss = partial(loss, class_weights=tensor)
    if settings.label_smoothing:
        loss = partial(loss, label_smoothing=settings.label_smoothing)
    learning = Learning(
        augment=mix,
        build=partial(build, len(classes)),
        loss=partial(loss_terms, loss),
        item_weights=None if tensor is None else partial(_item_weights, tensor),
        step_metrics=_step_metrics,
        step_metric_names=FIGURES,
    )
    judging = Judging(
        validation_record=_evaluation_record,
        validation_metrics=_validation_metrics,
        evaluation_record=_evaluation_record,
        evaluation_metrics=partial(_evaluation_metrics, classes),
        decide=None,
        primary=PRIMARY,
        higher_is_better=True,
    )
    return Task(
        name="classify",
        classes=classes,
        settings=asdict(settings),
        decision=decision,
        encode=partial(_encode, len(classes)),
        learning=learning,
        judging=judging,
    )


def joined(records: Sequence[Record]) -> Record:
    """The records of several batches as those of one: logits (N, K) and targets (N, K)."""
    logits = torch.cat([outputs["logits"] for outputs, _ in records])
    return {"logits": logits}, torch.cat([targets for _, targets in records])


def _encode(num_classes: int, store: Store, indices: Tensor) -> Tensor:
    """One-hot (B, K) float32: MixUp, CutMix and smoothing are then targets like any other."""
    labels = torch.tensor([sample.known(ClassLabel).index for sample in store.samples_at(indices)], dtype=torch.long)
    return nn.functional.one_hot(labels, num_classes).to(torch.float32)


def _item_weights(class_weights: Tensor, targets: Tensor) -> Tensor:
    """(B, K) -> (B,): the losses divide by their sum."""
    return targets @ class_weights.to(targets)


def _step_metrics(outputs: Outputs, targets: Tensor) -> dict[str, Tensor]:
    """Per item (B,): whether the strongest output is the strongest target, and the log loss."""
    logits = outputs["logits"].float()
    return {
        PRIMARY: (logits.argmax(dim=1) == targets.argmax(dim=1)).float(),
        LOG_LOSS: -(targets * logits.log_softmax(dim=1)).sum(dim=1),
    }


def _evaluation_record(outputs: Outputs, targets: Tensor) -> Record:
    return {"logits": outputs["logits"].float().cpu()}, targets.cpu()


def _validation_metrics(records: Sequence[Record]) -> tuple[dict[str, float], float]:
    figures = {name: values.double() for name, values in _step_metrics(*joined(records)).items()}
    error = figures[PRIMARY].std(correction=0).item() / math.sqrt(len(figures[PRIMARY]))
    return {name: values.mean().item() for name, values in figures.items()}, error


def _evaluation_metrics(classes: tuple[str, ...], records: Sequence[Record]) -> ClassificationMetrics:
    outputs, targets = joined(records)
    labels = targets.argmax(dim=1).numpy()
    return classification_metrics(probabilities(outputs["logits"].numpy()), labels, classes=classes)


ROOM = Room(settings=Settings, make=make)
