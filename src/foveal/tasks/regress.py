"""Regression: numbers of an image. Legend: B batch, N items, T targets.

The network learns targets less their mean, over their spread, both of the training images: any unit learns at the same
rate. `decode` and the metrics undo it.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from foveal.annotations import Numbers
from foveal.augment.pipeline import AugmentParams
from foveal.errors import UsageError
from foveal.feed.store import Store
from foveal.losses.regression import NUMBER_LOSSES
from foveal.metrics.regression import RegressionMetrics, regression_metrics
from foveal.preprocess import Placement
from foveal.tasks.task import Outputs, Task
from foveal.tasks.whole_image import Loss, build, loss_terms

Judged = tuple[Tensor, Tensor]
"""What was said of a batch and what is true, (B, T) float64 in the targets' units, on the CPU."""


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


def make(classes: tuple[str, ...], settings: Settings) -> Task:
    """The regression task for targets of these names."""
    scale = _Scale.of(settings, len(classes))
    primary = "mae" if len(classes) == 1 else "relative_mae"
    loss = NUMBER_LOSSES[settings.loss]
    return Task(
        name="regress",
        classes=classes,
        settings=asdict(settings),
        encode=partial(_encode, scale),
        augment=_augment,
        build=partial(build, len(classes)),
        loss=partial(loss_terms, loss),
        weigh=None,
        quick=partial(_quick, scale, primary),
        figures=(primary,),
        glance=partial(_record, scale),
        assess=partial(_assess, scale, loss, primary),
        record=partial(_record, scale),
        measure=partial(_measure, scale, classes),
        tune=None,
        decode=partial(_decode, scale, classes),
        merge=_merge,
        join=None,
        primary=primary,
        higher_is_better=False,
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """From the targets' units to what the network learns, and back: (…, T) float64."""

    mean: Tensor
    spread: Tensor

    @classmethod
    def of(cls, settings: Settings, num_targets: int) -> "_Scale":
        for name, values in (("means", settings.mean), ("spreads", settings.spread)):
            if len(values) not in (1, num_targets):
                raise UsageError(f"{len(values)} {name}: expected {num_targets}, one a target")
        mean, spread = (torch.tensor(values, dtype=torch.float64) for values in (settings.mean, settings.spread))
        return cls(mean.expand(num_targets), spread.expand(num_targets))

    def standardised(self, values: Tensor) -> Tensor:
        return (values - self.mean) / self.spread

    def restored(self, outputs: Tensor) -> Tensor:
        return outputs.double().cpu() * self.spread + self.mean


def _encode(scale: _Scale, store: Store, indices: Tensor) -> Tensor:
    """(B, T) float32, standardised."""
    values = torch.tensor([sample.known(Numbers).values for sample in store.samples_at(indices)], dtype=torch.float64)
    return scale.standardised(values).float()


def _augment(images: Tensor, targets: Tensor, params: AugmentParams) -> tuple[Tensor, Tensor]:
    """The images, already augmented, and their targets as they are. Raises UsageError where images were to be mixed."""
    if params.mixing is not None or params.mosaic is not None:
        raise UsageError("mixup, cutmix and mosaic mix images, which numbers can't follow")
    return images, targets


def _quick(scale: _Scale, primary: str, outputs: Outputs, targets: Tensor) -> dict[str, Tensor]:
    """Per item (B,): the mean over targets of the absolute error, of one target in its unit, of several in spreads."""
    errors = (outputs["logits"].float() - targets.float()).abs().mean(dim=1)
    return {primary: errors * float(scale.spread[0]) if primary == "mae" else errors}


def _record(scale: _Scale, outputs: Outputs, targets: Tensor) -> Judged:
    return scale.restored(outputs["logits"]), scale.restored(targets)


def _assess(scale: _Scale, loss: Loss, primary: str, records: Sequence[Judged]) -> tuple[dict[str, float], float]:
    said, true = (scale.standardised(each) for each in joined(records))
    errors = _quick(scale, primary, {"logits": said}, true)[primary].double()
    error = errors.std(correction=0).item() / math.sqrt(len(errors))
    return {primary: errors.mean().item(), "loss": loss(said, true).item()}, error


def joined(records: Sequence[Judged]) -> Judged:
    """The records of several batches as one: what was said and what is true, (N, T) float64 in the targets' units."""
    return torch.cat([said for said, _ in records]), torch.cat([true for _, true in records])


def _measure(scale: _Scale, names: tuple[str, ...], records: Sequence[Judged]) -> RegressionMetrics:
    said, true = joined(records)
    return regression_metrics(said.numpy(), true.numpy(), names=names, spreads=scale.spread.tolist())


def _decode(
    scale: _Scale, names: tuple[str, ...], outputs: Outputs, placements: Sequence[Placement]
) -> list[dict[str, Any]]:
    """{"values": {name: number in the target's unit}} of each image."""
    return [{"values": dict(zip(names, row, strict=True))} for row in scale.restored(outputs["logits"]).tolist()]


def _merge(views: Sequence[Outputs]) -> Outputs:
    """The mean of the views."""
    return {"logits": torch.stack([outputs["logits"].double() for outputs in views]).mean(dim=0).float()}
