"""Regression: numbers of an image. Legend: B batch, N items, T targets.

The network learns targets less their mean, over their spread, both of the training images: any unit learns at the same
rate. Answers and metrics undo it.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from foveal.annotations import Numbers
from foveal.answers.regress import Decision, Scale
from foveal.augment.pipeline import AugmentParams
from foveal.errors import UsageError
from foveal.feed.store import Store
from foveal.losses.regression import NUMBER_LOSSES
from foveal.metrics.regression import RegressionMetrics, regression_metrics
from foveal.tasks.task import Judging, Learning, Outputs, Room, Task
from foveal.tasks.whole_image import Loss, build, loss_terms

Record = tuple[Tensor, Tensor]
"""Predictions and targets of a batch, (B, T) float64 in the targets' units, on the CPU."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be chosen; saved in the model file."""

    loss: str = "huber"
    """A key of `foveal.losses.regression.NUMBER_LOSSES`."""
    mean: tuple[float, ...] = (0.0,)
    """Of each target over the training images; a single one holds for all."""
    spread: tuple[float, ...] = (1.0,)
    """Of each target its standard deviation there, above 0; a single one holds for all."""

    def __post_init__(self) -> None:
        if self.loss not in NUMBER_LOSSES:
            raise UsageError(f"--loss {self.loss}: expected one of {', '.join(NUMBER_LOSSES)}")
        if not all(spread > 0 for spread in self.spread):
            raise UsageError(f"spread {self.spread}: expected numbers above 0")


def make(classes: tuple[str, ...], settings: Settings, decision: Decision) -> Task:
    """The regression task for targets of these names."""
    scale = Scale.of(asdict(settings), len(classes))
    primary = "mae" if len(classes) == 1 else "relative_mae"
    loss = NUMBER_LOSSES[settings.loss]
    learning = Learning(
        augment=_augment,
        build=partial(build, len(classes)),
        loss=partial(loss_terms, loss),
        item_weights=None,
        step_metrics=partial(_step_metrics, scale, primary),
        step_metric_names=(primary,),
    )
    judging = Judging(
        validation_record=partial(_evaluation_record, scale),
        validation_metrics=partial(_validation_metrics, scale, loss, primary),
        evaluation_record=partial(_evaluation_record, scale),
        evaluation_metrics=partial(_evaluation_metrics, scale, classes),
        decide=None,
        primary=primary,
        higher_is_better=False,
    )
    return Task(
        name="regress",
        classes=classes,
        settings=asdict(settings),
        decision=decision,
        encode=partial(_encode, scale),
        learning=learning,
        judging=judging,
    )


def _encode(scale: Scale, store: Store, indices: Tensor) -> Tensor:
    """(B, T) float32, standardised."""
    values = np.array([sample.known(Numbers).values for sample in store.samples_at(indices)], np.float64)
    return torch.from_numpy(scale.standardised(values)).float()


def _augment(images: Tensor, targets: Tensor, params: AugmentParams) -> tuple[Tensor, Tensor]:
    """The images, already augmented, and their targets as they are. Raises UsageError where images were to be mixed."""
    if params.mixing is not None or params.mosaic is not None:
        raise UsageError("mixup, cutmix and mosaic mix images, which numbers can't follow")
    return images, targets


def _step_metrics(scale: Scale, primary: str, outputs: Outputs, targets: Tensor) -> dict[str, Tensor]:
    """Per item (B,): the mean over targets of the absolute error, of one target in its unit, of several in spreads."""
    errors = (outputs["logits"].float() - targets.float()).abs().mean(dim=1)
    return {primary: errors * float(scale.std[0]) if primary == "mae" else errors}


def _evaluation_record(scale: Scale, outputs: Outputs, targets: Tensor) -> Record:
    pairs = (outputs["logits"], targets)
    predicted, true = (torch.from_numpy(scale.restored(each.float().cpu().numpy())) for each in pairs)
    return predicted, true


def _validation_metrics(
    scale: Scale, loss: Loss, primary: str, records: Sequence[Record]
) -> tuple[dict[str, float], float]:
    predictions, targets = (torch.from_numpy(scale.standardised(each.numpy())) for each in joined(records))
    errors = _step_metrics(scale, primary, {"logits": predictions}, targets)[primary].double()
    error = errors.std(correction=0).item() / math.sqrt(len(errors))
    return {primary: errors.mean().item(), "loss": loss(predictions, targets).item()}, error


def joined(records: Sequence[Record]) -> Record:
    """The records of several batches as one: predictions and targets, (N, T) float64 in the targets' units."""
    return torch.cat([predictions for predictions, _ in records]), torch.cat([targets for _, targets in records])


def _evaluation_metrics(scale: Scale, names: tuple[str, ...], records: Sequence[Record]) -> RegressionMetrics:
    predictions, targets = joined(records)
    return regression_metrics(predictions.numpy(), targets.numpy(), names=names, stds=scale.std.tolist())


ROOM = Room(settings=Settings, make=make)
