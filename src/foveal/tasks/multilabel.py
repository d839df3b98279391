"""Several labels an image, or none: each is decided by itself. Legend: B batch, N items, K labels."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from foveal.annotations import LabelSet
from foveal.answers.multilabel import Decision, probabilities
from foveal.augment.pipeline import mix
from foveal.errors import UsageError
from foveal.feed.store import Store
from foveal.losses.labels import LABEL_LOSSES
from foveal.metrics.labels import UNDECIDED, LabelMetrics, best_thresholds, label_metrics
from foveal.tasks.task import Judging, Learning, Outputs, Room, Task
from foveal.tasks.whole_image import Loss, build, loss_terms

PRIMARY, LOG_LOSS = "mAP", "log_loss"
QUICK_RESAMPLES = 40
"""For the standard error of a held-out figure."""
Record = tuple[Tensor, Tensor]
"""A batch's logits and targets, (B, K) float32, on the CPU."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be chosen; saved in the model file."""

    loss: str = "binary_cross_entropy"
    """A key of `foveal.losses.labels.LABEL_LOSSES`."""
    label_smoothing: float = 0.0
    """0 to below 1: so far each target goes towards a half."""

    def __post_init__(self) -> None:
        if self.loss not in LABEL_LOSSES:
            raise UsageError(f"--loss {self.loss}: expected one of {', '.join(LABEL_LOSSES)}")
        if not 0 <= self.label_smoothing < 1:
            raise UsageError(f"--label-smoothing {self.label_smoothing}: expected 0 to below 1")


def make(classes: tuple[str, ...], settings: Settings, decision: Decision) -> Task:
    """The task for these labels."""
    thresholds = decision.of(len(classes)).tolist()
    learning = Learning(
        augment=mix,
        build=partial(build, len(classes)),
        loss=partial(loss_terms, partial(_smoothed, LABEL_LOSSES[settings.loss], settings.label_smoothing)),
        item_weights=None,
        step_metrics=_step_metrics,
        step_metric_names=(LOG_LOSS,),
    )
    judging = Judging(
        validation_record=_evaluation_record,
        validation_metrics=partial(_validation_metrics, classes),
        evaluation_record=_evaluation_record,
        evaluation_metrics=partial(_evaluation_metrics, classes, thresholds),
        decide=_decide,
        primary=PRIMARY,
        higher_is_better=True,
    )
    return Task(
        name="multilabel",
        classes=classes,
        settings=asdict(settings),
        decision=decision,
        encode=partial(_encode, len(classes)),
        learning=learning,
        judging=judging,
    )


def joined(records: Sequence[Record]) -> Record:
    """The records of several batches as one: logits (N, K) and targets (N, K)."""
    return torch.cat([logits for logits, _ in records]), torch.cat([targets for _, targets in records])


def _encode(num_labels: int, store: Store, indices: Tensor) -> Tensor:
    """(B, K) float32, 1 where an image has a label: MixUp, CutMix and smoothing are then targets like any other."""
    targets = torch.zeros(len(indices), num_labels)
    for row, sample in enumerate(store.samples_at(indices)):
        targets[row, list(sample.known(LabelSet).indices)] = 1
    return targets


def _smoothed(loss: Loss, smoothing: float, logits: Tensor, targets: Tensor) -> Tensor:
    return loss(logits, torch.lerp(targets, torch.full_like(targets, 0.5), smoothing))


def _step_metrics(outputs: Outputs, targets: Tensor) -> dict[str, Tensor]:
    """Per item (B,): -ln of the probability of just these labels, each being by itself."""
    logits = outputs["logits"].float()
    return {LOG_LOSS: F.binary_cross_entropy_with_logits(logits, targets.float(), reduction="none").sum(dim=1)}


def _evaluation_record(outputs: Outputs, targets: Tensor) -> Record:
    return outputs["logits"].float().cpu(), targets.cpu()


def _validation_metrics(classes: tuple[str, ...], records: Sequence[Record]) -> tuple[dict[str, float], float]:
    """mAP is 0 where no held-out image has a label."""
    logits, targets = joined(records)
    thresholds = [UNDECIDED] * len(classes)
    overall = label_metrics(
        *_arrays(logits, targets), classes=classes, thresholds=thresholds, resamples=QUICK_RESAMPLES
    ).overall
    figures = {
        PRIMARY: 0.0 if math.isnan(overall[PRIMARY].value) else overall[PRIMARY].value,
        LOG_LOSS: _step_metrics({"logits": logits}, targets)[LOG_LOSS].double().mean().item(),
    }
    return figures, overall[PRIMARY].standard_error


def _evaluation_metrics(
    classes: tuple[str, ...], thresholds: Sequence[float], records: Sequence[Record]
) -> LabelMetrics:
    return label_metrics(*_arrays(*joined(records)), classes=classes, thresholds=thresholds)


def _decide(records: Sequence[Record]) -> Decision:
    """The thresholds of the highest F1."""
    return Decision(thresholds=tuple(best_thresholds(*_arrays(*joined(records))).tolist()))


def _arrays(logits: Tensor, targets: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, K) float64 and truths (N, K) bool."""
    return probabilities(logits.numpy()), (targets > 0.5).numpy()


ROOM = Room(settings=Settings, make=make)
